"""Whatever happens in whatever order, the rules hold: a machine that tries everything."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from callcenter.control.center import Control
from callcenter.control.replay import decide_again, same
from callcenter.control.state import Stage
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import (
    Agent,
    AgentChoice,
    AutoAnswer,
    Center,
    Channel,
    ContactChoice,
    Plan,
    PlanStep,
    PreviewEnd,
    Queue,
)
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import AgentId, ContactId, FrontendId, QueueId, seconds
from tests.control.house import House, agent, member, only, queue
from tests.control.invariants import Watcher, check, plain

AGENTS = ("ann", "ben", "cat", "dan")
QUEUES = ("sales", "mail", "vip")
FRONTENDS = (FrontendId("f1"), FrontendId("f2"))
SKILLS = ("english", "french", "sales")
NOT_TAKEN = [outcome for outcome in OfferOutcome if outcome is not OfferOutcome.ACCEPTED]


MAIL_RINGS = Plan(
    sticky_seconds=20,
    steps=(
        PlanStep(after_seconds=5, lower={"english": 1}, raise_priority=1),
        PlanStep(after_seconds=20, teams=("red",), agents=(AgentId("cat"),)),
        PlanStep(after_seconds=40, drop=("english",)),
        PlanStep(after_seconds=90, queue=QueueId("sales")),
    ),
)
VIP_RINGS = Plan(
    sticky_seconds=10,
    steps=(
        PlanStep(after_seconds=10, lower={"french": 1}),
        PlanStep(after_seconds=120, exit="timeout"),
    ),
)
CHOICES = (
    (AgentChoice.LONGEST_IDLE, AgentChoice.LONGEST_IDLE, AgentChoice.LONGEST_IDLE),
    (AgentChoice.MOST_SKILLED, AgentChoice.TOP_DOWN, AgentChoice.LONGEST_IDLE),
    (AgentChoice.RING_ALL, AgentChoice.ROUND_ROBIN, AgentChoice.LEAST_OCCUPIED),
    (AgentChoice.LEAST_SKILLED, AgentChoice.LONGEST_IDLE, AgentChoice.RING_ALL),
    (AgentChoice.LONGEST_IDLE, AgentChoice.RING_ALL, AgentChoice.ROUND_ROBIN),
)
"""Of sales, mail and vip, by the number of the center."""
LOOKS = (0, 8, 0, 30, 8)
"""For how long an agent looks at what waits in sales, by the number of the center."""
CONTACT_CHOICES = (
    ContactChoice.AGEING, ContactChoice.AGEING, ContactChoice.AGEING, ContactChoice.STRICT,
    ContactChoice.TARGET,
)  # fmt: skip


def variant(number: int) -> Center:
    """Centers to change between: plain; fewer queues and people; other skills, wider rings, several
    phones; reserves, certificates and ceilings; targets."""
    people: list[Agent] = [
        member("ann", {"team": "red", "occupancy_max": 50 * (number == 3)}, english=5, sales=3),
        member("ben", {"auto_answer": AutoAnswer.CALL_INFO}, english=2),
        agent("cat", french=7, english=1 + 4 * (number == 2)),
        member("dan", {"team": "red"}, english=9, french=9, sales=9),
    ]
    rings = number in (2, 3, 4)
    sales, mail, vip = CHOICES[number]
    queues: tuple[Queue, ...] = (
        queue(
            "sales", skills={"english": 2}, wait_seconds_max=300, agent_choice=sales, ring_width=2,
            declines_max=number, preferred={"sales": 2} if number == 3 else {},
            preview_seconds=LOOKS[number], preview_end=PreviewEnd.ACCEPT,
        ),
        queue(
            "mail", skills={"english": 3 if rings else 1}, wrap_up_seconds=0, priority=3,
            plan=MAIL_RINGS if rings else Plan(), agent_choice=mail, ring_width=3,
            auto_accept=number == 2,
            excluded=(AgentId("ben"),) if number == 4 else (),
        ),
        queue(
            "vip", skills={"french": 3}, priority=8, waiting_max=3, unstaffed_exit=True,
            plan=VIP_RINGS if rings else Plan(), agent_choice=vip, target_seconds=5,
            preview_seconds=5 * (number == 2), auto_answer=number != 3,
            reserve=int(number == 3),
        ),
    )  # fmt: skip
    if number == 1:
        people, queues = people[:2], queues[:2]
    return Center(
        skills=SKILLS, queues=queues, agents=tuple(people),
        certified=("french",) if number == 3 else (), contact_choice=CONTACT_CHOICES[number],
    )  # fmt: skip


class AnyOrder(RuleBasedStateMachine):
    """Two front ends, four people, three queues, and no mercy."""

    @initialize()
    def open(self) -> None:
        self.house = House()
        self.watcher = Watcher()
        self.read = 0
        self.names = 0
        self.epochs = dict.fromkeys(FRONTENDS, 1)
        self.house.configure(variant(0))
        for frontend in FRONTENDS:
            self.house.start(frontend=frontend, agents=AGENTS[:2] if frontend == "f1" else ())
        for name in AGENTS[:3]:
            self.house.presence(name, Presence.READY)

    def some(self, *stages: Stage) -> bool:
        """Is there a contact in one of these stages (in any, without)?"""
        living = self.house.control.state.contacts.values()
        return any(not stages or contact.stage in stages for contact in living)

    def pick(self, data: Any, *stages: Stage) -> str:
        living = self.house.control.state.contacts.values()
        fitting = [contact.id for contact in living if not stages or contact.stage in stages]
        return str(data.draw(st.sampled_from(fitting)))

    @rule(
        channel=st.sampled_from(list(Channel)),
        frontend=st.sampled_from(FRONTENDS),
        name=st.sampled_from(QUEUES),
        priority=st.none() | st.integers(-1, 12),
        french=st.integers(0, 9),
        person=st.sampled_from(("", "", *AGENTS)),
        excluded=st.just(()) | st.sampled_from(AGENTS).map(lambda name: (AgentId(name),)),
    )
    def arrive(
        self, channel: Channel, frontend: FrontendId, name: str, priority: int | None, french: int,
        person: str, excluded: tuple[AgentId, ...],
    ) -> None:  # fmt: skip
        self.names += 1
        contact = f"c{self.names}"
        self.house.arrive(contact, channel, frontend)
        needs = {"french": french} if french > 6 else {}
        self.house.enqueue(
            contact, name, priority=priority, skills=needs, agent=AgentId(person),
            excluded=excluded, language="english" if french == 3 else "",
            preferred={"french": 4} if french == 4 else {},
        )  # fmt: skip

    @rule(
        count=st.integers(2, 5), name=st.sampled_from(QUEUES), person=st.sampled_from(("", *AGENTS))
    )
    def rush(self, count: int, name: str, person: str) -> None:
        """Many callers at once, so that somebody has to wait."""
        for _ in range(count):
            self.names += 1
            self.house.call(f"c{self.names}", name, agent=AgentId(person))

    @rule(
        channel=st.sampled_from(list(Channel)),
        name=st.sampled_from(QUEUES),
        earlier=st.integers(0, 5),
        person=st.sampled_from(("", *AGENTS)),
    )
    def letter(self, channel: Channel, name: str, earlier: int, person: str) -> None:
        """A document arrives; it may continue an earlier contact."""
        self.names += 1
        reply_to = f"c{self.names - earlier}" if earlier else ""
        self.house.document(
            f"c{self.names}", name, channel, reply_to=reply_to, agent=AgentId(person)
        )

    @precondition(lambda self: self.some())
    @rule(data=st.data(), number=st.integers(1, 2), span=st.sampled_from([0.0, 10.0, 60.0]))
    def write(self, data: Any, number: int, span: float) -> None:
        self.house.write(self.pick(data), number, span)

    @rule(data=st.data(), stage=st.sampled_from(list(c.LetterStage)), back=st.booleans())
    def post(self, data: Any, stage: c.LetterStage, back: bool) -> None:
        letters = list(self.house.control.state.letters)
        letter = data.draw(st.sampled_from(letters)) if letters else "c0.1"
        if back:
            self.house.take_back(letter)
        elif stage not in (c.LetterStage.WAITING, c.LetterStage.DUE):
            self.house.sent(letter, stage)

    @precondition(lambda self: self.some(Stage.OFFERED))
    @rule(data=st.data(), accept=st.booleans())
    def at_the_desk(self, data: Any, accept: bool) -> None:
        self.house.take(self.pick(data, Stage.OFFERED), accept=accept)

    @precondition(lambda self: self.some(Stage.TALKING))
    @rule(data=st.data(), span=st.sampled_from([0.0, 20.0, 100 * 86_400.0]))
    def aside(self, data: Any, span: float) -> None:
        contact = self.house.contact(self.pick(data, Stage.TALKING))
        segment = self.house.control.state.segments[contact.segment]
        self.house.put_aside(contact.id, segment.agent, span)

    @precondition(lambda self: self.some(Stage.TALKING))
    @rule(data=st.data(), disposition=st.sampled_from(["", "resolved", "nonsense"]))
    def done(self, data: Any, disposition: str) -> None:
        contact = self.house.contact(self.pick(data, Stage.TALKING))
        segment = self.house.control.state.segments[contact.segment]
        self.house.done(contact.id, segment.agent, disposition)

    @rule()
    def everybody_works(self) -> None:
        for name in AGENTS:
            self.house.phone(name, True)
            self.house.presence(name, Presence.READY)
            self.house.end_wrap_up(name)

    @precondition(lambda self: self.some(Stage.FLOW, Stage.WAITING))
    @rule(data=st.data(), name=st.sampled_from(QUEUES))
    def wait_again(self, data: Any, name: str) -> None:
        self.house.enqueue(self.pick(data, Stage.FLOW, Stage.WAITING), name)

    @precondition(lambda self: self.some())
    @rule(data=st.data(), name=st.sampled_from(QUEUES), frontend=st.sampled_from(FRONTENDS))
    def call_back(self, data: Any, name: str, frontend: FrontendId) -> None:
        """She leaves her queue, is promised a callback, and hangs up."""
        origin = self.pick(data)
        self.names += 1
        self.house.leave(origin)
        self.house.call_back(origin, f"c{self.names}", name, frontend)
        self.house.hang_up(origin, Reason.CALLBACK_PROMISED)

    @precondition(lambda self: self.some())
    @rule(data=st.data())
    def leave(self, data: Any) -> None:
        self.house.leave(self.pick(data))

    @precondition(lambda self: self.some())
    @rule(data=st.data(), reason=st.sampled_from(list(Reason)))
    def end(self, data: Any, reason: Reason) -> None:
        self.house.hang_up(self.pick(data), reason)

    @precondition(lambda self: self.some(Stage.OFFERED))
    @rule(data=st.data())
    def accept(self, data: Any) -> None:
        contact = self.pick(data, Stage.OFFERED)
        self.house.report(contact, OfferOutcome.ACCEPTED, self.ringing(data, contact))

    @precondition(lambda self: self.some(Stage.OFFERED))
    @rule(data=st.data(), outcome=st.sampled_from(NOT_TAKEN))
    def not_taken(self, data: Any, outcome: OfferOutcome) -> None:
        contact = self.pick(data, Stage.OFFERED)
        self.house.report(contact, outcome, self.ringing(data, contact))

    @precondition(lambda self: self.some(Stage.OFFERED))
    @rule(data=st.data(), yes=st.booleans(), by_her=st.sampled_from([True, True, True, False]))
    def at_her_desk(self, data: Any, yes: bool, by_her: bool) -> None:
        """She says yes or no to what she looks at or what rings; or somebody else does."""
        made = self.ringing(data, self.pick(data, Stage.OFFERED))
        name = made.agent if by_her else AgentId(data.draw(st.sampled_from(AGENTS)))
        self.house.request(c.OfferAnswerRequested(agent=name, offer=made.offer, accept=yes))

    def ringing(self, data: Any, contact: str) -> e.OfferMade:
        """One of the phones that ring for it."""
        live = self.house.contact(contact).live
        offer = data.draw(st.sampled_from(live))
        return next(made for made in self.house.all(e.OfferMade) if made.offer == offer)

    @precondition(lambda self: self.some())
    @rule(data=st.data(), name=st.sampled_from(QUEUES))
    def move(self, data: Any, name: str) -> None:
        self.house.move(self.pick(data), name)

    @precondition(lambda self: self.some())
    @rule(data=st.data(), name=st.sampled_from(AGENTS), seconds=st.sampled_from([0, 1, 15, 120]))
    def assign(self, data: Any, name: str, seconds: int) -> None:
        self.house.assign(self.pick(data), name, seconds)

    @precondition(lambda self: self.some())
    @rule(data=st.data(), priority=st.integers(-1, 11))
    def prioritise(self, data: Any, priority: int) -> None:
        self.house.prioritise(self.pick(data), priority)

    @rule(
        name=st.sampled_from(AGENTS),
        skills=st.dictionaries(st.sampled_from((*SKILLS, "dutch")), st.integers(0, 10), max_size=2),
    )
    def teach(self, name: str, skills: dict[str, int]) -> None:
        self.house.teach(name, **skills)

    @rule(
        name=st.sampled_from(AGENTS),
        skill=st.sampled_from(SKILLS),
        level=st.integers(0, 10),
        passed=st.booleans(),
        valid=st.sampled_from([0.0, 1.0, 30.0, 100.0, 31 * 86_400.0]),
    )
    def train(self, name: str, skill: str, level: int, passed: bool, valid: float) -> None:
        expires = self.house.now + seconds(valid) if valid else 0
        self.house.train(name, skill, level, expires, passed=passed)

    @rule(
        name=st.sampled_from(QUEUES),
        how=st.sampled_from(["open", "calendar", "close", "dismiss", "announce"]),
    )
    def door(self, name: str, how: str) -> None:
        line = QueueId(name)
        commands: dict[str, c.Command] = {
            "open": c.QueueOpenRequested(queue=line),
            "calendar": c.QueueOpenRequested(queue=line, follow_calendar=True),
            "close": c.QueueCloseRequested(queue=line),
            "dismiss": c.QueueCloseRequested(queue=line, dismiss=True),
            "announce": c.AnnouncementRequested(queue=line, announcement="storm"),
        }
        self.house.request(commands[how])

    @rule(data=st.data(), outcome=st.sampled_from(list(OfferOutcome)))
    def report_late(self, data: Any, outcome: OfferOutcome) -> None:
        """About an offer that stands no more. Only a free agent can have answered it."""
        state = self.house.control.state
        gone = [
            offer
            for offer in self.house.all(e.OfferMade)
            if offer.offer not in state.offers
            and not (offer.agent in state.agents and state.agents[offer.agent].segments)
        ]
        if gone:
            offer = data.draw(st.sampled_from(gone[-5:]))
            self.house.report(offer.contact, outcome, offer)

    @precondition(lambda self: self.some(Stage.TALKING))
    @rule(data=st.data(), reason=st.sampled_from([Reason.AGENT_HUNG_UP, Reason.AGENT_VANISHED]))
    def end_segment(self, data: Any, reason: Reason) -> None:
        segment = data.draw(st.sampled_from(list(self.house.control.state.segments.values())))
        self.house.tell(
            c.SegmentEndReported(
                contact=segment.contact,
                segment=segment.id,
                agent=segment.agent,
                termination=ended(reason),
            )
        )

    @precondition(lambda self: self.some(Stage.TALKING))
    @rule(
        data=st.data(),
        by=st.sampled_from(("", "", "", *AGENTS)),
        line=st.sampled_from(("", *QUEUES)),
        to=st.sampled_from(("", "", *AGENTS)),
    )
    def hand_on(self, data: Any, by: str, line: str, to: str) -> None:
        contact = self.pick(data, Stage.TALKING)
        talks = self.house.control.state.segments[self.house.contact(contact).segment].agent
        self.house.hand_on(contact, by or talks, queue=line, to=to)

    @precondition(lambda self: self.some(Stage.TALKING))
    @rule(data=st.data(), by=st.sampled_from(("", "", "", *AGENTS)), to=st.sampled_from(AGENTS))
    def ask_in(self, data: Any, by: str, to: str) -> None:
        contact = self.pick(data, Stage.TALKING)
        talks = self.house.control.state.segments[self.house.contact(contact).segment].agent
        self.house.ask_in(contact, by or talks, to)

    @precondition(lambda self: self.some())
    @rule(data=st.data(), by=st.sampled_from(AGENTS))
    def pick_up(self, data: Any, by: str) -> None:
        self.house.pick_up(self.pick(data), by)

    @precondition(lambda self: self.asking())
    @rule(data=st.data(), outcome=st.sampled_from([OfferOutcome.ACCEPTED, *OfferOutcome]))
    def asked_in(self, data: Any, outcome: OfferOutcome) -> None:
        self.house.asked_reports(data.draw(st.sampled_from(self.asking())), outcome)

    def asking(self) -> list[str]:
        """Contacts whose agent has a colleague rung."""
        living = self.house.control.state.contacts.values()
        return [contact.id for contact in living if contact.asked_in]

    @precondition(lambda self: self.some(Stage.TALKING))
    @rule(data=st.data(), joined=st.booleans())
    def hand_over(self, data: Any, joined: bool) -> None:
        contact = self.house.contact(self.pick(data, Stage.TALKING))
        self.house.tell(
            c.ConferenceReported(contact=contact.id, segment=contact.segment, joined=joined)
        )
        self.house.hand_over(contact.id)

    @precondition(lambda self: self.some(Stage.FLOW))
    @rule(data=st.data(), line=st.sampled_from(QUEUES))
    def wait_where_it_was(self, data: Any, line: str) -> None:
        self.house.enqueue(self.pick(data, Stage.FLOW), line, priority=10, again=True)

    @precondition(lambda self: self.some())
    @rule(data=st.data(), held=st.booleans(), by_agent=st.booleans())
    def hold(self, data: Any, held: bool, by_agent: bool) -> None:
        contact = ContactId(self.pick(data))
        self.house.tell(
            c.HoldReported(contact=contact, agent=AgentId("x"), held=held, by_agent=by_agent)
        )

    @rule(
        name=st.sampled_from(AGENTS),
        presence=st.sampled_from(
            [Presence.READY, Presence.READY, Presence.NOT_READY, Presence.LOGGED_OUT]
        ),
        reason=st.sampled_from(["lunch", "break", "nonsense"]),
    )
    def ask(self, name: str, presence: Presence, reason: str) -> None:
        self.house.presence(name, presence, reason)

    @rule(name=st.sampled_from(AGENTS))
    def end_wrap_up(self, name: str) -> None:
        self.house.end_wrap_up(name)

    @rule(
        name=st.sampled_from(AGENTS),
        reachable=st.sampled_from([True, True, False]),
        frontend=st.sampled_from(FRONTENDS),
    )
    def phone(self, name: str, reachable: bool, frontend: FrontendId) -> None:
        self.house.phone(name, reachable, frontend)

    @rule(span=st.sampled_from([0.5, 2.0, 10.0, 25.0, 31.0, 130.0, 301.0]))
    def time_passes(self, span: float) -> None:
        self.house.wait(span)

    @rule(frontend=st.sampled_from(FRONTENDS))
    def lose(self, frontend: FrontendId) -> None:
        self.house.lose(frontend)

    @rule(
        data=st.data(),
        frontend=st.sampled_from(FRONTENDS),
        agents=st.sets(st.sampled_from(AGENTS), min_size=1),
    )
    def restart(self, data: Any, frontend: FrontendId, agents: set[str]) -> None:
        state = self.house.control.state
        mine = [x.id for x in state.contacts.values() if x.frontend == frontend]
        forgotten = data.draw(st.sets(st.sampled_from(mine)) if mine else st.just(set()))
        open_offers = data.draw(st.sampled_from([tuple(state.offers), ()]))
        self.epochs[frontend] += 1
        self.house.start(
            frontend=frontend,
            epoch=self.epochs[frontend],
            contacts=tuple(x for x in mine if x not in forgotten),
            agents=tuple(sorted(agents)),
            offers=open_offers,
        )

    @rule(number=st.integers(0, 4))
    def configure(self, number: int) -> None:
        self.house.configure(variant(number), f"v{number}")

    @precondition(lambda self: self.house.journal)
    @rule()
    def fail_over(self) -> None:
        """Another process goes on from the snapshot."""
        self.house.control = Control.restore(self.house.control.snapshot(), epoch=1)

    @invariant()
    def the_rules_hold(self) -> None:
        new = self.house.journal[self.read :]
        self.read = len(self.house.journal)
        orderly = len(only(new, e.OfferMade)) <= 1 and not only(new, e.FrontendStarted)
        check(self.house.control, ringing_all=True)
        self.watcher.read(self.house.control, new, orderly=orderly)

    def teardown(self) -> None:
        """I9: the journal alone gives the state; the inputs alone give the journal."""
        if not hasattr(self, "house"):
            return
        follower = Control(epoch=1)
        for event in self.house.journal:
            follower.apply(event)
        assert plain(follower) == plain(self.house.control)
        again = decide_again(Control(epoch=1), self.house.inputs, self.house.commands)
        assert same(again, self.house.journal)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
