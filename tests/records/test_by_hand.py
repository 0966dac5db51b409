"""What people did by hand and what training granted shows on every screen as control decides by it."""

from __future__ import annotations

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Calendar, Center, Period
from callcenter.domain.units import DAY, HOUR, AgentId, QueueId
from callcenter.records.live import LiveState
from callcenter.records.screens import AgentRow, QueueTile, agent_rows, queue_tiles
from tests.control.house import House, agent, queue

ANN = AgentId("ann")
SALES, HELP = QueueId("sales"), QueueId("help")


def office(**settings: object) -> House:
    """ann is good at english and bad at first aid; sales needs one, help the other."""
    queues = (queue("sales", skills={"english": 3}), queue("help", skills={"aid": 4}))
    return House().open(
        Center(
            skills=("english", "aid"),
            queues=queues,
            agents=(agent("ann", english=5, aid=1), agent("ben", english=3)),
            **settings,  # type: ignore[arg-type]
        )
    )


def shown(house: House) -> LiveState:
    """The fold of everything, also through a snapshot; what it shows is what control decides by."""
    live = LiveState()
    for event in house.journal:
        live.apply(event)
    assert live.skills == house.control.skills
    again = LiveState.restore(live.snapshot())
    assert (again.skills, again.able) == (live.skills, live.able)
    return live


def row(house: House, name: str = "ann") -> AgentRow:
    live = shown(house)
    return next(row for row in agent_rows(live, house.now) if row.id == name)


def tile(house: House, name: str = "sales") -> QueueTile:
    live = shown(house)
    return next(tile for tile in queue_tiles(live, house.now) if tile.id == name)


def skills(house: House, **by_hand: int) -> None:
    house.tell(c.SkillsRequested(agent=ANN, skills=by_hand, by="sue"))


def test_skills_changed_by_hand_are_what_is_shown_and_what_serves_a_queue() -> None:
    house = office()
    assert shown(house).able == {SALES: ("ann", "ben"), HELP: ()}
    skills(house, english=0, aid=6)
    assert shown(house).able == {SALES: ("ben",), HELP: ("ann",)}
    assert row(house).skills == {"aid": 6}
    assert row(house).by_hand == {"english": 0, "aid": 6}
    assert tile(house, "help").agents["ready"] == 1
    skills(house)
    assert shown(house).able == {SALES: ("ann", "ben"), HELP: ()}
    assert row(house).by_hand == {}


def test_a_certificate_is_shown_granted_then_expiring_then_expired() -> None:
    house = office()
    house.train("ann", "aid", 7, expires=house.now + 40 * DAY)
    (certificate,) = row(house).certificates
    assert (certificate.skill, certificate.level, certificate.state) == ("aid", 7, "valid")
    assert row(house).skills == {"english": 5, "aid": 7}
    house.wait(10 * 86_400)
    assert [one.state for one in row(house).certificates] == ["expiring"]
    assert row(house).skills["aid"] == 7
    house.wait(30 * 86_400)
    assert [one.state for one in row(house).certificates] == ["expired"]
    assert row(house).skills == {"english": 5}
    assert shown(house).able[HELP] == ()


def test_a_certificate_without_an_end_never_expires() -> None:
    house = office()
    house.train("ann", "aid", 7)
    assert [(one.expires, one.state) for one in row(house).certificates] == [(None, "valid")]


def test_a_certified_skill_counts_only_with_a_certificate() -> None:
    house = office(certified=("aid",))
    assert row(house).skills == {"english": 5}
    house.train("ann", "aid", 4)
    assert row(house).skills == {"english": 5, "aid": 4}


def test_what_was_learned_outlives_a_configuration_without_her() -> None:
    house = office()
    house.train("ann", "aid", 7)
    whole = house.control.state.center
    house.configure(Center(skills=whole.skills, queues=whole.queues, agents=whole.agents[1:]), "2")
    assert shown(house).able == {SALES: ("ben",), HELP: ()}
    house.configure(whole, "3")
    assert shown(house).able == {SALES: ("ann", "ben"), HELP: ("ann",)}


def test_training_somebody_who_is_not_configured_breaks_no_screen() -> None:
    live = LiveState()
    live.apply(e.SkillsChanged(at=1, agent=ANN, skills={"aid": 1}))
    assert live.skills == {}


def test_a_door_opened_or_closed_by_hand_beats_the_calendar_until_it_is_left_to_it() -> None:
    never = Calendar(name="never", periods=(Period(weekday=0, opens=0, closes=1),))
    house = House().open(Center(queues=(queue(calendar="never"),), calendars=(never,)))
    assert (tile(house).open, tile(house).door) == (False, "")
    house.tell(c.QueueOpenRequested(queue=SALES, by="sue"))
    opened = tile(house)
    assert (opened.open, opened.door, opened.door_by) == (True, "open", "sue")
    assert opened.door_since is not None
    house.tell(c.QueueCloseRequested(queue=SALES, by="tom"))
    assert (tile(house).open, tile(house).door, tile(house).door_by) == (False, "closed", "tom")
    house.tell(c.QueueOpenRequested(queue=SALES, follow_calendar=True))
    assert (tile(house).open, tile(house).door, tile(house).door_since) == (False, "", None)


def test_a_queue_shows_its_own_announcement_else_that_of_all() -> None:
    house = office()
    house.tell(c.AnnouncementRequested(announcement="storm"))
    assert [tile(house, name).announcement for name in ("sales", "help")] == ["storm", "storm"]
    house.tell(c.AnnouncementRequested(queue=SALES, announcement="outage"))
    assert [tile(house, name).announcement for name in ("sales", "help")] == ["outage", "storm"]
    house.tell(c.AnnouncementRequested())
    assert [tile(house, name).announcement for name in ("sales", "help")] == ["outage", ""]
    house.tell(c.AnnouncementRequested(queue=SALES))
    house.wait(HOUR // 1_000_000)
    assert tile(house).announcement == ""
