"""A call that is a fax: who changes to T.38 and when, and how each of them ends."""

from __future__ import annotations

from typing import Any

import pytest

from callcenter.domain import events as e
from callcenter.domain.termination import Reason
from callcenter.frontend.turn import FaxHeard, FaxOver
from callcenter.sip import endpoint as sip
from callcenter.sip.sdp import build_audio, parse_sdp
from callcenter.sip.sdp_fax import build_image, image_media, wants_image
from tests.frontend.world import Phone, World


class FaxPhone(Phone):
    """A fax gateway. `answers_image` is what it says when it is asked for T.38."""

    answers_image = 200

    def heard(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, sip.CallReinvited):
                assert self.call is not None
                is_image = event.sdp is not None and wants_image(event.sdp)
                self.story.append("asked for T.38" if is_image else "asked for sound")
                if self.answers_image != 200:
                    self.call.reject_reinvite(self.answers_image, self.world.now)
                else:
                    answer = self.image() if is_image else self.sdp()
                    self.call.answer_reinvite(answer, self.world.now)
            elif isinstance(event, sip.ReinviteAnswered):
                self.story.append("T.38" if event.sdp and wants_image(event.sdp) else "sound")
            else:
                super().heard([event])

    def image(self) -> bytes:
        return build_image(self.flow.local[0], 4000).encode()

    def ask_for_image(self) -> None:
        assert self.call
        self.call.reinvite(self.image(), self.world.now)
        self.world.run()

    @property
    def at_worker(self) -> str:
        """What its fax is at the worker."""
        return self.world.media.faxes.get(self.world.leg_of(self), "nowhere")


def gateway(world: World) -> FaxPhone:
    made = FaxPhone(world, "fax", "192.0.2.200")
    world.phones[made.flow.local] = made
    return made


def over(world: World, phone: FaxPhone) -> None:
    world.feed(FaxOver(world.leg_of(phone)))


def calling(world: World, **dial: Any) -> FaxPhone:
    phone = gateway(world)
    phone.dial("300", **dial)
    return phone


def test_a_fax_number_is_answered_by_a_machine_and_let_go_when_the_fax_is_over() -> None:
    world = World()
    phone = calling(world)
    assert phone.story == ["answered"]
    assert phone.at_worker == "sound"
    far = world.media.legs[world.leg_of(phone)]["far"]
    assert far == 36000
    over(world, phone)
    assert phone.story[-1] == "hung up on"
    [line] = world.faxes
    assert (line.label, line.pages, line.t38) == ("fax_received", 1, False)
    assert world.kinds(e.ContactArrived) == []
    assert world.leaks() == []


def test_the_worker_is_told_whose_fax_it_is() -> None:
    world = World(rules={"fax_sub_addresses": (("4711", "claims"),)})
    calling(world, user="+49301234567")
    asked = next(m for m in world.media.asked if m["command"] == "fax receive")
    assert asked["peer"].startswith("192.0.2.9:")
    assert asked["call"] | {"began": 0} == {
        "id": "fax-frontend-0-1-1", "dialled": "300", "queue": "sales", "caller": "+49301234567",
        "began": 0, "sub_addresses": {"4711": "claims"},
    }  # fmt: skip


def test_a_sender_that_does_not_change_by_itself_is_asked_once_for_t38() -> None:
    world = World(rules={"fax_t38_delay_seconds": 4})
    phone = calling(world)
    world.wait(3.9)
    assert "asked for T.38" not in phone.story
    world.wait(0.2)
    assert phone.story[-1] == "asked for T.38"
    assert phone.at_worker == "image"
    world.wait(60)
    assert phone.story.count("asked for T.38") == 1
    over(world, phone)
    assert world.faxes[0].t38
    assert world.leaks() == []


