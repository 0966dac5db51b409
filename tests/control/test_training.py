"""Training grants skills, certificates end them at their instant, the journal remembers both."""

from __future__ import annotations

import pytest

from callcenter.control.center import Control
from callcenter.domain import events as e
from callcenter.domain.center import Center, Plan
from callcenter.domain.commands import Presence
from callcenter.domain.units import DAY, HOUR, MINUTE, SECOND, AgentId
from tests.control.house import House, agent, center, one, only, queue
from tests.control.invariants import check, plain

ANN = AgentId("ann")
NEED = (queue(skills={"english": 5}),)


def office(english: int = 0, **settings: object) -> House:
    ann = agent("ann", english=english) if english else agent("ann")
    return House().open(
        Center(
            skills=("english",),
            queues=NEED,
            agents=(ann,),
            **settings,  # type: ignore[arg-type]
        )
    )


def test_a_passed_training_grants_a_skill_at_once() -> None:
    house = office()
    house.call("c1")
    assert house.rung("c1") == ""
    assert house.train("ann", "english", 5).accepted
    recorded = one(house.journal, e.TrainingRecorded)
    assert (recorded.course, recorded.trainer, recorded.date) == ("first-aid", "t7", "2026-11-28")
    assert house.rung("c1") == "ann"


def test_what_everybody_can_now_is_to_be_seen() -> None:
    house = office(english=3)
    assert house.control.skills == {"ann": {"english": 3}}
    house.train("ann", "english", 5, expires=house.now + HOUR)
    assert house.control.skills == {"ann": {"english": 5}}
    house.wait(3600)
    assert house.control.skills == {"ann": {}}


def test_a_failed_training_is_recorded_and_grants_nothing() -> None:
    house = office()
    house.call("c1")
    assert house.train("ann", "english", 5, passed=False).accepted
    assert house.rung("c1") == ""
    assert [t.passed for t in house.control.state.people[ANN].trainings] == [False]


def test_a_training_never_lowers_what_is_configured() -> None:
    house = office(english=9)
    house.train("ann", "english", 2)
    house.call("c1")
    assert house.rung("c1") == "ann"


def test_an_expired_certificate_stops_routing_at_that_instant() -> None:
    house = office()
    house.train("ann", "english", 5, expires=house.now + HOUR)
    house.wait(3_599.999999)
    house.call("c1")
    assert house.rung("c1") == "ann"
    house.hang_up("c1")
    assert one(house.wait(0.000001), e.CertificateExpired).skill == "english"
    house.call("c2")
    assert house.rung("c2") == ""


def test_a_certificate_is_gone_before_anything_else_is_decided_at_its_instant() -> None:
    """The tick may come late; what is decided meanwhile already knows."""
    house = office()
    house.train("ann", "english", 5, expires=house.now + HOUR)
    house.now += HOUR
    said = house.call("c1")
    assert isinstance(said[0], e.CertificateExpired)
    assert only(said, e.OfferMade) == []


def test_an_expired_certificate_ends_a_configured_skill_too_until_it_is_renewed() -> None:
    house = office(english=7)
    house.train("ann", "english", 5, expires=house.now + HOUR)
    house.wait(3_600)
    house.call("c1")
    assert house.rung("c1") == ""
    assert house.train("ann", "english", 6, expires=house.now + DAY).accepted
    assert house.rung("c1") == "ann"


def test_a_renewal_in_time_leaves_no_gap() -> None:
    house = office()
    house.train("ann", "english", 5, expires=house.now + HOUR)
    house.wait(1800)
    house.train("ann", "english", 5, expires=house.now + DAY)
    house.wait(3600)
    assert house.all(e.CertificateExpired) == []
    house.call("c1")
    assert house.rung("c1") == "ann"


def test_an_expiry_is_warned_of_once_thirty_days_ahead() -> None:
    house = office()
    house.train("ann", "english", 5, expires=house.now + 31 * DAY)
    assert house.all(e.CertificateExpiring) == []
    said = house.wait(DAY / SECOND)
    warned = one(said, e.CertificateExpiring)
    assert (warned.agent, warned.skill, warned.expires - warned.at) == ("ann", "english", 30 * DAY)
    house.wait(DAY / SECOND)
    assert one(house.journal, e.CertificateExpiring) is warned


def test_a_certificate_that_expires_within_thirty_days_is_warned_of_at_once() -> None:
    house = office()
    house.train("ann", "english", 5, expires=house.now + DAY)
    assert len(house.all(e.CertificateExpiring)) == 1


def test_a_certificate_for_ever_never_expires() -> None:
    house = office()
    house.train("ann", "english", 5)
    house.wait(400 * DAY / SECOND)
    house.call("c1")
    assert house.rung("c1") == "ann"


