"""An agent's phone asks for its caller to be handed on (its own Transfer key).

    REFER to a name of ours ──► control is asked ──► the caller waits elsewhere, the phone is told 200
                                     └── refused ──► the phone is told so, and they talk on
    REFER to her second call ──► caller and colleague are left together, both her lines end
    REFER to a number outside ──► if she may call it, it is dialled, and the phone is told 200
    REFER to *15 ──► whoever is on duty, an agent or a number

Why: a phone's transfer is a wish like that of the desk page, so it takes the same road and keeps the
same contact. Only an agent may refer, and only in the call that she has. An address is read for the
name or the number in it and for nothing else: no host, no parameter, no header of it is ever used.

Sources: RFC 3515 (REFER), RFC 3892 (Referred-By: not believed, as the dialog says who she is).
"""

from typing import NamedTuple

from callcenter.domain.center import Center
from callcenter.domain.commands import DialKind, TransferRequested
from callcenter.domain.events import CommandAnswered
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, CommandId, ContactId, Micros, QueueId
from callcenter.frontend.consult import Consult
from callcenter.frontend.dialling import Road
from callcenter.frontend.hands import Hands
from callcenter.frontend.outside import Wanted, not_allowed
from callcenter.frontend.outside_asked import DUTY_CODE, duty_for, outside_of
from callcenter.frontend.phones import Answer
from callcenter.frontend.second_line import names
from callcenter.frontend.talk import Talk
from callcenter.sip import endpoint as sip
from callcenter.sip.errors import SipError
from callcenter.sip.message import Request
from callcenter.sip.refer import Replaced, read_refer, tell_progress

ANSWER_LIMIT: Micros = 5 * SECOND
"""How long control may take before the phone is told that nothing came of it."""
DONE, NOT_NOW, NO_ANSWER = 200, 480, 503


class Target(NamedTuple):
    """Who or what a name of ours is; both empty for nothing."""

    queue: QueueId = QueueId("")
    agent: AgentId = AgentId("")


def target_of(center: Center, name: str) -> Target:
    """The agent or the queue of this name or extension."""
    if not name:
        return Target()
    for agent in center.agents:
        if name in (agent.id, agent.extension):
            return Target(agent=agent.id)
    for queue in center.queues:
        if name in (queue.id, queue.extension):
            return Target(queue=queue.id)
    return Target()


class Referrals:
    """What the phone of the agent who talks with one caller asked for, one thing at a time."""

    def __init__(self, hands: Hands, contact: ContactId) -> None:
        self.hands = hands
        self.contact = contact
        self._call: sip.Call | None = None
        self._joins: Consult | None = None
        self._dials: tuple[Consult, Wanted, Road] | None = None
        self._request = CommandId("")
        self._gives_up: Micros = 0

    def asked(
        self, talk: Talk | None, consult: Consult, call: sip.Call, request: Request
    ) -> Answer:
        """A REFER; 202 where it is under way, which `begin` tells once that has been said."""
        line = consult.line.call if consult.line is not None else None
        if talk is None or not talk.record.bridged or call not in (talk.call, line):
            return Answer(403)
        if self._call is not None:
            return Answer(491)
        try:
            wish = read_refer(request)
        except SipError as wrong:
            return Answer(wrong.status)
        if wish.replaces is not None:
            return self._attended(talk, consult, call, wish.replaces)
        if call is line or talk.record.outside is not None:
            return Answer(403)
        target = self._target(talk, wish.user)
        if isinstance(target, Answer):
            return target
        if target == Target():
            return self._outside(talk, consult, call, wish.user)
        self._call = call
        self._request = CommandId(
            f"{self.hands.rules.frontend}:refer-{request.cseq.number}:{self.contact}"
        )
        self._gives_up = self.hands.now + ANSWER_LIMIT
        self.hands.wake(self.contact, ANSWER_LIMIT)
        self.hands.report(
            TransferRequested(
                contact=self.contact,
                agent=talk.record.agent,
                queue=target.queue,
                to=target.agent,
                by="phone",
                request=self._request,
            )
        )
        return Answer(202)

    def _target(self, talk: Talk, name: str) -> Target | Answer:
        """The agent or queue of this name; no one for a number outside."""
        if name != DUTY_CODE:
            return target_of(self.hands.center, name)
        duty = duty_for(self.hands, talk.record.agent, talk.record.queue)
        return Target(agent=duty.agent) if duty is not None else Answer(404)

    def _outside(self, talk: Talk, consult: Consult, call: sip.Call, name: str) -> Answer:
        """Her caller is to go to a number outside, or to that of who is on duty."""
        hands, agent = self.hands, talk.record.agent
        called = outside_of(hands, agent, name, DialKind.TRANSFER, talk.record.queue)
        if called is None:
            return Answer(404)
        if called.road is None or consult.is_busy:
            not_allowed(hands, self.contact, called.wanted)
            return Answer(403)
        self._call, self._dials = call, (consult, called.wanted, called.road)
        self._gives_up = hands.now + ANSWER_LIMIT
        return Answer(202)

    def _attended(self, talk: Talk, consult: Consult, call: sip.Call, wanted: Replaced) -> Answer:
        """Her two calls are to become one without her: only the two that she has here."""
        line, colleague = consult.line, consult.colleague
        if line is None or colleague is None or not colleague.record.bridged:
            return Answer(481)
        other = line.call if call is talk.call else talk.call
        if not names(other, wanted):
            return Answer(481)
        self._call = call
        self._joins = consult
        return Answer(202)

    def begin(self) -> None:
        """She was told 202: now that it is under way."""
        if self._call is not None:
            tell_progress(self._call, 100, self.hands.now)
        joins, self._joins = self._joins, None
        if joins is not None:
            self.done()
            joins.hand_over(Reason.TRANSFERRED, say_bye=True)
        dials, self._dials = self._dials, None
        if dials is not None:
            consult, wanted, road = dials
            consult.out.dial(wanted, road)

    def told(self, answer: CommandAnswered) -> None:
        """Control would not have it; where it would, the caller has left her already."""
        if answer.request == self._request and not answer.accepted:
            self._end(NOT_NOW)

    def done(self) -> None:
        """The caller has left her."""
        self._end(DONE)

    def tick(self) -> None:
        """No answer will come."""
        if self._call is not None and self.hands.now >= self._gives_up:
            self._end(NO_ANSWER)

    def _end(self, status: int) -> None:
        call, self._call, self._request = self._call, None, CommandId("")
        if call is not None:
            tell_progress(call, status, self.hands.now)
