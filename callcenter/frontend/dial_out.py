"""An agent asks, or hands her caller on to, a number outside.

    asked for ──► allowed? ──► dialled ──► answered: she asks there, or the caller talks there
                     └── not allowed: told; nothing has changed
    not reached ──► asked: the two as before · handed on: back at the head of the queue he came from

Why: whom a number outside is dialled for differs, what may be dialled does not. To ask, the caller
holds the line; to hand him on, the agent goes at once, as with a transfer to a queue, and he is
never left without somewhere to go.

A dial is done once. A request from the desk that an earlier life may have acted on is not acted on
again; what was dialled stands in the record of the call.
"""

from typing import Protocol

from callcenter.domain.commands import DialKind, DialStage
from callcenter.domain.duty import duty_named
from callcenter.domain.events import DialAsked
from callcenter.domain.termination import Reason
from callcenter.domain.units import AgentId, PartyId
from callcenter.frontend.dialling import Road, road_for, road_to
from callcenter.frontend.endings import ending
from callcenter.frontend.hands import Hands
from callcenter.frontend.having import Having
from callcenter.frontend.media_leg import LegRecord
from callcenter.frontend.outside import (
    RINGBACK,
    Outside,
    OutsideRecord,
    Wanted,
    not_allowed,
    until,
)
from callcenter.frontend.second_line import SecondLine
from callcenter.frontend.talk import Talk, TalkRecord, outside_talk, report_end
from callcenter.frontend.turn import FetchParty
from callcenter.sip import endpoint as sip
from callcenter.sip.events import CallEvent


class Consulting(Protocol):
    """What the agent has beside her caller (`consult.Consult`)."""

    story: Having
    line: SecondLine | None

    @property
    def is_busy(self) -> bool: ...
    @property
    def is_asking(self) -> bool: ...
    def new_leg(self) -> str: ...
    def second_line(self, call: sip.Call, to: AgentId) -> SecondLine: ...
    def close_line(self) -> None: ...
    def asked_outside(self, call: sip.Call, colleague: TalkRecord) -> None: ...
    def give_back(self) -> None: ...


