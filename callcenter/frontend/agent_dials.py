"""What an agent dials at her phone that is no caller of any flow's.

    a colleague, while she has a caller     she asks him on her second line (`second_line.py`)
    *10 … *14                               a code of hers (`feature.py`)
    *15                                     who is on duty: asked, or called where it is a number
    a number outside                        asked with a caller on the line, else a call of her own

Why: all of these begin with her INVITE and her password, each time. For anybody else the same
numbers are numbers like any other, and mostly nobody's.
"""

from callcenter.domain.commands import DialKind
from callcenter.domain.termination import Reason
from callcenter.domain.units import AgentId, QueueId
from callcenter.frontend.call import CallStory
from callcenter.frontend.caller import plain_number
from callcenter.frontend.endings import ending
from callcenter.frontend.feature import FeatureStory, code_of
from callcenter.frontend.hands import Hands
from callcenter.frontend.outbound import story_of
from callcenter.frontend.outside import not_allowed
from callcenter.frontend.outside_asked import DUTY_CODE, Called, duty_for, is_number, outside_of
from callcenter.frontend.phones import Answer, Phones
from callcenter.frontend.refer import Target, target_of
from callcenter.sip import endpoint as sip
from callcenter.sip.message import Request


def refuse(hands: Hands, call: sip.Call, reason: Reason) -> None:
    """A call that is not taken, by name."""
    row = ending(reason)
    hands.counts[f"refused.{row.label}"] += 1
    call.reject(row.status, hands.now, headers=row.headers)


class AgentDials:
    """The numbers that mean something only from an agent's phone."""

    def __init__(self, hands: Hands, phones: Phones) -> None:
        self.hands = hands
        self.phones = phones

    def takes(self, call: sip.Call, invite: Request, dialled: str) -> bool:
        """Whether it was one of them; it is under way then, or refused."""
        agent = self.phones.registered_from(call.flow)
        story = self._talking(agent) if agent else None
        if agent is not None and story is not None and self._asks(call, invite, dialled, story):
            return True
        if dialled.startswith("*"):
            self._code(call, invite, dialled)
            return True
        if agent is None or not is_number(dialled) or self._is_ours(dialled):
            return False
        if target_of(self.hands.center, dialled) != Target():
            return False  # a colleague's or a queue's: those are reached with a caller on the line
        if (who := self._who(call, invite)) is not None:
            self._calls(call, outside_of(self.hands, who, dialled, DialKind.CALL))
        return True

    def is_agent(self, call: sip.Call, invite: Request) -> bool:
        """Whether she proved to be one of ours; otherwise she is challenged or refused."""
        return self._who(call, invite) is not None

    def _who(self, call: sip.Call, invite: Request) -> AgentId | None:
        """Which of ours she proved to be; nobody, once she was challenged or refused."""
        who = self.phones.authenticate(invite, call.flow)
        if isinstance(who, Answer):
            self._reject(call, who)
            return None
        return who.agent

    def _reject(self, call: sip.Call, answer: Answer) -> None:
        """A challenge or worse, once: whoever lost it asks again."""
        call.reject(answer.status, self.hands.now, headers=answer.headers, stateless=True)

    # ---- with a caller on the line --------------------------------------------------------

    def _asks(self, call: sip.Call, invite: Request, dialled: str, story: CallStory) -> bool:
        """She dials on her second line whom she wants to ask."""
        talk, hands = story.talk, self.hands
        assert talk is not None
        agent, queue = talk.record.agent, talk.record.queue
        colleague = target_of(hands.center, dialled).agent
        if dialled == DUTY_CODE:
            duty = duty_for(hands, agent, queue)
            colleague = duty.agent if duty is not None else AgentId("")
        is_outside = dialled == DUTY_CODE or (is_number(dialled) and not self._is_ours(dialled))
        if not colleague and not is_outside:
            return False
        who = self._who(call, invite)
        if who is None:
            return True
        hands.touch(story)
        if who != agent:
            taken = False
        elif colleague:
            taken = story.consult.dialled(call, colleague)
        else:
            taken = self._asks_outside(call, agent, dialled, queue, story)
        if not taken:
            refuse(hands, call, Reason.NOT_ALLOWED)
        return True

    def _asks_outside(
        self, call: sip.Call, agent: AgentId, dialled: str, queue: QueueId, story: CallStory
    ) -> bool:
        called = outside_of(self.hands, agent, dialled, DialKind.CONSULT, queue)
        if called is None:
            return False
        if called.road is None:
            not_allowed(self.hands, story.record.contact, called.wanted)
            return False
        return story.consult.out.dialled(call, called.wanted, called.road)

    def _talking(self, agent: AgentId) -> CallStory | None:
        """The call of this agent's caller."""
        for story in self.hands.stories.values():
            if isinstance(story, CallStory) and story.talk and story.talk.record.agent == agent:
                return story
        return None

    # ---- without one ----------------------------------------------------------------------

    def _calls(self, call: sip.Call, called: Called | None) -> None:
        """A call of her own, if she may."""
        hands = self.hands
        if called is None:
            refuse(hands, call, Reason.NO_SUCH_NUMBER)
            return
        if called.road is None:
            not_allowed(hands, hands.new_contact(), called.wanted)
            refuse(hands, call, Reason.NOT_ALLOWED)
            return
        story = story_of(hands, called.wanted, called.road.number, CallStory)
        hands.follow(call, story)
        hands.begin(story)
        story.dialled(call, called)

    def _code(self, call: sip.Call, invite: Request, dialled: str) -> None:
        """A code from an agent's phone; nobody else may dial one."""
        hands = self.hands
        who = self._who(call, invite)
        if who is None:
            return
        if dialled == DUTY_CODE:
            self._calls(call, outside_of(hands, who, dialled, DialKind.CALL))
            return
        code = code_of(dialled)
        if code is None:
            refuse(hands, call, Reason.NO_SUCH_NUMBER)
            return
        story = FeatureStory(hands, f"f-{hands.new_contact()}", who, *code, call)
        hands.follow(call, story)
        hands.begin(story)
        story.arrive()

    def _is_ours(self, dialled: str) -> bool:
        """A number of the center's own starts its flow, whoever dials it."""
        wanted = plain_number(dialled)
        return any(user_of(one.number) == wanted for one in self.hands.center.numbers)


def user_of(number: str) -> str:
    """The user part that a configured number is dialled by: `sip:help@example.test` is `help`."""
    bare = number.removeprefix("sip:").partition("@")[0]
    return plain_number(bare)
