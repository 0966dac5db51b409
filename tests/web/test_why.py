"""Why, in words: every rule has its sentence, and the API tells values and words alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from callcenter.control.why import HeldBack
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice, Calendar, Channel, Period, Plan, PlanStep
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import SECOND, AgentId, ContactId, FrontendId, OfferId, QueueId
from callcenter.domain.why import Criterion, Obstacle, Rule
from callcenter.web.why import agent_view, contact_view
from callcenter.web.why_words import CHOICES, CRITERIA, HEADS, HELD_BACK, Words
from tests.control.house import House, agent, center, member, queue
from tests.web.center import Center, within
from tests.web.why_of_house import agent_story, contact_story


def contact(house: House, name: str) -> Any:
    return msgspec.to_builtins(contact_view(contact_story(house, name)))


def person(house: House, name: str) -> Any:
    return msgspec.to_builtins(agent_view(agent_story(house, name)))


def texts(rules: list[dict[str, Any]]) -> dict[str, str]:
    """Agent to everything that kept her."""
    return {p["agent"]: p["text"] for rule in rules for p in rule["people"]}


def decisions(told: Any) -> list[Any]:
    return [moment["decision"] for moment in told["moments"] if moment["decision"]]


PLAN = Plan(
    steps=(
        PlanStep(after_seconds=30, lower={"english": 2}),
        PlanStep(after_seconds=60, teams=("night",)),
        PlanStep(after_seconds=300, exit="timeout"),
    )
)


def a_shift() -> House:
    """Five people, of whom hardly anybody can take c2."""
    house = House()
    people = (
        agent("ann", english=5),
        agent("ben", english=4),
        agent("cem", english=2),
        member("dee", {"team": "night"}),
        agent("eva", english=9),
    )
    sales = queue("sales", skills={"english": 3}, plan=PLAN, wrap_up_seconds=10)
    house.open(center(*people, queues=(sales,)))
    house.presence("ben", Presence.NOT_READY, "lunch")
    house.presence("eva", Presence.LOGGED_OUT)
    house.call("c1")
    house.wait(2)
    house.accept("c1")
    house.call("c2")
    house.wait(5)
    return house


def test_an_offer_tells_why_her_and_of_everybody_else_why_not() -> None:
    (decision,) = decisions(contact(a_shift(), "c1"))
    assert decision["agent"] == "ann"
    assert decision["redecided"] is True
    assert decision["text"].startswith("nobody else could take it at that moment")
    assert texts(decision["others"]) == {
        "ben": "not ready: lunch",
        "cem": "needs english 3, has 2",
        "dee": "needs english 3, has none",
        "eva": "logged out",
    }


def test_who_came_later_is_told_by_what() -> None:
    house = House().open(center(agent("ann", english=5), agent("ben", english=4)))
    house.call("c1")
    (decision,) = decisions(contact(house, "c1"))
    assert decision["text"].startswith("idle for the longest of 2 who could take it")
    assert texts(decision["others"]) == {"ben": "idle for less time"}


def test_who_did_not_take_it_comes_after_the_others() -> None:
    house = House()
    line = queue(declines_max=3)
    house.open(center(agent("ann"), agent("ben"), queues=(line,)))
    house.call("c1")
    house.report("c1", OfferOutcome.DECLINED)
    first, second = decisions(contact(house, "c1"))
    assert (first["agent"], second["agent"]) == ("ann", "ben")
    assert texts(second["others"])["ann"].startswith("did not take it a moment ago")


def test_one_who_waits_is_told_who_could_take_it_and_what_comes_next() -> None:
    told = contact(a_shift(), "c2")
    assert told["state"] == "waiting"
    assert told["text"].startswith("waits in sales, nobody ahead of it")
    waiting = told["waiting"]
    assert texts(waiting["agents"])["ann"] == "on contact c1"
    assert (waiting["needs"], waiting["waited_seconds"]) == ({"english": 3}, 5.0)
    steps = [(due["what"], due["in_seconds"], due["text"]) for due in waiting["next"]]
    assert steps[0] == ("step", 25.0, "its ring widens: needs english 2; then Cem can take it")
    assert steps[1][:2] == ("step", 55.0)
    assert steps[1][2].endswith("then Dee can take it")
    assert steps[2] == ("leaves", 295.0, "it leaves the queue at the exit timeout")


def test_who_is_ahead_is_named_and_who_cannot_be_taken_by_the_same_is_not() -> None:
    house = a_shift()
    house.call("c3")
    house.call("c4", skills={"english": 9})
    told = contact(house, "c3")
    assert [line["contact"] for line in told["waiting"]["ahead"]] == ["c2"]
    assert told["text"].startswith("waits in sales, 1 ahead of it")
    assert contact(house, "c4")["text"].endswith("nobody who could take it is on duty")


def test_the_end_of_work_is_told_when_it_is_known() -> None:
    house = a_shift()
    house.hang_up("c1")
    told = contact(house, "c2")
    (free,) = [due for due in told["waiting"]["next"] if due["what"] == "agent_free"]
    assert (free["in_seconds"], free["text"]) == (10.0, "Ann is free again (wrap-up ends)")
    assert person(house, "ann")["next"][0]["what"] == "wrap_up_ends"


def test_an_agent_is_told_what_keeps_her_and_what_waits_for_her() -> None:
    house = a_shift()
    ben = person(house, "ben")
    assert ben["text"] == "not ready: lunch; 1 wait whom she could take"
    assert [line["contact"] for line in ben["line"]] == ["c2"]
    cem = person(house, "cem")
    assert cem["text"] == "free; nothing of what waits is for her (1 wait)"
    assert cem["others"][0]["text"] == "needs english 3, has 2"
    assert [(due["what"], due["in_seconds"]) for due in cem["next"]] == [("becomes_hers", 25.0)]
    ann = person(house, "ann")
    assert ann["contact"] == "c1"
    assert ann["offers"][-1]["decision"]["agent"] == "ann"


def test_one_who_came_free_is_told_what_was_next_in_her_line() -> None:
    house = a_shift()
    house.call("c3")
    house.hang_up("c1")
    house.wait(11)
    (decision,) = decisions(contact(house, "c2"))
    assert "she came free, and it was the first in line for her" in decision["text"]
    assert "next in her line was c3" in decision["text"]


def test_a_refusal_tells_what_stood_against_it() -> None:
    house = House().open(center(agent("ann"), queues=(queue(waiting_max=1),)), ready=False)
    house.call("c1")
    house.call("c2")
    told = contact(house, "c2")
    assert told["moments"][-1]["text"] == "may not wait in sales: full, 1 wait there and 1 may"
    assert told["state"] == "flow"


def test_a_closed_queue_tells_whether_a_hand_or_its_calendar_closed_it_and_until_when() -> None:
    office = Calendar(name="office", periods=(Period(weekday=0, opens=540, closes=1020),))
    line = queue(calendar="office")
    house = House()
    house.open(msgspec.structs.replace(center(agent("ann"), queues=(line,)), calendars=(office,)))
    house.call("c1")
    told = contact(house, "c1")["moments"][-1]["text"]
    assert told == "may not wait in sales: closed by its calendar, until 2027-01-18 09:00"
    house.tell(c.QueueOpenRequested(queue=QueueId("sales")))
    house.tell(c.QueueCloseRequested(queue=QueueId("sales")))
    house.call("c2")
    told = contact(house, "c2")["moments"][-1]["text"]
    assert told == "may not wait in sales: closed by hand"


def test_one_who_waits_is_told_when_the_queue_closes() -> None:
    always_but = Period(weekday=4, opens=0, closes=9 * 60)
    office = Calendar(name="office", periods=(always_but,))
    house = House()
    whole = center(agent("ann"), queues=(queue(calendar="office"),))
    house.open(msgspec.structs.replace(whole, calendars=(office,)), ready=False)
    house.call("c1")
    (closes,) = [x for x in contact(house, "c1")["waiting"]["next"] if x["what"] == "closes"]
    assert closes["text"] == "sales closes; who waits stays"


def test_a_contact_on_hold_by_a_lost_front_end_is_told_until_when() -> None:
    house = a_shift()
    house.lose()
    waiting = contact(house, "c2")["waiting"]
    assert waiting["held_back"][0].startswith("its front end is gone; it keeps its place until")
    assert waiting["next"][0]["what"] == "given_up"


# --- no value without words -----------------------------------------------------------------------

WORDS = Words(center(agent("ann")))


def test_every_rule_criterion_and_choice_has_its_words() -> None:
    assert set(HEADS) == set(Rule)
    assert set(CRITERIA) == set(Criterion)
    assert set(CHOICES) == set(AgentChoice)
    assert set(HELD_BACK) == {"owner_lost", "resting", "ringing"}
    for rule in Rule:
        one = Obstacle(rule=rule, skill="english", needs=2, queue=QueueId("q"), until=SECOND)
        assert WORDS.rule(one)
        assert WORDS.obstacle(one)
    assert WORDS.held_back(HeldBack(why="resting", until=SECOND)).endswith("until 00:00:01")


@pytest.mark.parametrize("kind", get_args(e.Event))
def test_every_event_of_a_contact_has_its_words(kind: type[e.Evt]) -> None:
    from callcenter.control.story import TOLD

    if not issubclass(kind, TOLD):
        return
    given = {
        name: value
        for name, value in SAMPLE.items()
        if name in {field.name for field in msgspec.structs.fields(kind)}
    }
    words = WORDS.moment(kind(**given), None)
    assert words
    assert kind.__name__ not in words


SAMPLE: dict[str, Any] = {
    "reply": "c2",
    "at": SECOND, "contact": "c1", "channel": Channel.VOICE, "frontend": "f1", "dialled": "100",
    "queue": QueueId("sales"), "visit": 1, "priority": 5, "since": 0, "expires": SECOND,
    "agent": AgentId("ann"), "after_seconds": 30, "left": "help", "left_visit": 1, "waited": 0,
    "until": SECOND, "exit": e.QueueExit.TIMEOUT, "offer": "o1", "ring_seconds": 20,
    "act_before": SECOND, "outcome": OfferOutcome.BUSY, "segment": "s1", "talked": SECOND,
    "termination": ended(Reason.AGENT_HUNG_UP),
    "grant": e.OfferMade(
        at=SECOND, offer=OfferId("o1"), contact=ContactId("c1"), queue=QueueId("sales"),
        channel=Channel.VOICE, agent=AgentId("ann"), frontend=FrontendId("f1"), ring_seconds=20,
        act_before=SECOND,
    ),
    "origin": "c0", "attempt": 1,
}  # fmt: skip


# --- over HTTP ------------------------------------------------------------------------------------


def test_the_api_answers_a_supervisor_and_tells_nothing_of_the_customer(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await found.call("c1", "+34600123456")
        sue = await found.token("supervisor")
        told = await found.get("/contacts/c1/why", **sue)
        assert told["state"] == "waiting"
        assert "600123456" not in str(told)
        ann = await found.get("/agents/ann/why", **sue)
        assert ann["others_count"] + ann["line_count"] == 1

    within(tmp_path, story)


def test_an_unknown_id_and_a_bad_time_are_refused(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        sue = await found.token("supervisor")
        answer = await found.client.get("/api/v1/contacts/c99/why", headers=sue)
        assert answer.status == 404
        assert "c99" in (await answer.json())["detail"]
        answer = await found.client.get("/api/v1/contacts/c1/why?at=noon", headers=sue)
        assert answer.status == 422

    within(tmp_path, story)
