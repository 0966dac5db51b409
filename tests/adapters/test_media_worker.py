"""The media worker as its neighbours see it: real process, real sockets, tones judged by the tests."""

import itertools
import json
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.media_phone import (
    Engine,
    Phone,
    converse,
    describe,
    encode,
    port_of,
    tone,
)

CALLER, AGENT, MUSIC, PROMPT = 440, 1000, 700, 1550


def au(frames: list[bytes]) -> bytes:
    """A µ-law .au file."""
    octets = b"".join(frames)
    return struct.pack("!4sIIIII", b".snd", 28, len(octets), 1, 8000, 1) + bytes(4) + octets


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path / "run", silence_seconds=1)
    yield made
    made.kill()


@pytest.fixture
def music(tmp_path: Path) -> str:
    path = tmp_path / "music.au"
    path.write_bytes(au(tone(MUSIC, 0, frames=100)))
    return str(path)


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    path = tmp_path / "prompt.au"
    path.write_bytes(au(tone(PROMPT, 0, frames=20)))
    return str(path)


def test_two_phones_hear_each_other_and_nothing_else(engine: Engine) -> None:
    caller, agent = Phone(CALLER), Phone(AGENT)
    engine.bridge(caller, agent)
    converse([caller, agent], 1.2)
    assert caller.hears(AGENT) > 0.95
    assert caller.hears(CALLER) < 0.01
    assert agent.hears(CALLER) > 0.95
    assert agent.hears(AGENT) < 0.01


def test_a_phone_of_the_other_law_hears_the_same_tone(engine: Engine) -> None:
    caller, agent = Phone(CALLER, 0), Phone(AGENT, 8)
    first = engine.caller("L1", caller, formats="0 101")
    second = engine.agent("L2", agent, far=first, formats="8 101")
    engine.connect("L1", caller, far=second, formats="0 101")
    converse([caller, agent], 1.2)
    assert caller.hears(AGENT) > 0.95
    assert agent.hears(CALLER) > 0.95
    assert {p.payload_type for p in caller.heard} == {0}
    assert {p.payload_type for p in agent.heard} == {8}


def test_prompt_music_and_agent_are_one_unbroken_stream(
    engine: Engine, music: str, prompt: str
) -> None:
    caller, agent = Phone(CALLER), Phone(AGENT)
    first = engine.caller("L1", caller)
    converse([caller], 0.2)
    engine.ask("play media", "L1", from_tag="leg", file=prompt)
    converse([caller], 0.3)
    assert caller.hears(PROMPT, frames=10) > 0.95
    converse([caller], 0.3)
    assert engine.event("finished")["file"] == prompt
    engine.ask("play media", "L1", from_tag="leg", file=music, repeat_times=10_000)
    converse([caller], 0.6)
    assert caller.hears(MUSIC, frames=20) > 0.95
    second = engine.agent("L2", agent, far=first)
    engine.ask("stop media", "L1", from_tag="leg")
    engine.connect("L1", caller, far=second)
    converse([caller, agent], 0.8)
    assert caller.hears(AGENT) > 0.95
    assert caller.is_unbroken()
    assert agent.is_unbroken()


def test_waiting_callers_share_music_and_its_end_flows_into_its_beginning(
    engine: Engine, music: str
) -> None:
    callers = [Phone() for _ in range(5)]
    for n, caller in enumerate(callers):
        engine.caller(f"L{n}", caller)
        engine.ask("play media", f"L{n}", from_tag="leg", file=music, repeat_times=10_000)
    converse(callers, 2.6)
    for caller in callers:
        assert caller.hears(MUSIC) > 0.95
        assert caller.is_unbroken()


def test_on_hold_the_caller_hears_music_and_the_agent_nothing(engine: Engine, music: str) -> None:
    caller, agent = Phone(CALLER), Phone(AGENT)
    engine.bridge(caller, agent)
    converse([caller, agent], 0.5)
    engine.connect("L1", caller)
    engine.ask("play media", "L1", from_tag="leg", file=music, repeat_times=10_000)
    engine.connect("L2", agent)
    converse([caller, agent], 0.9)
    assert caller.hears(MUSIC) > 0.95
    assert agent.hears(CALLER) < 0.01
    assert agent.is_unbroken()
    assert len(agent.heard) > 60, "the agent's line must not fall silent"


def test_a_phone_that_holds_us_is_not_sent_to_until_it_resumes(engine: Engine, music: str) -> None:
    caller = Phone(CALLER)
    engine.caller("L1", caller)
    engine.ask("play media", "L1", from_tag="leg", file=music, repeat_times=10_000)
    engine.ask("offer", "L1", from_tag="leg", to_tag="in", sdp=caller.sdp(direction="sendonly"))
    converse([caller], 0.1)
    caller.forget()
    converse([caller], 0.4)
    assert caller.heard == []
    engine.ask("offer", "L1", from_tag="leg", to_tag="in", sdp=caller.sdp())
    converse([caller], 0.7)
    assert caller.hears(MUSIC) > 0.95


