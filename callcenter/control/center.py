"""The door of the control center.

    leader     events = control.react(command, now, source="frontend-1:3:17")
               events = control.tick(now)                  when `deadline` has come
               events = control.frontend_lost("frontend-1", now)
               … commit them in one batch; only then is anything told to anybody
    standby    control.apply(event)                        for each committed event
    recovery   control = Control.restore(snapshot); apply(event) for each event after it

`react` decides and applies; `apply` only applies. Both leave the same state, and what is decided
next depends on nothing but that state, the input and `now`, byte for byte. An input on which we
fail raises `DecisionFailed` with the events that hold nevertheless; control goes on. A batch that could not
be committed is not undone: the leader that lost its epoch throws its control away.

Why: the whole life of a contact, its order across rooms, every race between caller, agent and
timer is decided in one place by one writer, without a clock, a socket or a thread.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self

import msgspec

from callcenter.control import (
    acts,
    callbacks,
    configuration,
    consults,
    contacts,
    dials,
    documents,
    estimates,
    faxes,
    frontends,
    letters,
    offers,
    people,
    plans,
    previews,
    training,
    transfers,
)
from callcenter.control.state import Snapshot, State
from callcenter.control.timers import Alarm
from callcenter.control.turn import Turn
from callcenter.control.world import World
from callcenter.domain import commands as c
from callcenter.domain.errors import LocalError
from callcenter.domain.events import Event
from callcenter.domain.names import REQUEST_MAX, is_name, signed
from callcenter.domain.units import AgentId, ContactId, FrontendId, LetterId, Micros, OfferId

ENGINE = "4"
"""Version of the decisions: goes into every batch. Raise it when a decision changes."""

DECISIONS: dict[type[Any], Callable[[Turn, Any], None]] = {
    c.ContactReported: contacts.on_contact,
    c.FlowReported: contacts.on_flow,
    c.StepReported: contacts.on_step,
    c.DigitsReported: contacts.on_digits,
    c.CustomerReported: contacts.on_customer,
    c.QueueRequested: contacts.on_queue,
    c.LeaveQueueRequested: contacts.on_leave,
    c.HoldReported: contacts.on_hold,
    c.SegmentEndReported: contacts.on_segment_end,
    c.ContactEndReported: contacts.on_contact_end,
    c.OfferReported: offers.on_offer,
    c.PhoneReported: people.on_phone,
    c.PresenceRequested: people.on_presence,
    c.WrapUpEndRequested: people.on_wrap_up_end,
    c.DispositionRequested: people.on_disposition,
    c.FrontendReported: frontends.on_frontend,
    c.ConfigurationRequested: configuration.on_configuration,
    c.TrainingRequested: training.on_training,
    c.SkillsRequested: training.on_skills,
    c.MoveRequested: acts.on_move,
    c.AssignRequested: acts.on_assign,
    c.PriorityRequested: acts.on_priority,
    c.QueueOpenRequested: acts.on_open,
    c.QueueCloseRequested: acts.on_close,
    c.AnnouncementRequested: acts.on_announcement,
    c.WaitsReported: estimates.on_waits,
    c.CallbackRequested: callbacks.on_callback,
    c.OfferAnswerRequested: documents.on_offer_answer,
    c.PutAsideRequested: documents.on_put_aside,
    c.DoneRequested: documents.on_done,
    c.LetterRequested: letters.on_letter,
    c.LetterCancelRequested: letters.on_cancel,
    c.LetterReported: letters.on_report,
    c.LetterReturned: letters.on_returned,
    c.FaxRequested: faxes.on_fax,
    c.FaxCancelRequested: faxes.on_cancel,
    c.FaxReported: faxes.on_report,
    c.TransferRequested: transfers.on_transfer,
    c.CallActRequested: transfers.on_act,
    c.PickUpRequested: transfers.on_pick_up,
    c.ConsultRequested: consults.on_consult,
    c.HandOverReported: consults.on_hand_over,
    c.ConferenceReported: consults.on_conference,
    c.DialRequested: dials.on_dial,
    c.DialReported: dials.on_dialled,
}

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)


class DecisionFailed(LocalError):
    """A decision broke off: a mistake of ours. `events` were decided before it, are applied, and
    belong into the journal like any others; the input is not decided again."""

    def __init__(self, events: list[Event]) -> None:
        super().__init__(f"a decision broke off after {len(events)} events")
        self.events = events


class Control:
    """The control center as a little machine: inputs with center time in, events out.

    `epoch` is the leader's fencing token and part of every id made here. `marks` (source to epoch
    and sequence) belong to the adapter that skips repeated commands; they travel in the snapshot.
    `counters` counts what was tolerated since the process started: facts about contacts, offers
    and agents that we know nothing of.
    """

    turns: Callable[..., Turn] = Turn
    """What an input is decided by; `why` watches it."""

    def __init__(self, *, epoch: int = 0) -> None:
        self.epoch = epoch
        self.marks: dict[str, tuple[int, int]] = {}
        self.counters: Counter[str] = Counter()
        self._world = World(State())

    @property
    def state(self) -> State:
        """What is remembered. To be read, not written."""
        return self._world.state

    @property
    def world(self) -> World:
        """The state with everything derived from it. To be read, not written."""
        return self._world

    @property
    def skills(self) -> Mapping[AgentId, Mapping[str, int]]:
        """What each agent can at this moment: configured, by hand, trained, not expired."""
        return self._world.skills

    @property
    def deadline(self) -> Micros | None:
        """When `tick` has something to do."""
        world = self._world
        times = (world.timers.deadline, world.resting.deadline, world.certificates.deadline)
        return min((when for when in times if when is not None), default=None)

    def react(self, command: c.Command, now: Micros, *, source: str = "") -> list[Event]:
        """Decide what follows from a command, and apply it.

        `source` is the id of the command, `source:epoch:sequence`. Requests without a name of
        their own are answered under it.
        """
        turn = self._begin(now, source)
        asked = without_free_text(command)
        return self._decide(turn, lambda: DECISIONS[type(asked)](turn, asked))

    def tick(self, now: Micros) -> list[Event]:
        """Decide what follows from the deadlines that have come."""
        turn = self._begin(now, "")
        return self._decide(turn, lambda: self._fire_all(turn))

    def frontend_lost(self, frontend: FrontendId, now: Micros) -> list[Event]:
        """The lease of a front end ran out."""
        turn = self._begin(now, "")
        return self._decide(turn, lambda: frontends.on_lost(turn, frontend))

    def apply(self, event: Event) -> None:
        """Remember an event that was decided elsewhere or earlier."""
        self._world.apply(event)

    def snapshot(self) -> bytes:
        """Everything remembered, as bytes for `restore`."""
        return _encoder.encode(Snapshot(state=self.state, marks=self.marks))

    @classmethod
    def restore(cls, snapshot: bytes, *, epoch: int = 0) -> Self:
        """A control center that goes on where the snapshot was taken.

        Raises `msgspec.DecodeError` or `ValidationError` for anything but a snapshot.
        """
        found = _decoder.decode(snapshot)
        control = cls(epoch=epoch)
        control.marks = found.marks
        control._world = World(found.state)
        return control

    def waits(self, now: Micros) -> c.WaitsReported | None:
        """Look ahead from the present state: what should be told of waits, or None. To be asked
        where time is to spare, never by the leader between two decisions."""
        return estimates.report(self._world, max(now, self.state.now))

    def _begin(self, now: Micros, source: str) -> Turn:
        """A new turn, not before the last one; who rested long enough is awake."""
        world = self._world
        turn = self.turns(
            world,
            max(now, world.state.now),
            epoch=self.epoch,
            source=source,
            counters=self.counters,
        )
        while (due := world.resting.pop(turn.now)) is not None:
            alarm, whose = due
            if alarm is Alarm.REST:
                world.index_agent(world.state.agents[AgentId(whose)], rested=True)
                turn.touch(AgentId(whose))
            else:
                world.wake(world.state.contacts[ContactId(whose)])
                turn.touch_contact(ContactId(whose))
        return turn

    @staticmethod
    def _decide(turn: Turn, decision: Callable[[], None]) -> list[Event]:
        """Let one input come to rest. What was decided before a failure of ours stays true.

        A certificate that has expired meanwhile is gone before anything else is decided.
        """
        try:
            training.on_certificates_due(turn)
            decision()
            return turn.rest()
        except Exception as failure:
            raise DecisionFailed(turn.events) from failure

    def _fire_all(self, turn: Turn) -> None:
        while (due := self._world.timers.pop(turn.now)) is not None:
            self._fire(turn, *due)

    def _fire(self, turn: Turn, alarm: Alarm, whose: str) -> None:
        state = self.state
        if alarm is Alarm.CONTACT:
            contacts.on_patience_end(turn, state.contacts[ContactId(whose)])
        elif alarm is Alarm.OFFER:
            previews.on_offer_due(turn, OfferId(whose))
        elif alarm is Alarm.WRAP_UP:
            people.on_wrap_up_due(turn, state.agents[AgentId(whose)])
        elif alarm is Alarm.LETTER:
            letters.on_due(turn, LetterId(whose))
        elif alarm is Alarm.FAX:
            faxes.on_due(turn, ContactId(whose))
        elif alarm is Alarm.PAUSE:
            people.on_pause_end(turn, state.agents[AgentId(whose)])
        elif alarm is Alarm.STEP:
            plans.on_step_due(turn, state.contacts[ContactId(whose)])


def without_free_text(command: c.Command) -> c.Command:
    """Who asks, and by what name, stands in the journal for ever: only if it is a name."""
    changes = {}
    by, request = getattr(command, "by", ""), getattr(command, "request", "")
    if by != signed(by):
        changes["by"] = signed(by)
    if request and not is_name(request, REQUEST_MAX):
        changes["request"] = ""
    return msgspec.structs.replace(command, **changes) if changes else command
