"""A fax that we send: nobody is called twice for one attempt, and every ending has its name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from callcenter.domain import events as e
from callcenter.domain.commands import FaxOutcome, FaxReported, FaxRequested
from callcenter.domain.units import ContactId, PartyId
from callcenter.frontend.turn import Closing, EventsSeen, FaxOver
from callcenter.sip.sdp_fax import wants_image
from tests.frontend.test_fax import FaxPhone
from tests.frontend.world import TRUNK_HOST, World

NUMBER = "+15550777"
FAX = ContactId("fax-1")


class House(World):
    """The provider's line has a fax machine at its end."""

    def __init__(self, mood: str = "answers", **rules: Any) -> None:
        super().__init__(rules=rules)
        self.parties = {"party-1": NUMBER}
        self.far = FaxPhone(self, "trunk", TRUNK_HOST, mood=mood)
        self.phones[self.far.flow.local] = self.far
        self.media.fax_result = {"pages": 2, "code": 0, "begun": 1}

    def ask(self, **more: Any) -> None:
        wish = {"blob": "1" * 64, "pages": 2, "retry_seconds": 60, "caller": "+15550100"}
        self.command(FaxRequested(fax=FAX, party=PartyId("party-1"), **{**wish, **more}))
        self.wait(0.1)

    @property
    def reports(self) -> list[FaxReported]:
        return [one for one in self.commands if isinstance(one, FaxReported)]

    @property
    def outcomes(self) -> list[str]:
        return [one.outcome.value for one in self.reports]

    @property
    def leg(self) -> str:
        (leg,) = self.media.faxes
        return leg

    def over(self) -> None:
        self.feed(FaxOver(self.leg))

    def invites(self) -> int:
        found = [data for data in self.sent if data.startswith(b"INVITE")]
        return len({data[data.index(b"Call-ID") :].split(b"\r\n")[0] for data in found})


def test_a_fax_is_called_for_spoken_and_reported() -> None:
    world = House()
    world.ask()
    assert world.far.story[:2] == ["rings", "confirmed"]
    asked = next(m for m in world.media.asked if m["command"] == "fax send")
    assert asked["job"] == {
        "fax": FAX, "attempt": 1, "blob": "1" * 64, "first": 0, "pages": 2, "ident": "+15550100",
    }  # fmt: skip
    assert world.media.legs[world.leg]["far"] == 36000
    assert world.outcomes == []
    world.over()
    assert world.outcomes == ["sent"]
    assert world.reports[0].confirmed == 2
    assert world.last(e.ContactEnded).termination.reason == "fax_sent"
    assert [(a.label, a.pages) for a in world.attempts] == [("sent", 2)]
    assert world.leaks() == []


def test_no_event_command_or_worker_hears_the_number() -> None:
    world = House()
    world.ask()
    world.over()
    told = msgspec.json.encode([world.events, world.commands]).decode()
    assert NUMBER not in told
    assert NUMBER not in str([m for m in world.media.asked if "fax" in m["command"]])


@pytest.mark.parametrize("number", ["+49301234567", "200", "1800999"])
def test_a_number_that_no_line_may_dial_is_never_called(number: str) -> None:
    world = House()
    world.parties = {"party-1": number}
    world.ask()
    assert world.outcomes == ["not_allowed"]
    assert world.invites() == 0
    assert world.last(e.ContactEnded).termination.reason == "fax_not_allowed"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(486, "busy"), (600, "busy"), (480, "no_answer"), (503, "not_connected"), (404, "not_connected")],
)  # fmt: skip
def test_a_refused_call_has_its_name_and_is_made_again_later(status: int, outcome: str) -> None:
    world = House("lets it ring")
    world.ask()
    assert world.far.call is not None
    world.far.call.reject(status, world.now)
    world.run()
    assert world.outcomes == [outcome]
    assert world.invites() == 1
    world.wait(61)
    assert world.invites() == 2


def test_nobody_answers() -> None:
    world = House("lets it ring")
    world.ask(attempts_max=1)
    world.wait(61)
    assert world.outcomes == ["no_answer"]
    assert world.leaks() == []


@pytest.mark.parametrize(
    ("result", "outcome", "confirmed"),
    [
        ({"pages": 2, "code": 0}, "sent", 2),
        ({"pages": 1, "code": 49}, "cut_off", 1),
        ({"pages": 0, "code": 3}, "no_machine", 0),
        ({"pages": 1, "code": 3}, "cut_off", 1),
        ({"pages": 0, "code": 42}, "unsendable", 0),
        ({"pages": 1, "code": -3, "begun": 1}, "unsure", 1),
        ({"pages": 0, "code": -3, "begun": 0}, "cut_off", 0),
    ],
)
def test_what_the_worker_says_is_what_is_reported(
    result: dict[str, int], outcome: str, confirmed: int
) -> None:
    world = House()
    world.media.fax_result = result
    world.ask()
    world.over()
    assert (world.outcomes, world.reports[0].confirmed) == ([outcome], confirmed)


def test_pages_of_before_count_and_the_rest_is_asked_for() -> None:
    world = House()
    world.media.fax_result = {"pages": 1, "code": 49}
    world.ask(pages=3)
    world.over()
    world.wait(61)
    job = [m for m in world.media.asked if m["command"] == "fax send"][-1]["job"]
    assert (job["attempt"], job["first"]) == (2, 1)
    world.media.fax_result = {"pages": 2, "code": 0}
    world.over()
    assert world.reports[-1].confirmed == 3
    assert world.last(e.ContactEnded).termination.reason == "fax_sent"


