"""Where phones are: the bindings of each agent, kept for as long as they asked, within limits.

One agent may have several phones; each is a binding. A binding keeps the *flow* that its REGISTER
came over, because behind a translator the Contact's address means nothing (RFC 5626). A phone that
comes again is known by its `+sip.instance` or else by an equal Contact URI.

Where we depart from RFC 3261 10.3: a REGISTER of the same Call-ID whose CSeq does not rise is
refused by the letter (it might have been overtaken). There are phones that begin with the same
Call-ID and CSeq 1 after each restart; they would be locked out until the binding expires. So it is
taken if it comes from the same host or the same instance, or if the binding was not refreshed for
30 s, when no message that was overtaken is still on its way.

Expiry: a `standard` phone that asks for less than the least (60 s) is told so (423); one of profile `legacy`
does not understand that and refreshes when it likes, so it gets at least 120 s.

Sources: RFC 3261 10.2 and 10.3 (steps 5 to 8), RFC 5626 3.1 and 6, RFC 3327 (not offered).
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec

from callcenter.domain.units import SECOND, Micros
from callcenter.sip.errors import SipError
from callcenter.sip.flow import Flow
from callcenter.sip.headers import NameAddr
from callcenter.sip.message import Request
from callcenter.sip.record import octets, text
from callcenter.sip.uri import parse_uri

BINDINGS_MAX = 8
"""Phones of one agent. The one that was refreshed longest ago gives way to a new one."""
EXPIRES_SECONDS_MIN = 60
EXPIRES_SECONDS_MAX = 3600
EXPIRES_SECONDS_DEFAULT = 3600
EXPIRES_SECONDS_MIN_LEGACY = 120
STALE_SECONDS = 30
"""A binding not refreshed for so long may be replaced by any CSeq."""

Answer = tuple[int, list[tuple[str, str]]]


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """One phone.

    Attributes:
        contact: its URI as it wrote it; the Request-URI of what is sent to it.
        flow: the road to it.
        expires: when it is forgotten; `now` of the registrar.
        registered: when it was refreshed last.
        instance: `+sip.instance` and `reg-id`, or `""`.
    """

    contact: str
    flow: Flow
    expires: Micros
    registered: Micros
    instance: str
    call_id: str
    cseq: int

    def as_contact(self, now: Micros) -> str:
        """As a Contact value of the 200."""
        left = max(0, self.expires - now) // SECOND
        return f"<{self.contact}>{self.instance};expires={left}"


class _Kept(NamedTuple):
    """A binding as stored: texts of the phone as octets, the rest of its time as a span."""

    contact: bytes
    flow: Flow
    left: Micros
    instance: bytes
    call_id: bytes
    cseq: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[_Kept])


class Registrar:
    """The bindings of all agents, by agent."""

    def __init__(self, expires_seconds_min: int = EXPIRES_SECONDS_MIN) -> None:
        self._expires_min = expires_seconds_min
        self._bindings: dict[str, list[Binding]] = {}
        self._expiries: list[tuple[Micros, str]] = []

    # ---- asking ---------------------------------------------------------------------------

    def bindings(self, agent: str, now: Micros) -> list[Binding]:
        """The living bindings of an agent, the one refreshed last first."""
        living = [b for b in self._bindings.get(agent, ()) if b.expires > now]
        return sorted(living, key=lambda b: b.registered, reverse=True)

    @property
    def agents(self) -> list[str]:
        """Agents with a binding."""
        return list(self._bindings)

    @property
    def deadline(self) -> Micros | None:
        """When the next binding may expire."""
        return self._expiries[0][0] if self._expiries else None

    # ---- REGISTER -------------------------------------------------------------------------

    def register(
        self, request: Request, flow: Flow, agent: str, now: Micros, profile: str = "standard"
    ) -> Answer:
        """Carry out a REGISTER that was authenticated as `agent`'s; all of it or nothing.

        Args:
            profile: of the phone, `standard` or `legacy`.

        Returns:
            Status and header fields of the answer: 200 with all bindings, 400, 423, 500.
        """
        try:
            contacts = request.contacts
            if any(contact.uri == "*" for contact in contacts):
                return self._remove_all(request, contacts, flow, agent, now)
            changed = self.bindings(agent, now)
            for contact in contacts:
                changed = self._changed(changed, request, contact, flow, now, profile)
        except SipError as error:
            return error.status, list(error.headers)
        if contacts:
            self._keep(agent, changed, now)
        return self._answer(agent, now)

    def _remove_all(
        self, request: Request, contacts: list[NameAddr], flow: Flow, agent: str, now: Micros
    ) -> Answer:
        """`Contact: *` (10.3 step 6): alone, and with Expires 0."""
        if len(contacts) != 1 or request.expires != 0:
            raise SipError(400, "Contact: * needs Expires: 0 and no other Contact")
        for binding in self.bindings(agent, now):
            _check_order(binding, request, flow, "", now)
        self._keep(agent, [], now)
        return self._answer(agent, now)

    def _changed(
        self,
        bindings: list[Binding],
        request: Request,
        contact: NameAddr,
        flow: Flow,
        now: Micros,
        profile: str,
    ) -> list[Binding]:
        """The bindings after one Contact of a REGISTER (10.3 step 7)."""
        seconds = _granted(request, contact, profile, self._expires_min)
        instance = _instance(contact)
        known = next((b for b in bindings if _is_same_phone(b, contact, instance)), None)
        if known is not None:
            _check_order(known, request, flow, instance, now)
        others = [binding for binding in bindings if binding is not known]
        if seconds == 0:
            return others
        if len(others) >= BINDINGS_MAX:
            others = others[: BINDINGS_MAX - 1]
        renewed = Binding(
            contact=contact.uri,
            flow=flow,
            expires=now + seconds * SECOND,
            registered=now,
            instance=instance,
            call_id=request.call_id,
            cseq=request.cseq.number,
        )
        return [renewed, *others]

    def _answer(self, agent: str, now: Micros) -> Answer:
        living = self.bindings(agent, now)
        return 200, [("Contact", binding.as_contact(now)) for binding in living]

    # ---- time, roads, restart -------------------------------------------------------------

    def tick(self, now: Micros) -> list[str]:
        """Forget what has expired; the agents who lost a binding."""
        losers: list[str] = []
        while self._expiries and self._expiries[0][0] <= now:
            _, agent = heappop(self._expiries)
            kept = self._bindings.get(agent, [])
            living = [binding for binding in kept if binding.expires > now]
            if len(living) < len(kept):
                losers.append(agent)
                self._keep(agent, living, now)
        return losers

    def flow_closed(self, flow: Flow) -> list[str]:
        """A connection is gone, and the bindings over it with it; the agents who lost one."""
        losers = []
        for agent, kept in list(self._bindings.items()):
            living = [binding for binding in kept if binding.flow != flow]
            if len(living) < len(kept):
                losers.append(agent)
                self._replace(agent, living)
        return losers

    def record(self, agent: str, now: Micros) -> bytes:
        """An agent's bindings as stored; `b""` for none."""
        living = self.bindings(agent, now)
        kept = [
            _Kept(octets(b.contact), b.flow, b.expires - now, octets(b.instance),
                  octets(b.call_id), b.cseq)
            for b in living
        ]  # fmt: skip
        return _encoder.encode(kept) if kept else b""

    def restore(self, agent: str, data: bytes, now: Micros) -> None:
        """Take an agent's bindings back. Raises `msgspec.MsgspecError` for anything else."""
        kept = _decoder.decode(data) if data else []
        restored = [
            Binding(
                contact=text(k.contact),
                flow=k.flow,
                expires=now + k.left,
                registered=now - STALE_SECONDS * SECOND,
                instance=text(k.instance),
                call_id=text(k.call_id),
                cseq=k.cseq,
            )
            for k in kept[:BINDINGS_MAX]
        ]
        self._keep(agent, restored, now)

    def _keep(self, agent: str, bindings: Iterable[Binding], now: Micros) -> None:
        living = [binding for binding in bindings if binding.expires > now]
        self._replace(agent, living)
        if living:
            heappush(self._expiries, (min(binding.expires for binding in living), agent))

    def _replace(self, agent: str, bindings: list[Binding]) -> None:
        if bindings:
            self._bindings[agent] = bindings
        else:
            self._bindings.pop(agent, None)


