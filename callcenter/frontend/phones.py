"""Who is registered, and is she who she says.

Why: an agent is offered contacts only while a phone of hers is registered, so registrations are
facts that control must hear of: the first binding makes her reachable, the end of the last one
unreachable. Strangers guess at names and passwords all day long; a name that does not exist is
answered by the same challenge, after the same work, as one whose password was wrong, and whoever
keeps guessing is not heard for a while. A guess counts only where it answers a challenge that we
sent to its source: under a forged address nobody can be locked out.

Sources: RFC 3261 10.3 (registrar), 22 (digest); RFC 5626 (several phones of one person).
"""

from collections import Counter
from typing import NamedTuple

from callcenter.domain.center import PhoneProfile
from callcenter.domain.commands import PhoneReported
from callcenter.domain.termination import Reason
from callcenter.domain.units import AgentId, Micros
from callcenter.frontend.endings import ending
from callcenter.frontend.hands import Hands, source_of
from callcenter.frontend.limits import SOURCES_MAX, FailureLock
from callcenter.frontend.turn import Credential, RecordChange
from callcenter.sip.digest import (
    HA1_OF_NOBODY,
    Nonces,
    Profile,
    challenges,
    find_authorization,
    verify,
)
from callcenter.sip.errors import SipError
from callcenter.sip.flow import Address, Flow
from callcenter.sip.message import Request
from callcenter.sip.registrar import BINDINGS_MAX, Binding, Registrar
from callcenter.sip.uri import parse_uri

NOBODY = Credential(agent=AgentId(""), username="", ha1_md5=HA1_OF_NOBODY, ha1_sha256=HA1_OF_NOBODY)
"""Stands in for an unknown user, so that she costs what a known one costs."""