@pytest.mark.parametrize("bridged", [False, True])
def test_every_key_is_told_once(engine: Engine, bridged: bool) -> None:
    caller, agent = Phone(CALLER), Phone(AGENT)
    if bridged:
        engine.bridge(caller, agent)
    else:
        engine.caller("L1", caller)
    phones = [caller, agent] if bridged else [caller]
    converse(phones, 0.1)
    for event in range(16):
        caller.press(event)
        converse(phones, 0.04)
    told = [engine.event("DTMF") for _ in range(16)]
    assert [event["event"] for event in told] == list(range(16))
    assert {(event["callid"], event["source_tag"]) for event in told} == {("L1", "leg")}
    assert {event["duration"] for event in told} == {80}
    assert engine.silent()


def test_keys_reach_a_bridged_phone_under_its_own_payload_type(engine: Engine) -> None:
    caller, agent = Phone(CALLER), Phone(AGENT)
    first = engine.caller("L1", caller)
    reply = engine.ask("offer", "L2", from_tag="in", sdp=describe(first), endpoint_learning="off")
    agent.to = ("127.0.0.1", port_of(reply))
    theirs = agent.sdp(formats="0 96").replace("rtpmap:101", "rtpmap:96")
    second = port_of(engine.ask("answer", "L2", from_tag="in", to_tag="leg", sdp=theirs))
    engine.connect("L1", caller, far=second)
    converse([caller, agent], 0.3)
    caller.press(7)
    converse([caller, agent], 0.3)
    events = [p for p in agent.heard if p.payload_type == 96]
    assert len(events) == 7
    assert {p.payload[0] for p in events} == {7}
    assert len({p.timestamp for p in events}) == 1
    assert {p.payload_type for p in agent.heard} == {0, 96}


def test_a_stranger_is_neither_heard_nor_answered(engine: Engine) -> None:
    caller, agent, stranger = Phone(CALLER), Phone(AGENT), Phone(2000)
    engine.bridge(caller, agent)
    converse([caller, agent], 0.3)
    stranger.to = caller.to
    converse([caller, agent, stranger], 1.0)
    assert stranger.heard == []
    assert agent.hears(CALLER) > 0.95
    strays = engine.ask("query", "L1")["tags"]["leg"]["medias"][0]["streams"][0]["strays"]
    assert strays >= 48


def test_a_phone_behind_nat_is_found_and_then_kept(engine: Engine) -> None:
    caller = Phone(CALLER)
    elsewhere = Phone()
    reply = engine.ask("offer", "L1", from_tag="leg", sdp=elsewhere.sdp())
    assert reply["result"] == "ok"
    reply = engine.ask("answer", "L1", from_tag="leg", to_tag="in", sdp=describe(9))
    caller.to = ("127.0.0.1", port_of(reply))
    converse([caller, elsewhere], 0.5)
    assert len(caller.heard) > 15
    late = Phone(2000)
    late.to = caller.to
    converse([caller, late], 0.3)
    assert late.heard == []


def test_an_agent_who_was_replaced_is_no_longer_heard(engine: Engine) -> None:
    caller, first, second = Phone(CALLER), Phone(AGENT), Phone(1600)
    engine.bridge(caller, first)
    converse([caller, first, second], 0.3)
    inner = engine.agent("L3", second, far=port_of_inner(engine, "L1"))
    engine.connect("L1", caller, far=inner)
    converse([caller, first, second], 0.9)
    assert caller.hears(1600) > 0.95
    assert first.hears(CALLER) < 0.01
    assert engine.ask("delete", "L2")["result"] == "ok"
    converse([caller, second], 0.6)
    assert caller.hears(1600) > 0.95
    assert second.hears(CALLER) > 0.95
    assert caller.is_unbroken()


def port_of_inner(engine: Engine, call: str) -> int:
    """The inner port of a leg, as `query` tells it."""
    port = engine.ask("query", call)["tags"]["in"]["medias"][0]["streams"][0]["local port"]
    assert isinstance(port, int)
    return port


def test_an_inner_address_of_another_engine_is_used_through_the_socket(engine: Engine) -> None:
    caller, mixer = Phone(CALLER), Phone(AGENT)
    inner = engine.caller("L1", caller)
    engine.connect("L1", caller, far=mixer.port)
    mixer.to = ("127.0.0.1", inner)
    converse([caller, mixer], 1.0)
    assert caller.hears(AGENT) > 0.95
    assert mixer.hears(CALLER) > 0.95
    assert {p.source[1] for p in mixer.heard} == {inner}