def test_a_certified_skill_counts_only_with_a_certificate() -> None:
    house = office(english=9, certified=("english",))
    house.call("c1")
    assert house.rung("c1") == ""
    house.train("ann", "english", 3)
    assert house.rung("c1") == "ann", "certified, and configured higher than the course grants"


def test_what_somebody_learned_outlives_her_absence_from_the_configuration() -> None:
    house = office()
    house.train("ann", "english", 5, expires=house.now + 40 * DAY)
    house.configure(center(queues=NEED), "2")
    house.wait(HOUR / SECOND)
    house.configure(Center(skills=("english",), queues=NEED, agents=(agent("ann"),)), "3")
    house.phone("ann", True)
    house.presence("ann", Presence.READY)
    house.call("c1")
    assert house.rung("c1") == "ann"
    house.configure(center(queues=NEED), "4")
    assert house.wait(60 * DAY / SECOND) is not None
    assert house.all(e.CertificateExpired) == [], "nobody is there to lose it"
    house.configure(Center(skills=("english",), queues=NEED, agents=(agent("ann"),)), "5")
    assert only(house.wait(0), e.CertificateExpired)


def test_certificates_survive_a_snapshot_and_a_standby() -> None:
    house = office()
    house.train("ann", "english", 5, expires=house.now + HOUR)
    follower = Control(epoch=1)
    for event in house.journal:
        follower.apply(event)
    assert plain(follower) == plain(house.control)
    house.control = Control.restore(house.control.snapshot(), epoch=1)
    check(house.control)
    assert house.control.deadline == follower.deadline
    assert only(house.wait(3_600), e.CertificateExpired)


def test_an_expiry_while_she_is_waited_for_alone_is_obeyed() -> None:
    house = office(english=0)
    house.train("ann", "english", 5, expires=house.now + MINUTE)
    house.configure(
        Center(
            skills=("english",),
            queues=(queue(skills={"english": 5}, plan=Plan(sticky_seconds=600)),),
            agents=(agent("ann"),),
        ),
        "2",
    )
    house.call("c0")
    house.accept("c0")
    queued = one(house.call("c1", agent=ANN), e.ContactQueued)
    assert queued.agent == "ann"
    house.wait(61)
    house.hang_up("c0")
    house.wait(31)
    assert house.rung("c1") == ""


REFUSED: list[tuple[str, dict[str, object]]] = [
    ("skill 'dutch' is not known; known are: english", {"skill": "dutch", "level": 3}),
    ("level 0 is not within 1 to 10", {"skill": "english"}),
    ("level 11 is not within 1 to 10", {"skill": "english", "level": 11}),
    ("expires: a certificate must expire", {"skill": "english", "level": 3, "expires": 1}),
    ("expires: a certificate must expire", {"skill": "english", "level": 3, "expires": -5}),
    ("expires: a certificate must expire", {"skill": "english", "level": 3, "expires": 1 << 62}),
    ("a level or an expiry needs a skill", {"level": 3}),
    ("course: needs an id of 1 to 64 letters", {"course": ""}),
    ("course: needs an id of 1 to 64 letters", {"course": "with Maria on +1 555 0100"}),
    ("trainer: needs an id of 1 to 64 letters", {"trainer": "x" * 65}),
    ("skill of that name is not known", {"skill": "asked for by Maria", "level": 3}),
    ("date 9999-12-31: a training was held since 1950-01-01, or is by tom", {"date": "9999-12-31"}),
    ("date 2027-01-17: a training was held", {"date": "2027-01-17"}),
    ("date 0001-01-01: a training was held", {"date": "0001-01-01"}),
    ("date '2026-02-30' is no date; write it as", {"date": "2026-02-30"}),
    ("date '20261128' is no date", {"date": "20261128"}),
]


@pytest.mark.parametrize(("words", "settings"), REFUSED, ids=[words for words, _ in REFUSED])
def test_a_training_that_cannot_be_is_refused_in_words(
    words: str, settings: dict[str, object]
) -> None:
    house = office()
    answer = house.train("ann", **settings)  # type: ignore[arg-type]
    assert not answer.accepted
    assert words in answer.reason
    assert house.control.state.people == {}


def test_nobody_can_be_trained_who_is_not_there() -> None:
    assert house_of_nobody().train("zoe", "english", 3).reason == "there is no agent 'zoe'"


def house_of_nobody() -> House:
    return House().open(center())


def test_many_trainings_are_kept_up_to_a_number() -> None:
    house = office()
    for n in range(105):
        house.train("ann", course=f"course-{n}")
    trainings = house.control.state.people[ANN].trainings
    assert (len(trainings), trainings[0].course) == (100, "course-5")