class Answer(NamedTuple):
    """What a request is answered with when it may not go on."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


class Phones:
    """Registrations and digest of one front end."""

    def __init__(self, hands: Hands, secret: bytes) -> None:
        self.hands = hands
        self.registrar = Registrar(hands.rules.expires_seconds_min)
        self._nonces = Nonces(secret)
        self._lock = FailureLock()
        self.reachable: set[AgentId] = set()
        self._seen_at: dict[Address, AgentId] = {}
        self._lost: dict[AgentId, dict[str, Flow]] = {}
        """Connections that were lost, by agent and phone, until it comes back."""
        self.changed: set[AgentId] = set()
        """Agents whose bindings changed in this turn."""
        self.rejected: Counter[str] = Counter()
        """For the metrics: `wrong` (password or name), `locked`, `malformed`, `other_name`."""

    # ---- who is she -----------------------------------------------------------------------

    def authenticate(self, request: Request, flow: Flow) -> Credential | Answer:
        """The agent who sent `request`, or what to answer it with."""
        hands, source = self.hands, source_of(flow)
        try:
            sent = find_authorization(request.headers.get_all("Authorization"), hands.rules.realm)
        except SipError as wrong:
            return self._reject("malformed", wrong.status)
        if sent is None:
            return self._challenge(source)
        if self._lock.is_locked(source, sent.username, hands.now):
            return self._reject("locked", 403)
        if not self._nonces.is_fresh(sent.nonce, hands.now, source):
            return self._challenge(source, stale=True)  # whether her password is right or not
        known = hands.config.credentials.get(sent.username, NOBODY)
        legacy = known.profile is PhoneProfile.LEGACY and not sent.qop
        profile: Profile = "legacy" if legacy else "standard"
        right = verify(sent, request.method, known.ha1_md5, known.ha1_sha256, request.uri, profile)
        if not right or known is NOBODY:
            self._lock.failed(source, sent.username, hands.now)
            self.rejected["wrong"] += 1
            return self._challenge(source)
        if self._nonces.check(sent.nonce, sent.nc, hands.now, source) != "ok":
            return self._challenge(source, stale=True)
        self._lock.succeeded(source, sent.username)
        return known

    def _reject(self, why: str, status: int) -> Answer:
        self.rejected[why] += 1
        return Answer(status)

    def _challenge(self, source: str, *, stale: bool = False) -> Answer:
        """One challenge for everybody: who is known, and as what, shows in nothing."""
        nonce = self._nonces.make(self.hands.now, source)
        rules = self.hands.rules
        offers = challenges(rules.realm, nonce, rules.digest, stale)
        return Answer(401, tuple(("WWW-Authenticate", offer) for offer in offers))

    # ---- where is she ---------------------------------------------------------------------

    def register(self, request: Request, flow: Flow) -> Answer:
        """REGISTER: check the password, keep the binding, tell control what changed."""
        who = self.authenticate(request, flow)
        if isinstance(who, Answer):
            return who
        try:
            user = parse_uri(request.to.uri).user
        except SipError as wrong:
            return Answer(wrong.status)
        if user and user != who.username and user != who.agent:
            return self._reject("other_name", 403)
        if self.hands.rule(flow).forbids_call:  # it could never be rung
            answer = self._reject("unencrypted", 403)
            return answer._replace(headers=ending(Reason.ENCRYPTION_REQUIRED).warnings)
        status, headers = self.registrar.register(
            request, flow, who.agent, self.hands.now, who.profile.value
        )
        self._saw(flow.remote, who.agent)
        self._came_back(who.agent, flow)
        self._notice(who.agent, "unregistered")
        return Answer(status, tuple(headers))

    def bindings(self, agent: AgentId) -> list[Binding]:
        """The living phones of an agent, each once: a phone that came back by another road is
        rung on its newest."""
        newest: dict[str, Binding] = {}
        for binding in self.registrar.bindings(agent, self.hands.now):
            newest.setdefault(phone_of(binding), binding)
        return list(newest.values())

    def _saw(self, where: Address, agent: AgentId) -> None:
        self.hands.proved.add(where[0])
        self._seen_at.pop(where, None)
        self._seen_at[where] = agent
        if len(self._seen_at) > SOURCES_MAX:
            del self._seen_at[next(iter(self._seen_at))]

    def knows(self, where: Address) -> bool:
        """Whether somebody registered from there, at some time."""
        return where in self._seen_at

    def registered_from(self, flow: Flow) -> AgentId | None:
        """The agent whose phone sits behind `flow`."""
        agent = self._seen_at.get(flow.remote)
        if agent and any(b.flow.remote == flow.remote for b in self.bindings(agent)):
            return agent
        return None

    def flows(self) -> set[Flow]:
        """The roads to all phones that are registered."""
        agents = [AgentId(agent) for agent in self.registrar.agents]
        return {b.flow for agent in agents for b in self.registrar.bindings(agent, self.hands.now)}

    def _came_back(self, agent: AgentId, flow: Flow) -> None:
        """A phone that lost its connection in a call has another one: she hears of its end there.

        Which phone it is shows in its name; of a phone without one only where she lost no other.
        """
        lost = self._lost.get(agent, {})
        mine = [b for b in self.bindings(agent) if b.flow == flow]
        known = next((phone_of(b) for b in mine if phone_of(b) in lost), "")
        if not known and mine and len(lost) == 1:
            known = next(iter(lost))
        if known:
            self.hands.endpoint.moved(lost.pop(known), flow)
            if not lost:
                del self._lost[agent]

    def flow_closed(self, flow: Flow) -> None:
        """A connection is gone: what was registered over it cannot be reached."""
        for agent in self.registrar.agents:
            for binding in self.registrar.bindings(agent, self.hands.now):
                if binding.flow == flow:
                    lost = self._lost.setdefault(AgentId(agent), {})
                    lost[phone_of(binding)] = flow
                    if len(lost) > BINDINGS_MAX:
                        del lost[next(iter(lost))]
        for agent in self.registrar.flow_closed(flow):
            self._notice(AgentId(agent), "connection lost")

    def tick(self) -> None:
        """Forget bindings that were not refreshed in time."""
        for agent in self.registrar.tick(self.hands.now):
            self._notice(AgentId(agent), "registration expired")

    @property
    def deadline(self) -> Micros | None:
        """When the next binding expires."""
        return self.registrar.deadline

    # ---- what is kept of it ---------------------------------------------------------------

    def changes(self) -> list[RecordChange]:
        """The records of everybody whose bindings changed in this turn."""
        changed, self.changed = self.changed, set()
        records = ((a, self.registrar.record(a, self.hands.now)) for a in sorted(changed))
        return [RecordChange(f"phone:{agent}", data or None) for agent, data in records]

    def restore(self, agent: AgentId, data: bytes) -> None:
        """Take an agent's phones back."""
        self.registrar.restore(agent, data, self.hands.now)
        for binding in self.bindings(agent):
            self._saw(binding.flow.remote, agent)
            self.reachable.add(agent)

    def _notice(self, agent: AgentId, cause: str) -> None:
        """Report the first phone and the loss of the last one, nothing in between."""
        self.changed.add(agent)
        reachable = bool(self.bindings(agent))
        if reachable == (agent in self.reachable):
            return
        (self.reachable.add if reachable else self.reachable.discard)(agent)
        self.hands.report(
            PhoneReported(
                agent=agent,
                frontend=self.hands.rules.frontend,
                reachable=reachable,
                cause="" if reachable else cause,
            )
        )


def phone_of(binding: Binding) -> str:
    """What tells one phone of an agent from another, whichever road it came by."""
    return binding.instance.partition(";reg-id")[0] or binding.contact