def test_blocked_media_is_replaced_by_silence_until_it_is_unblocked(engine: Engine) -> None:
    caller, agent = Phone(CALLER), Phone(AGENT)
    engine.bridge(caller, agent)
    converse([caller, agent], 0.3)
    engine.ask("block media", "L1", from_tag="leg")
    converse([caller, agent], 0.8)
    assert agent.hears(CALLER) < 0.01
    assert caller.hears(AGENT) > 0.95
    engine.ask("unblock media", "L1", from_tag="leg")
    converse([caller, agent], 0.8)
    assert agent.hears(CALLER) > 0.95
    assert agent.is_unbroken()


def test_a_phone_gone_silent_is_reported_once_and_not_acted_on(engine: Engine) -> None:
    caller = Phone(CALLER)
    engine.caller("L1", caller)
    converse([caller], 0.2)
    event = engine.event("silence")
    assert (event["callid"], event["source_tag"], event["seconds"]) == ("L1", "leg", 1)
    assert engine.silent()
    converse([caller], 0.4)
    assert engine.event("sound")["callid"] == "L1"
    assert engine.ask("query", "L1")["result"] == "ok"


def test_hostile_packets_are_counted_and_the_call_goes_on(engine: Engine) -> None:
    caller, agent = Phone(CALLER), Phone(AGENT)
    engine.bridge(caller, agent)
    converse([caller, agent], 0.3)
    assert caller.to is not None
    for rubbish in (
        b"",
        b"\x80",
        b"\x80" * 12,
        b"\x00" * 172,
        b"\x8f" + bytes(20),
        bytes([0xA0]) + b"\xff" * 30,
    ):
        caller.socket.sendto(rubbish, caller.to)
    caller.socket.sendto(b"\x80" + bytes(1990), caller.to)
    caller.socket.sendto(struct.pack("!BBHII", 0x80, 96, 1, 1, caller.ssrc) + bytes(160), caller.to)
    caller.timestamp += 300_000_000
    converse([caller, agent], 0.8)
    assert agent.hears(CALLER) > 0.95
    assert agent.is_unbroken()
    dropped = engine.ask("statistics")["statistics"]["dropped"]
    assert dropped["short"] >= 3
    assert dropped["malformed"] >= 2
    assert dropped["too_long"] == 1
    assert dropped["wrong_payload"] >= 1


def test_reports_tell_loss_and_jitter_measured_here(engine: Engine) -> None:
    caller, agent = Phone(CALLER), Phone(AGENT)
    engine.bridge(caller, agent)
    converse([caller, agent], 0.4)
    caller.sequence += 5
    converse([caller, agent], 0.4)
    reply = engine.ask("delete", "L1")
    (quality,) = reply["SSRC"].values()
    assert quality["packets lost"] == 5
    assert quality["jitter_us"] < 10_000
    assert 10 <= quality["average MOS"]["MOS"] <= 45
    assert reply["totals"]["RTP"]["packets"] == 40


def test_a_repeated_request_is_answered_again_and_done_once(engine: Engine) -> None:
    body = {"command": "offer", "call-id": "L1", "from-tag": "leg", "sdp": describe(4000)}
    datagram = b"same-cookie " + json.dumps(body).encode()
    assert engine.ask_raw(datagram) == engine.ask_raw(datagram)
    assert engine.ask("statistics")["statistics"]["totalstatistics"]["offers"] == 1


def test_messages_that_share_a_datagram_are_done_in_order_and_answered_together(
    engine: Engine,
) -> None:
    offer = {"command": "offer", "call-id": "L1", "from-tag": "leg", "sdp": describe(4000)}
    bodies = (offer, {"command": "query", "call-id": "L1"}, {"command": "query", "call-id": "L2"})
    sent = [f"c{n} ".encode() + json.dumps(body).encode() for n, body in enumerate(bodies)]
    engine.client.send(b"\x1e".join([*sent, b"rubbish"]))
    replies = [part.partition(b" ") for part in engine.client.recv(65_535).split(b"\x1e")]
    assert [cookie for cookie, _, _ in replies] == [b"c0", b"c1", b"c2", b"rubbish"]
    results = [json.loads(body)["result"] for _, _, body in replies]
    assert results == ["ok", "ok", "error", "error"]


def test_bencode_is_answered_in_bencode(engine: Engine) -> None:
    engine.client.send(b"c9 d7:command4:pinge")
    assert engine.client.recv(1000) == b"c9 d6:result4:ponge"