def test_a_refused_change_leaves_the_fax_in_the_sound_and_is_never_asked_again() -> None:
    world = World()
    phone = gateway(world)
    phone.answers_image = 488
    phone.dial("300")
    world.wait(60)
    assert phone.story.count("asked for T.38") == 1
    assert phone.at_worker == "sound"
    assert "hung up on" not in phone.story
    over(world, phone)
    assert world.leaks() == []


def test_a_sender_that_changes_by_itself_is_followed_and_not_asked() -> None:
    world = World()
    phone = calling(world)
    world.wait(1)
    phone.ask_for_image()
    assert phone.story[-1] == "T.38"
    assert phone.at_worker == "image"
    world.wait(60)
    assert "asked for T.38" not in phone.story
    over(world, phone)
    assert world.leaks() == []


def test_both_asking_at_once_end_in_one_change() -> None:
    world = World()
    phone = calling(world)
    assert phone.call
    world.now += 4_000_000 - 1
    phone.call.reinvite(phone.image(), world.now)
    world._collect()
    world.now += 1
    world._take(world.frontend.tick(world.now))
    world.wait(20)
    assert phone.at_worker == "image"
    assert [m["command"] for m in world.media.asked].count("fax image") == 1
    over(world, phone)
    assert world.leaks() == []


@pytest.mark.parametrize(("rule", "asked", "taken"), [("accept", 0, "T.38"), ("never", 0, "488")])
def test_the_rule_says_whether_t38_is_asked_for_or_taken(rule: str, asked: int, taken: str) -> None:
    world = World(rules={"fax_t38": rule})
    phone = calling(world)
    world.wait(30)
    assert phone.story.count("asked for T.38") == asked
    phone.ask_for_image()
    assert phone.story[-1].endswith(taken)
    over(world, phone)


def test_t38_alone_in_the_first_invite_is_t38_from_the_start() -> None:
    world = World()
    phone = gateway(world)
    phone.dial("300", sdp=phone.image())
    assert phone.story == ["answered"]
    assert phone.call is not None
    assert phone.call.remote_sdp is not None
    assert wants_image(phone.call.remote_sdp)
    assert phone.at_worker == "image"
    world.wait(30)
    assert "asked for T.38" not in phone.story
    over(world, phone)
    assert world.leaks() == []


def test_sound_and_t38_in_the_first_invite_begin_with_the_sound() -> None:
    world = World()
    phone = gateway(world)
    both = build_audio(phone.flow.local[0], 4000).encode() + b"m=image 4002 udptl t38\r\n"
    phone.dial("300", sdp=both)
    assert phone.call is not None
    answer = parse_sdp(phone.call.remote_sdp or b"")
    assert [(m.kind, m.port > 0) for m in answer.media] == [("audio", True), ("image", False)]
    assert phone.at_worker == "sound"


def test_an_invite_without_an_offer_is_answered_with_ours() -> None:
    world = World()
    phone = gateway(world)
    phone.dial("300", sdp=None)
    assert phone.call is not None
    phone.call.acknowledge(phone.sdp(), world.now)
    world.run()
    assert phone.at_worker == "sound"
    over(world, phone)
    assert world.leaks() == []


def test_a_session_refresh_in_the_middle_does_not_touch_the_fax() -> None:
    world = World()
    phone = calling(world)
    phone.ask_for_image()
    before = [m["command"] for m in world.media.asked if m["command"].startswith("fax ")]
    for _ in range(3):
        world.wait(2)
        phone.ask_for_image()
    after = [m["command"] for m in world.media.asked if m["command"].startswith("fax ")]
    assert [c for c in after if c != "fax state"] == [c for c in before if c != "fax state"]
    assert phone.at_worker == "image"


def test_a_way_back_to_sound_is_refused_while_pages_come() -> None:
    world = World()
    phone = calling(world)
    phone.ask_for_image()
    phone.hold("sendrecv")
    assert phone.story[-1] == "reinvite 488"
    assert phone.at_worker == "image"