def test_they_hang_up_in_the_middle() -> None:
    world = House()
    world.media.fax_result = {"pages": 1, "code": 49}
    world.ask(attempts_max=1)
    world.far.hang_up()
    assert world.outcomes == ["cut_off"]
    assert world.leaks() == []


def test_no_machine_of_ours_is_free_so_nobody_is_called() -> None:
    world = House()
    world.media.refuses, world.media.why = "fax ready", "Too many faxes"
    world.ask()
    assert (world.outcomes, world.invites()) == (["unavailable"], 0)


def test_pages_that_are_gone_are_not_tried_again() -> None:
    world = House()
    world.media.refuses, world.media.why = "fax ready", "No such pages"
    world.ask()
    assert world.outcomes == ["unsendable"]
    assert world.last(e.ContactEnded).termination.reason == "fax_unsendable"


def test_a_machine_that_is_gone_when_they_answer_lets_them_go() -> None:
    world = House()
    world.media.refuses = "fax send"
    world.ask(attempts_max=1)
    assert world.outcomes == ["unavailable"]
    assert "hung up on" in world.far.story
    assert [leak for leak in world.leaks() if leak.startswith("contact")] == ["contact fax-1"], (
        "it goes out later: that our machine was gone is no attempt"
    )


def test_a_store_that_does_not_say_whom_to_call_is_asked_again_later() -> None:
    world = House()
    world.parties = {}
    world.ask()
    assert world.outcomes == ["unavailable"]
    world.parties = {"party-1": NUMBER}
    world.wait(61)
    assert world.invites() == 1


def test_a_word_read_too_late_calls_nobody_and_is_given_again() -> None:
    world = House()
    world.ask(not_before=0)
    world.over()
    due = next(event for event in world.events if getattr(event, "stage", "") == "due")
    late = msgspec.structs.replace(due, contact=ContactId("fax-2"), act_before=1)
    before = world.invites()
    world.feed(EventsSeen((late,), world.now, len(world.journal) + 1))
    assert world.reports[-1].outcome is FaxOutcome.LATE
    assert world.invites() == before


def test_the_called_machine_may_change_to_t38() -> None:
    world = House()
    world.ask()
    assert world.far.call is not None
    world.far.ask_for_image()
    assert world.far.story[-1] == "T.38"
    assert world.media.faxes[world.leg] == "image"
    assert not any(wants_image(data) for data in world.sent if data.startswith(b"INVITE"))
    world.over()
    assert world.attempts[0].t38
    assert world.leaks() == []


def test_a_change_before_our_machine_is_connected_waits_for_it() -> None:
    world = House("lets it ring")
    world.ask()
    assert world.far.call is not None
    world.media.silent = True
    world.far.answer()
    world.far.ask_for_image()
    assert "T.38" not in world.far.story
    world.media.silent = False
    world.media_answers_at_last()
    assert world.far.story[-1] == "T.38"
    assert world.media.faxes[world.leg] == "image"
    asked = [m["command"] for m in world.media.asked if m["command"].startswith("fax ")]
    assert asked == ["fax ready", "fax send", "fax image"]
    world.over()
    assert world.leaks() == []


def test_where_t38_is_not_wanted_the_sound_goes_on() -> None:
    world = House(fax_t38="never")
    world.ask()
    world.far.ask_for_image()
    assert world.media.faxes[world.leg] == "sound"
    world.over()
    assert world.outcomes == ["sent"]


@pytest.mark.parametrize("moment", ["rings", "speaks", "over"])
def test_a_restart_at_any_moment_calls_nobody_again_and_reports_once(moment: str) -> None:
    world = House("lets it ring" if moment == "rings" else "answers")
    world.ask()
    if moment == "over":
        world.media.silent = True
        world.feed(FaxOver(world.leg))
        world.media.silent = False
    world.restart()
    if moment == "rings":
        world.far.answer()
    if moment != "over":
        world.over()
    world.wait(10)
    assert world.outcomes == ["sent"]
    assert world.invites() == 1
    assert world.leaks() == []


def test_a_life_that_died_of_the_word_is_followed_by_one_that_calls_once() -> None:
    world = House()
    world.keeps_nothing = True
    world.ask()
    assert world.invites() == 0, "nothing leaves before it is kept"
    world.keeps_nothing = False
    world.restart()
    assert world.invites() == 1
    world.over()
    assert world.outcomes == ["sent"]


def test_a_worker_that_does_not_answer_is_asked_until_it_does() -> None:
    world = House()
    world.ask()
    world.media.refuses = "fax end"
    world.over()
    world.wait(300)
    assert world.outcomes == [], "confirmed pages are not given up"
    world.media.refuses = ""
    world.wait(10)
    assert world.outcomes == ["sent"]


def test_a_worker_that_never_answers_again_leaves_it_unsure() -> None:
    world = House()
    world.ask()
    world.media.refuses = "fax end"
    world.over()
    world.wait(1000)
    assert world.outcomes == ["unsure"]
    assert world.frontend.hands.stories == {}


def test_a_front_end_that_goes_for_good_asks_what_is_there() -> None:
    world = House()
    world.media.fax_result = {"pages": 1, "code": 49}
    world.ask()
    world.feed(Closing())
    assert (world.outcomes, world.reports[0].confirmed) == (["cut_off"], 1)
    assert "hung up on" in world.far.story