def test_rubbish_on_the_control_port_is_refused_and_the_next_request_is_served(
    engine: Engine,
) -> None:
    for rubbish in (b"\xff\xfe", b"c1 {", b"c2 d7:command", b"c3 [1]", b""):
        engine.client.send(rubbish)
    engine.client.settimeout(0.3)
    try:
        while True:
            assert b"error" in engine.client.recv(1000)
    except TimeoutError:
        pass
    engine.client.settimeout(3)
    assert engine.ask("ping") == {"result": "pong"}


def test_when_the_ports_run_out_the_offer_is_refused_and_a_deletion_makes_room(
    tmp_path: Path,
) -> None:
    engine = Engine(tmp_path, pairs=4)
    try:
        for n in range(2):
            assert (
                engine.ask("offer", f"L{n}", from_tag="leg", sdp=describe(4000))["result"] == "ok"
            )
        refused = engine.ask("offer", "L2", from_tag="leg", sdp=describe(4000))
        assert refused == {"result": "error", "error-reason": "Ran out of ports"}
        engine.ask("delete", "L0")
        assert engine.ask("offer", "L2", from_tag="leg", sdp=describe(4000))["result"] == "ok"
    finally:
        engine.kill()


def test_a_port_that_another_process_holds_is_passed_over(tmp_path: Path) -> None:
    engine = Engine(tmp_path, pairs=4)
    squatter = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        squatter.bind(("127.0.0.1", engine.settings["first_port"]))
        reply = engine.ask("offer", "L0", from_tag="leg", sdp=describe(4000))
        assert reply["result"] == "ok"
        phone = engine.ask("query", "L0")["tags"]["leg"]["medias"][0]["streams"][0]
        assert phone["local port"] != engine.settings["first_port"]
    finally:
        squatter.close()
        engine.kill()


def test_a_killed_worker_comes_back_on_the_same_ports_with_the_same_stream(
    engine: Engine, music: str
) -> None:
    caller, agent, waiting = Phone(CALLER), Phone(AGENT), Phone()
    engine.bridge(caller, agent)
    engine.caller("L3", waiting)
    engine.ask("play media", "L3", from_tag="leg", file=music, repeat_times=10_000)
    phones = [caller, agent, waiting]
    converse(phones, 0.6)
    killed = time.monotonic()
    engine.kill()
    engine.start()
    started = time.monotonic()
    converse(phones, 1.2)
    for phone, hertz in ((caller, AGENT), (agent, CALLER), (waiting, MUSIC)):
        assert phone.hears(hertz) > 0.95
        assert len({p.ssrc for p in phone.heard}) == 1
        assert len({p.source for p in phone.heard}) == 1
        steps = [
            ((b.sequence - a.sequence) & 0xFFFF, (b.timestamp - a.timestamp) & 0xFFFFFFFF)
            for a, b in itertools.pairwise(phone.heard)
        ]
        assert all(0 < sequence < 200 and 0 < stamp < 24_000 for sequence, stamp in steps)
        after = next(p.at for p in phone.heard if p.at > killed + 0.005)
        assert after - started < 0.1, "audio must go on at once when the process serves"
    assert set(engine.ask("list")["calls"]) == {"L1", "L2", "L3"}
    assert engine.ask("delete", "L2")["result"] == "ok"


def test_a_worker_that_was_stopped_leaves_its_calls_to_the_next(engine: Engine) -> None:
    engine.caller("L1", Phone())
    assert engine.process.poll() is None
    engine.process.terminate()
    assert engine.process.wait(5) == 0
    engine.start()
    assert engine.ask("list")["calls"] == ["L1"]


def test_deleted_legs_do_not_come_back(engine: Engine) -> None:
    engine.caller("L1", Phone())
    engine.caller("L2", Phone())
    engine.ask("delete", "L1")
    engine.kill()
    engine.start()
    assert engine.ask("list")["calls"] == ["L2"]


def test_a_file_that_cannot_be_played_is_refused_by_its_reason(
    engine: Engine, tmp_path: Path
) -> None:
    engine.caller("L1", Phone())
    (tmp_path / "no.au").write_bytes(b"RIFF")
    stereo = struct.pack("!4sIIIII", b".snd", 24, 4, 1, 44_100, 2) + encode([0, 0, 0, 0], 0)
    (tmp_path / "stereo.au").write_bytes(stereo)
    for name, reason in (
        ("absent.au", "Failed to open"), ("no.au", "Not an .au"), ("stereo.au", "44100 Hz"), ("", "Not an audio")
    ):  # fmt: skip
        reply = engine.ask("play media", "L1", from_tag="leg", file=str(tmp_path / name))
        assert reply["result"] == "error"
        assert reason in reply["error-reason"]
