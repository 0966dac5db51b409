"""The verbs in the leg model: what they do, and what they leave alone when they fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.units import SECOND
from callcenter.media.engine import Limits
from tests.media.house import House, describe, port_in


def test_ping_is_answered() -> None:
    assert House().ask("ping") == {"result": "pong"}


def test_an_offer_gives_the_inner_port_and_its_answer_the_port_for_the_phone() -> None:
    house = House()
    inner = port_in(house.ask("offer", from_tag="leg", sdp=describe(4000)))
    outer = port_in(house.ask("answer", from_tag="leg", to_tag="in", sdp=describe(9)))
    assert {inner, outer} == {30_000, 30_002}
    assert house.open == {30_000, 30_002}


def test_ports_stay_the_same_through_connection_hold_and_renewed_offers() -> None:
    house = House()
    one, other = house.bridge()
    before = (one.phone.port, one.inner.port, other.phone.port, other.inner.port)
    house.connect(one)
    house.ask("offer", from_tag="leg", to_tag="in", sdp=describe(4000, direction="sendonly"))
    answer = house.ask("answer", from_tag="leg", to_tag="in", sdp=describe(9))
    assert port_in(answer) == before[0]
    assert (one.phone.port, one.inner.port, other.phone.port, other.inner.port) == before


def test_two_legs_that_name_each_other_are_joined_in_memory() -> None:
    one, other = House().bridge()
    assert one.phone.to is other.phone
    assert other.phone.to is one.phone


def test_a_leg_that_only_one_side_names_is_joined_with_nobody() -> None:
    house = House()
    one = house.caller()
    other = house.agent(far=one.inner.port)
    assert one.phone.to is None
    assert other.phone.to is None


def test_deleting_a_leg_leaves_the_other_one_unconnected_and_its_ports_free() -> None:
    house = House()
    one, _other = house.bridge()
    house.ask("delete", "L2")
    assert one.phone.to is None
    assert house.open == {one.phone.port, one.inner.port}
    assert house.ports.free == house.ports.total - 2


def test_a_new_leg_on_a_deleted_legs_port_is_not_heard_by_the_one_left_behind() -> None:
    house = House(pairs=4)
    one, other = house.bridge()
    house.ask("delete", "L2")
    stranger = house.agent("L3", port=6000, far=9)
    assert stranger.inner.port in (other.inner.port, other.phone.port)
    assert one.phone.to is None


def test_an_inner_address_of_others_goes_through_our_inner_side() -> None:
    house = House()
    leg = house.caller()
    house.ask("offer", from_tag="in", to_tag="leg", sdp=describe(8000, host="10.9.9.9"))
    assert leg.phone.to is leg.inner
    assert leg.inner.to is leg.phone


def test_the_phone_is_answered_with_its_own_first_choice_that_our_side_names() -> None:
    house = House()
    house.ask("offer", from_tag="leg", sdp=describe(4000, "18 8 0 101"))
    reply = house.ask("answer", from_tag="leg", to_tag="in", sdp=describe(9, "0 101"))
    assert "m=audio 30000 RTP/AVP 0 101\r\n" in reply["sdp"]
    assert house.engine.legs["L1"].phone.codec == 0


def test_the_same_sdp_again_keeps_the_law_that_was_agreed() -> None:
    house = House()
    house.ask("offer", from_tag="leg", sdp=describe(4000, "8 0 101"))
    house.ask("answer", from_tag="leg", to_tag="in", sdp=describe(9, "0"))
    leg = house.engine.legs["L1"]
    house.connect(leg)
    assert leg.phone.codec == 0


def test_a_phone_that_we_call_is_offered_both_laws_the_callers_first() -> None:
    house = House()
    reply = house.ask("offer", "L2", from_tag="in", sdp=describe(9, "8 101"))
    assert "RTP/AVP 8 0 101\r\n" in reply["sdp"]


def test_a_video_line_is_answered_with_port_zero_in_its_place() -> None:
    house = House()
    offer = "m=video 6000 RTP/AVP 96\r\n".join(describe(4000).partition("m=audio")[::2])
    offer = describe(4000).replace("m=audio", "m=video 6000 RTP/AVP 96\r\nm=audio")
    house.ask("offer", from_tag="leg", sdp=offer)
    reply = house.ask("answer", from_tag="leg", to_tag="in", sdp=describe(9))
    media = [line for line in reply["sdp"].splitlines() if line.startswith("m=")]
    assert media[0] == "m=video 0 RTP/AVP 96"
    assert media[1].startswith("m=audio 30000 ")


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"sdp": "rubbish"}, "v=0"),
        ({"sdp": ""}, "v=0"),
        ({"sdp": describe(4000, "18")}, "No acceptable codec"),
        ({"sdp": describe(4000, host="239.1.1.1")}, "not one host"),
        ({"sdp": describe(4000, host="example.com")}, "no IPv4"),
        ({"sdp": describe(99_999)}, "port"),
        ({"sdp": describe(4000).replace("audio", "video")}, "no RTP audio"),
        ({"sdp": describe(4000) + "a=x\r\n" * 9000}, "too long"),
        ({"sdp": describe(4000), "from_tag": "caller"}, "from-tag"),
        ({"sdp": describe(4000), "call": ""}, "call-id"),
        ({"sdp": describe(4000), "call": "x" * 999}, "call-id"),
    ],
)
def test_an_offer_that_cannot_be_is_refused_and_leaves_nothing_behind(
    keys: dict[str, str], reason: str
) -> None:
    house = House()
    reply = house.ask("offer", **{"from_tag": "leg", **keys})
    assert reply["result"] == "error"
    assert reason in reply["error-reason"]
    assert not house.open
    assert not house.engine.legs
    assert house.ports.free == house.ports.total


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("answer", "Unknown call-id"),
        ("query", "Unknown call-id"),
        ("play media", "Unknown call-id"),
        ("stop media", "Unknown call-id"),
        ("block media", "Unknown call-id"),
        ("make coffee", "Unrecognized command"),
        ("", "Unrecognized command"),
    ],
)
def test_what_is_unknown_is_refused_by_name(command: str, reason: str) -> None:
    assert House().ask(command) == {"result": "error", "error-reason": reason}


def test_deleting_what_is_gone_is_no_error_so_that_a_retry_is_harmless() -> None:
    reply = House().ask("delete")
    assert reply["result"] == "ok"
    assert "not found" in reply["warning"]


def test_a_half_open_leg_gives_its_first_port_back() -> None:
    house = House(pairs=1)
    assert (
        house.ask("offer", from_tag="leg", sdp=describe(4000))["error-reason"] == "Ran out of ports"
    )
    assert not house.open
    assert house.ports.free == 1


def test_ports_that_others_hold_are_passed_over() -> None:
    house = House()
    house.taken = {30_000, 30_004}
    leg = house.caller()
    assert {leg.phone.port, leg.inner.port} == {30_002, 30_006}


def test_the_number_of_legs_is_limited() -> None:
    house = House(limits=Limits(legs_max=2))
    house.caller("L1")
    house.caller("L2")
    reply = house.ask("offer", "L3", from_tag="leg", sdp=describe(4000))
    assert reply == {"result": "error", "error-reason": "Too many legs"}
    house.ask("delete", "L1")
    house.caller("L3")


def test_nothing_is_played_before_the_phone_can_hear() -> None:
    house = House()
    house.ask("offer", from_tag="leg", sdp=describe(4000))
    reply = house.ask("play media", from_tag="leg", file="/prompt.au")
    assert reply["error-reason"] == "Failed to start media playback"


def test_stopping_tells_where_it_stopped_and_playing_may_begin_there() -> None:
    house = House()
    leg = house.caller()
    assert house.ask("play media", from_tag="leg", file="/prompt.au")["duration"] == 60
    house.hear(leg)
    house.hear(leg)
    assert house.ask("stop media", from_tag="leg")["last-frame-pos"] == 40
    house.ask("play media", from_tag="leg", file="/prompt.au", start_pos=40)
    assert leg.playback is not None
    assert leg.playback.position == 2


def test_blocking_one_side_cuts_one_direction_and_both_gates_must_open() -> None:
    house = House()
    one, other = house.bridge()
    house.ask("block media", from_tag="leg")
    house.ask("silence media", from_tag="leg")
    assert one.phone.to is None
    assert other.phone.to is one.phone
    house.ask("unblock media", from_tag="leg")
    assert one.phone.to is None
    house.ask("unsilence media", from_tag="leg")
    assert one.phone.to is other.phone


def test_blocking_the_inner_side_silences_what_would_come_from_there() -> None:
    house = House()
    one, other = house.bridge()
    house.ask("block media", from_tag="in")
    assert other.phone.to is None
    assert one.phone.to is other.phone


def test_a_leg_that_nobody_wants_is_given_up_in_the_end() -> None:
    house = House(limits=Limits(orphan_seconds=60))
    leg = house.caller()
    assert not house.engine.give_up_orphan(leg, house.now + 59 * SECOND)
    assert house.engine.give_up_orphan(leg, house.now + 60 * SECOND)
    assert not house.open
    assert house.engine.changed == {"L1": None}


def test_statistics_count_legs_refusals_and_ports() -> None:
    house = House()
    house.bridge()
    house.ask("query", "nobody")
    report = house.ask("statistics")["statistics"]
    assert report["currentstatistics"]["sessionsown"] == 2
    assert report["currentstatistics"]["bridged"] == 2
    assert report["totalstatistics"]["errors"] == 1
    assert report["ports"] == {"total": 20, "free": 16}


def test_the_list_of_calls_may_be_limited() -> None:
    house = House()
    house.bridge()
    assert house.ask("list")["calls"] == ["L1", "L2"]
    assert house.ask("list", limit="1")["calls"] == ["L1"]


@pytest.mark.parametrize("port", [30_000, 30_002])
def test_a_phone_that_claims_to_be_at_our_own_port_is_refused(port: int) -> None:
    house = House()
    house.caller()
    reply = house.ask("offer", from_tag="leg", to_tag="in", sdp=describe(port, host="10.0.0.1"))
    assert reply["error-reason"] == "The SDP names a port of ours"
    assert house.engine.legs["L1"].phone.address == ("192.0.2.1", 4000)
    reply = house.ask("offer", "L2", from_tag="leg", sdp=describe(30_004, host="10.0.0.1"))
    assert reply["error-reason"] == "The SDP names a port of ours"
    assert house.open == {30_000, 30_002}


def test_a_call_of_ours_that_comes_back_to_us_is_taken() -> None:
    house = House()
    out = house.caller("L1")
    back = house.caller("L2", port=4002)
    sdp = describe(out.phone.port, host="10.0.0.1")
    assert house.ask("offer", "L2", from_tag="leg", to_tag="in", sdp=sdp)["result"] == "ok"
    assert back.phone.address == ("10.0.0.1", out.phone.port)


def test_a_report_is_due_every_five_seconds() -> None:
    house = House()
    leg = house.caller()
    house.say(leg, 1)
    house.hear(leg)
    due = leg.report_at
    report = house.engine.control_report(leg, due)
    assert report[1] == 200
    assert leg.report_at == due + 5 * SECOND


VERBS = (
    "offer",
    "answer",
    "delete",
    "query",
    "play media",
    "stop media",
    "block media",
    "unblock media",
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "command": st.sampled_from(VERBS),
                "call": st.sampled_from(["L1", "L2", "L3"]),
                "from_tag": st.sampled_from(["leg", "in", "x"]),
                "to_tag": st.sampled_from(["leg", "in"]),
                "sdp": st.sampled_from(
                    [
                        describe(4000),
                        describe(9),
                        describe(0),
                        *(describe(p, host="10.0.0.1") for p in range(30_000, 30_012, 2)),
                        "v=1",
                    ]
                ),
                "file": st.sampled_from(["/prompt.au", "/none.au"]),
            }
        ),
        max_size=25,
    )
)
def test_no_order_of_messages_leaks_a_port_or_feeds_a_leg_that_is_gone(
    messages: list[dict[str, str]],
) -> None:
    house = House(pairs=5)
    for message in messages:
        assert house.ask(**message)["result"] in ("ok", "error")
        legs = house.engine.legs.values()
        assert house.open == {side.port for leg in legs for side in (leg.phone, leg.inner)}
        assert house.ports.free == house.ports.total - 2 * len(house.engine.legs)
        alive = {id(side) for leg in legs for side in (leg.phone, leg.inner)}
        for leg in legs:
            for side in (leg.phone, leg.inner):
                assert side.to is None or id(side.to) in alive
                assert side.to is None or side.to is not side


def test_digits_of_another_clock_are_told_and_passed_on_in_that_of_the_other_phone() -> None:
    house = House()
    browser = house.caller("L1", 4000)
    fast = describe(4000, "0 110").replace("101 telephone-event/8000", "110 telephone-event/48000")
    house.ask("offer", "L1", from_tag="leg", to_tag="in", sdp=fast)
    house.ask("answer", "L1", from_tag="leg", to_tag="in", sdp=describe(9))
    other = house.agent(far=browser.inner.port)
    house.connect(browser, far=other.inner.port)
    assert (browser.phone.events, browser.phone.clock, other.phone.clock) == (110, 48_000, 8000)
    house.say(browser, 1)
    sent = house.say(browser, 2, bytes([5, 0x8A]) + (4800).to_bytes(2), second=110)
    assert int.from_bytes(sent[14:16]) == 800, "100 ms as the other counts"
    (pressed,) = house.engine.facts
    assert pressed.press.duration_ms == 100  # type: ignore[union-attr]


def test_digits_at_8_khz_are_preferred_and_absurd_clocks_are_none() -> None:
    house = House()
    leg = house.caller("L1", 4000)
    both = describe(4000, "0 110 101").replace(
        "a=rtpmap:101", "a=rtpmap:110 telephone-event/48000\r\na=rtpmap:101"
    )
    house.ask("offer", "L1", from_tag="leg", to_tag="in", sdp=both)
    assert (leg.phone.events, leg.phone.clock) == (101, 8000)
    absurd = describe(4000, "0 101").replace("event/8000", "event/9999999")
    house.ask("offer", "L1", from_tag="leg", to_tag="in", sdp=absurd)
    assert leg.phone.events is None