class DialOut:
    """At most one number outside for one call."""

    def __init__(self, hands: Hands, consult: Consulting) -> None:
        self.hands = hands
        self.consult = consult
        self.outside: Outside | None = None
        self._fetching: Wanted | None = None
        """What was asked for at the desk, whose number is being fetched."""

    def __bool__(self) -> bool:
        """Whether one is dialled, or about to be."""
        return self.outside is not None or self._fetching is not None

    # ---- it is asked for ------------------------------------------------------------------

    def asked(self, event: DialAsked) -> None:
        """From her desk: the number is fetched, unless it is that of who is on duty."""
        story, hands = self.consult.story, self.hands
        if hands.reads_again:
            return
        talk = story.talk
        wanted = Wanted(
            kind=event.kind,
            agent=event.agent,
            party=event.party,
            duty=event.duty,
            by=event.by,
            request=event.request,
        )
        fresh = hands.center_now() <= event.act_before
        has = talk is not None and talk.record.segment == event.segment and talk.record.bridged
        if not has or not fresh or self.consult.is_busy:
            hands.report(wanted.told(story.record.contact, DialStage.FAILED))
        elif event.duty:
            duty = duty_named(hands.center, event.duty)
            self.dial(wanted, road_to(hands, duty.number) if duty else None)
        else:
            self._fetching = wanted
            hands.act(FetchParty(story.record.contact, event.party))

    def fetched(self, party: PartyId, number: str) -> None:
        """The number that was typed at the desk."""
        wanted, talk = self._fetching, self.consult.story.talk
        if wanted is not None and wanted.party == party:
            self._fetching = None
            stands = talk is not None and talk.record.agent == wanted.agent
            self.dial(wanted, road_for(self.hands, wanted.agent, number) if stands else None)

    def dialled(self, call: sip.Call, wanted: Wanted, road: Road) -> bool:
        """Her phone's second line dials it. False where that cannot be now."""
        consult, talk = self.consult, self.consult.story.talk
        if talk is None or not talk.record.bridged or consult.is_busy:
            return False
        line = consult.second_line(call, AgentId(""))

        def ready() -> None:
            self.dial(wanted, road)

        if not line.open(ready, consult.close_line):
            consult.close_line()
        return True

    def dial(self, wanted: Wanted, road: Road | None) -> None:
        """Dial it, if it may be. To hand him on there, she leaves her caller now."""
        hands, consult = self.hands, self.consult
        story, talk = consult.story, consult.story.talk
        if road is None or talk is None or consult.is_asking:
            not_allowed(hands, story.record.contact, wanted)
            return
        record = OutsideRecord(
            wanted=wanted,
            number=road.number,
            trunk=road.trunk.name,
            until=until(hands),
            media=LegRecord(id=consult.new_leg()),
        )
        outside = self.outside = self._of(record)
        ringback = hands.config.audio.get(RINGBACK, "")
        if wanted.kind is DialKind.TRANSFER:
            outside.dial(road, story.media, story.record.dialled)
            self._leave_caller(talk, ringback)
        elif consult.line is not None:
            outside.dial(road, consult.line.media, story.record.dialled)
        else:
            talk.hold(True, story.hearing.music_file())
            if ringback:
                talk.media.play_music(ringback)
            outside.dial(road, talk.media, story.record.dialled)

    def _of(self, record: OutsideRecord) -> Outside:
        return Outside(
            self.hands, self.consult.story, record, answered=self._answered, over=self._over
        )

    def _leave_caller(self, talk: Talk, ringback: str) -> None:
        """The agent is out of it; her caller hears it ring."""
        story, reason = self.consult.story, Reason.TRANSFERRED
        story.notified.done()
        story.talk, story.record.agent = None, talk.record.agent or story.record.agent
        talk.end((ending(reason).reason_header,), say_bye=True)
        report_end(self.hands, story.record.contact, talk.record, reason)
        story.media.connect(None, lambda _: None)
        if ringback:
            story.media.play_music(ringback)

    # ---- what comes of it -----------------------------------------------------------------

    def _answered(self, outside: Outside) -> None:
        """Connected: with the caller who was handed on, or with the agent who asks."""
        story, call, self.outside = self.consult.story, outside.call, None
        assert call is not None
        record = outside_talk(self.hands, outside)
        if outside.record.wanted.kind is not DialKind.TRANSFER:
            self.consult.asked_outside(call, record)
            return
        story.talk = new = Talk(self.hands, story, story.media, call, record)
        story.media.quiet()
        story.media.connect(new.media, lambda _: new.speaker.bridge_failed())

    def _over(self, outside: Outside, _stage: DialStage) -> None:
        """Nobody is there: the two as before, or the caller waits again."""
        story, self.outside = self.consult.story, None
        if outside.record.wanted.kind is not DialKind.TRANSFER:
            self.consult.give_back()
        elif story.record.waits is not None:
            story.wait_again(story.record.waits)
        else:
            story.end(Reason.OUTSIDE_UNREACHED)

    def give_up(self, reason: Reason) -> bool:
        """Whoever wanted it is gone, or wants it no more; whether there was one."""
        outside, self.outside = self.outside, None
        fetching, self._fetching = self._fetching, None
        if outside is not None:
            outside.give_up(reason)
        return outside is not None or fetching is not None

    def heard(self, event: CallEvent) -> bool:
        """Something happened in its dialog; False where it is not about it."""
        if self.outside is None or event.call is not self.outside.call:
            return False
        self.outside.heard(event)
        return True

    def tick(self) -> None:
        """How long it may ring."""
        if self.outside is not None:
            self.outside.tick()

    # ---- what is kept ---------------------------------------------------------------------

    def legs(self) -> list[str]:
        """Its media leg."""
        return [self.outside.media.record.id] if self.outside is not None else []

    def kept(self) -> OutsideRecord | None:
        """As the store keeps it."""
        return self.outside.kept() if self.outside is not None else None

    def restored(self, record: OutsideRecord) -> None:
        """Told again after a restart."""
        self.outside = self._of(record)
        self.outside.take_up()