def _granted(request: Request, contact: NameAddr, profile: str, least: int) -> int:
    """Seconds: the Contact's own wish, the request's, or ours; 0 removes the binding."""
    asked = contact.param("expires")
    if asked is not None and asked.isascii() and asked.isdigit():
        wish = int(asked[:10])
    else:
        wish = EXPIRES_SECONDS_DEFAULT if request.expires is None else request.expires
    if wish == 0:
        return 0
    if profile == "legacy":
        return min(max(wish, EXPIRES_SECONDS_MIN_LEGACY), EXPIRES_SECONDS_MAX)
    if wish < least:
        raise SipError(
            423,
            phrase="Interval Too Brief",
            headers=[("Min-Expires", str(least))],
        )
    return min(wish, EXPIRES_SECONDS_MAX)


def _instance(contact: NameAddr) -> str:
    """The parameters that name a phone and its flow, as they are written into the answer."""
    names = ("+sip.instance", "reg-id")
    if names[0] not in contact.params:
        return ""
    return "".join(f";{name}={contact.params[name]}" for name in names if name in contact.params)


def _is_same_phone(binding: Binding, contact: NameAddr, instance: str) -> bool:
    if instance and binding.instance == instance:
        return True
    return parse_uri(binding.contact) == parse_uri(contact.uri)


def _check_order(
    binding: Binding, request: Request, flow: Flow, instance: str, now: Micros
) -> None:
    if binding.call_id != request.call_id or request.cseq.number > binding.cseq:
        return
    if flow.remote[0] == binding.flow.remote[0] or (instance and instance == binding.instance):
        return
    if now - binding.registered >= STALE_SECONDS * SECOND:
        return
    raise SipError(500, "REGISTER out of order")