def test_no_page_is_taken_when_no_machine_is_free() -> None:
    world = World()
    world.media.refuses = "fax receive"
    phone = calling(world)
    assert phone.story == ["rejected 486"]
    assert world.faxes[0].label == "fax_unavailable"
    world.media.refuses = ""
    assert world.leaks() == []


def test_a_worker_that_died_ends_the_call() -> None:
    world = World()
    phone = calling(world)
    world.media.faxes.clear()
    world.wait(6)
    assert phone.story[-1] == "hung up on"
    assert world.leaks() == []


def test_a_worker_whose_last_word_was_lost_is_asked() -> None:
    world = World()
    phone = calling(world)
    answer = world.media._fax

    def is_over(verb: str, leg: str) -> dict[str, Any]:
        return {**answer(verb, leg), "over": 1}

    world.media._fax = is_over  # type: ignore[method-assign]
    world.wait(6)
    assert phone.story[-1] == "hung up on"
    assert world.leaks() == []


def test_a_sender_that_hangs_up_in_the_middle_is_named_so() -> None:
    world = World()
    world.media.fax_result = {"pages": 2, "code": 49}
    phone = calling(world)
    phone.hang_up()
    [line] = world.faxes
    assert (line.label, line.fault, line.pages) == ("fax_incomplete", "caller", 2)
    assert world.leaks() == []


def test_a_voice_call_whose_caller_beeps_goes_on_as_a_fax() -> None:
    world = World()
    phone = gateway(world)
    phone.dial("+15550100")
    assert world.hears(phone) == "hello"
    world.feed(FaxHeard(world.leg_of(phone)))
    assert phone.at_worker == "sound"
    assert world.hears(phone) == ""
    ended = world.last(e.ContactEnded)
    assert ended.termination.reason is Reason.FAX_CALLED
    assert "hung up on" not in phone.story
    world.wait(4.1)
    assert phone.at_worker == "image"
    over(world, phone)
    assert [line.label for line in world.faxes] == ["fax_received"]
    assert world.leaks() == []


def test_a_fax_machine_that_waits_in_a_queue_takes_nobodys_time() -> None:
    world = World()
    phone = gateway(world)
    phone.dial("+15550100")
    world.said(phone)
    world.press_after_prompt(phone, "1")
    assert world.kinds(e.ContactQueued)
    world.feed(FaxHeard(world.leg_of(phone)))
    assert phone.at_worker == "sound"
    over(world, phone)
    assert world.leaks() == []


def test_a_beep_means_nothing_to_somebody_who_talks_or_where_no_fax_is_taken() -> None:
    world = World("ana")
    ana = world.agents["ana"]
    ana.mood = "answers"
    phone = gateway(world)
    phone.dial("+15550100")
    world.said(phone)
    world.press_after_prompt(phone, "1")
    world.run()
    world.feed(FaxHeard(world.leg_of(phone)))
    assert world.media.faxes == {}
    other = World("ana")
    ana = other.agents["ana"]
    ana.dial("200")
    other.feed(FaxHeard(other.leg_of(ana)))
    assert other.media.faxes == {}


@pytest.mark.parametrize("image", [False, True])
def test_a_front_end_that_comes_back_follows_its_faxes(image: bool) -> None:
    world = World()
    phone = calling(world)
    if image:
        phone.ask_for_image()
    world.restart()
    assert phone.at_worker == ("image" if image else "sound")
    over(world, phone)
    assert phone.story[-1] == "hung up on"
    assert world.leaks() == []


def test_a_media_engine_that_fails_ends_it_by_name() -> None:
    world = World()
    world.media.refuses = "offer"
    phone = calling(world)
    assert phone.story == ["rejected 503"]


def test_a_description_without_a_fax_in_it_is_refused() -> None:
    world = World()
    phone = gateway(world)
    video = (
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=video 4 RTP/AVP 31\r\n"
    )
    phone.dial("300", sdp=video)
    assert phone.story == ["rejected 488"]
    assert image_media(parse_sdp(video)) is None
