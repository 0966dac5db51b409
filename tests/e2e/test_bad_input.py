"""What should not be sent: it is refused by name or not noticed, and never leaves a mark.

The fixture `unharmed` looks for what was left behind, for tracebacks in the log, and for roles that
had to be started again; the last test makes an ordinary call.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import Connection
from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from callcenter.app.phones.line import Line, PhoneCall
from callcenter.sip.sdp import build_audio
from tests.e2e import noise
from tests.e2e.foreign_phones import Sipp, options_scenario, refused_scenario
from tests.e2e.harness import (
    AGENTS,
    PASSWORD,
    Center,
    People,
    eventually_async,
    people,
    reach_queue,
    run,
)
from tests.e2e.stories import HEARD, a_caller_reaches_an_agent_and_hangs_up, tone_of

pytestmark = pytest.mark.e2e

DATAGRAMS = 3000
STREAMS = 150
ASKED = itertools.count(1000)  # each question a transaction of its own
GUESSERS = (f"127.0.0.{last}" for last in range(70, 90))  # a locked source stays locked


@pytest.fixture
def unharmed(center: Center) -> Iterator[Center]:
    """The shared center; afterwards it answers as before, in the same processes."""
    before = center.processes()
    written = center.log.stat().st_size
    yield center
    answer = noise.ask(center.sip_port, noise.request("OPTIONS", "sip:127.0.0.1", next(ASKED)))
    assert answer.startswith(b"SIP/2.0 200"), answer
    assert center.processes() == before
    with center.log.open("rb") as log:
        log.seek(written)
        said = log.read().decode("utf-8", "replace")
    assert "Traceback" not in said, said[-4000:]


# ---- callers who are refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "codecs", "status"),
    [
        ("999", "0 101", 404),
        ("sales", "0", 404),
        ("100", "18 101", 488),
        ("100", "9", 488),
        ("200", "0 101", 401),
    ],
)
def test_sipp_is_refused_with_the_right_status(
    center: Center, tmp_path: Path, number: str, codecs: str, status: int
) -> None:
    async def tell() -> None:
        scenario = refused_scenario(tmp_path, codecs, status)
        caller = Sipp(tmp_path, center.sip, scenario, "-s", number)
        await caller.start()
        await caller.finished(15)

    run(tell())


def test_sipp_asks_for_our_options(center: Center, tmp_path: Path) -> None:
    async def tell() -> None:
        asker = Sipp(tmp_path, center.sip, options_scenario(tmp_path))
        await asker.start()
        await asker.finished(15)

    run(tell())


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("MESSAGE", b"405"),
        ("SUBSCRIBE", b"405"),
        ("JUMP", b"501"),
        ("INFO", b"481"),
        ("BYE", b"481"),
        ("CANCEL", b"481"),
    ],
)
def test_a_request_that_nobody_serves_is_refused(
    center: Center, method: str, status: bytes
) -> None:
    answer = noise.ask(center.sip_port, noise.request(method, "sip:100@127.0.0.1", 7))
    assert answer[8:11] == status, answer


# ---- floods -----------------------------------------------------------------------------------


def test_torture_messages_and_noise_over_datagrams_change_nothing(unharmed: Center) -> None:
    port = unharmed.sip_port
    noise.throw_udp(port, iter(noise.torture()))
    assert noise.throw_udp(port, noise.messages(1, DATAGRAMS)) == DATAGRAMS


def test_torture_messages_and_noise_over_connections_change_nothing(unharmed: Center) -> None:
    port = unharmed.sip_port
    noise.throw_tcp(port, iter(noise.torture()))
    noise.throw_tcp(port, noise.messages(2, STREAMS))
    endless = [b"", b"\r\n" * 5000, b"INVITE sip:" + b"1" * 70000, b"\x00" * 70000]
    noise.throw_tcp(port, iter(endless))


def test_a_guesser_is_locked_out_and_the_phones_beside_him_are_not(unharmed: Center) -> None:
    async def tell() -> None:
        line = Line(unharmed.sip, "127.0.0.1", seed=5, address=next(GUESSERS))
        await line.start()
        try:
            statuses = []
            for number in range(12):
                guesser = line.phone("anna", f"guess-{number}")
                assert not await guesser.register()
                statuses.append(guesser.registration_status)
            beside = line.phone("ben", PASSWORD)
            assert await beside.register(), "her office is not locked with her"
            assert await beside.register(0)
        finally:
            await line.stop()
        assert statuses[0] == 401
        assert statuses[-1] == 403
        async with people(unharmed) as those:
            await those.agent("anna")

    run(tell())


def test_a_damaged_description_is_refused_or_answered_and_never_more(unharmed: Center) -> None:
    dice = random.Random(4)
    # The address stays whole, or audio would be sent to somebody's machine.
    before, address, after = (
        build_audio("127.0.0.1", 4000).encode().partition(b"c=IN IP4 127.0.0.1")
    )
    damaged = [before + address + noise.damaged(after, dice) for _ in range(30)]
    offers = [*damaged, *(noise.damaged(before, dice) + address + after for _ in range(10))]

    async def tell() -> None:
        async with people(unharmed) as those:
            phone = those.caller(0)
            calls = [phone.dial("100", sdp=offer) for offer in offers]
            for call in calls:
                await call.until(lambda call=call: call.is_answered or call.is_over, 10)  # type: ignore[misc]
                assert call.status == 200 or 400 <= call.status < 500, call.status
                call.hang_up()
            assert {call.status for call in calls} > {200}

    run(tell())


# ---- garbage beside a call --------------------------------------------------------------------


async def a_talk(those: People) -> tuple[PhoneCall, PhoneCall]:
    """A caller and an agent who hear each other."""
    anna = await those.agent("anna")
    call = those.caller(1).dial("100")
    await reach_queue(call)
    at_desk = await anna.until_called()
    assert await call.until(lambda: call.hears((tone_of(anna),), HEARD) is not None, 10)
    assert await at_desk.until(lambda: at_desk.hears((CALLER_TONES[1],), HEARD) is not None, 10)
    return call, at_desk


def rtp_garbage(seed: int, count: int) -> Iterator[bytes]:
    """Random octets, damaged headers, and sound streams with sources of their own."""
    dice = random.Random(seed)
    for number in range(count):
        kind = dice.choice((0, 0, 8, 72, 101, 127))
        header = struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, 160 * number, 0xBAD)
        yield dice.choice(
            (
                dice.randbytes(dice.randint(0, 400)),
                header + bytes(160),
                header,
                noise.damaged(header + dice.randbytes(4), dice),
                bytes([0x8F]) + header[1:],
                bytes([0xB0]) + header[1:] + b"\xbe\xde\xff\xff",
            )
        )


def test_garbage_at_the_media_ports_is_not_heard(unharmed: Center) -> None:
    async def tell() -> None:
        async with people(unharmed) as those:
            call, at_desk = await a_talk(those)
            for number, one in enumerate((call, at_desk)):
                assert one.rtp.far is not None
                for port in (one.rtp.far[1], one.rtp.far[1] + 1):
                    await asyncio.to_thread(noise.throw_udp, port, rtp_garbage(number, 500))
                for garbage in itertools.islice(rtp_garbage(9, 200), 200):
                    if len(garbage) != 172:  # what a phone says in a right packet is its own voice
                        one.rtp.socket.sendto(garbage, one.rtp.far)
            for one, tone in ((at_desk, CALLER_TONES[1]), (call, tone_of_desk(at_desk))):
                heard = one.rtp.ear.windows.get(tone, 0)
                assert await one.until(
                    lambda one=one, tone=tone, heard=heard: (  # type: ignore[misc]
                        one.rtp.ear.windows.get(tone, 0) >= heard + 10
                    ),
                    10,
                ), one.rtp.ear.windows
            assert len(call.rtp.sources) == 1
            call.hang_up()
            assert await at_desk.until_over(5)

    run(tell())


def tone_of_desk(call: PhoneCall) -> int:
    """What the phone of this call says, by its place among the agents."""
    return AGENT_TONES[AGENTS.index(call.phone.user)]


def control_garbage(seed: int, count: int) -> Iterator[bytes]:
    """For the sockets between front end and media engine: almost ng, and almost reports."""
    dice = random.Random(seed)
    whole = [
        b'1_2 {"command":"offer","call-id":"a","from-tag":"leg","sdp":"v=0"}',
        b'1_3 {"command":["ping"],"call-id":{},"sdp":7}',
        b"1_4 d7:command4:ping3:sdp4:v=0\n7:call-id99999999999:ae",
        b"1_5 " + b"l" * 20000,
        b"1_6 " + b"[" * 20000,
        b"[" * 20000,
        b'{"type":"DTMF","callid":"x","source_tag":"leg","event":"one","duration":-1}',
        b'{"type":"silence","callid":[1],"seconds":"many"}',
        b'{"type":"silence","callid":"x","seconds":1e400}',
        b'{"type":{"a":1},"callid":null}',
        b'{"type":"finished","callid":"\xff","file":7}',
    ]
    yield from whole
    for _ in range(count):
        yield dice.randbytes(dice.randint(0, 300))
        yield noise.damaged(dice.choice(whole), dice)


def test_garbage_at_the_sockets_between_the_roles_ends_no_call(unharmed: Center) -> None:
    async def tell() -> None:
        async with people(unharmed) as those:
            call, at_desk = await a_talk(those)
            ports = set.union(
                *(noise.udp_ports(unharmed.role(r)) for r in ("media", "worker", "frontend"))
            ) - {unharmed.sip_port}
            assert len(ports) >= 3
            for port in sorted(ports):
                await asyncio.to_thread(noise.throw_udp, port, control_garbage(port, 150))
            heard = at_desk.rtp.ear.windows.get(CALLER_TONES[1], 0)
            assert await at_desk.until(
                lambda: at_desk.rtp.ear.windows.get(CALLER_TONES[1], 0) >= heard + 10, 10
            ), at_desk.rtp.ear.windows
            call.hang_up()
            assert await at_desk.until_over(5)

    run(tell())


# ---- the API ----------------------------------------------------------------------------------


def status_of(
    center: Center, path: str, token: str, body: bytes | None = None, method: str = ""
) -> int:
    """What the server answers; 0 when it closes instead."""
    asked = urllib.request.Request(f"{center.web}{path}", data=body, method=method or None)
    if token:
        asked.add_header("Authorization", token)
    asked.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


@pytest.mark.parametrize("path", ["/api/v1/queues", "/api/v1/contacts", "/ws"])
def test_no_token_opens_nothing_and_a_wrong_one_neither(center: Center, path: str) -> None:
    almost = center.token[:-1] + ("a" if center.token[-1] != "a" else "b")
    for token in ("", "Bearer", "Bearer x", f"Bearer {almost}", f"Basic {center.token}"):
        assert status_of(center, path, token) == 401, token
    assert status_of(center, path, "Bearer " + "x" * 20000) in (400, 401, 431)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/agents/anna/presence", b"{"),
        ("/api/v1/agents/anna/presence", b"[" * 100000),
        ("/api/v1/agents/anna/presence", b'{"presence":"flying"}'),
        ("/api/v1/agents/anna/presence", b'{"presence":["ready"],"reason":{}}'),
        ("/api/v1/agents/anna/presence", b'{"presence":"ready","reason":"' + b"x" * 100000 + b'"}'),
        ("/api/v1/agents/..%2f..%2fetc/presence", b'{"presence":"ready"}'),
        ("/api/v1/agents/%00/presence", b'{"presence":"ready"}'),
        ("/api/v1/segments/none/disposition", b'{"disposition":"resolved"}'),
        ("/api/v1/contacts?limit=few", None),
        ("/api/v1/contacts?limit=1e9", None),
        ("/api/v1/contacts?state=%ff%fe", None),
        ("/api/v1/contacts/%ff", None),
        ("/static/..%2f..%2f..%2fetc%2fpasswd", None),
        ("/static/%2e%2e/%2e%2e/config.py", None),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    center: Center, path: str, body: bytes | None
) -> None:
    assert 400 <= status_of(center, path, f"Bearer {center.token}", body) < 500


def test_the_api_changes_nothing_for_whoever_only_guesses(unharmed: Center) -> None:
    body = json.dumps({"presence": "ready"}).encode()
    for number in range(100):
        token = f"Bearer {number:032x}"
        assert status_of(unharmed, "/api/v1/agents/ben/presence", token, body) in (401, 429)
    assert unharmed.agent("ben")["presence"] == "logged_out"


# ---- all of it is counted ---------------------------------------------------------------------

COUNTED = (
    ("callcenter_sip_logins_rejected_total", "wrong"),
    ("callcenter_sip_logins_rejected_total", "locked"),
    ("callcenter_sip_logins_rejected_total", "malformed"),
    ("callcenter_sip_events_total", "malformed"),
    ("callcenter_sip_events_total", "dialogs_unknown"),
    ("callcenter_sip_events_total", "requests_refused"),
    ("callcenter_sip_events_total", "responses_stray"),
    ("callcenter_sip_events_total", "acks_stray"),
    ("callcenter_sip_requests_total", "malformed"),
    ("callcenter_calls_refused_total", "no_such_number"),
    ("callcenter_feature_calls_ended_total", "state"),
    ("callcenter_media_packets_dropped_total", "stray"),
    ("callcenter_control_commands_total", "unreadable"),
    ("callcenter_web_logins_total", "wrong"),
    ("callcenter_web_logins_total", "insecure"),
    ("callcenter_web_tokens_rejected_total", ""),
    ("callcenter_web_requests_refused_total", "unknown"),
    ("callcenter_web_requests_refused_total", "404"),
)
"""Figures that grow by what should not be sent, and a label value of each."""


def counts(center: Center) -> dict[tuple[str, str], float]:
    """What `COUNTED` names, as it is now."""
    shown = center.metrics()
    return {
        (name, label): sum(
            value
            for key, value in shown.items()
            if key.partition("{")[0] == name and (not label or f'"{label}"' in key)
        )
        for name, label in COUNTED
    }


def offend_by_sip(center: Center) -> None:
    """One of each that the endpoint meets with."""
    one, port = next(ASKED), center.sip_port
    offer = build_audio(noise.STRANGER, 4000).encode()
    invite = noise.request("INVITE", "sip:999@127.0.0.1", one, offer, "application/sdp")
    in_dialog = noise.request("BYE", "sip:200@127.0.0.1", next(ASKED))
    half = noise.request("REGISTER", "sip:127.0.0.1", next(ASKED))
    credentials = b'CSeq: 1 REGISTER\r\nAuthorization: Digest username="anna"'
    answer = noise.request("OPTIONS", "sip:127.0.0.1", next(ASKED)).partition(b"\r\n")[2]
    noise.throw_udp(
        port,
        iter(
            (
                b"INVITE sip:a SIP/2.0\r\n\r\n",
                noise.request("OPTIONS", "sip:127.0.0.1", next(ASKED)).replace(
                    b"CSeq: 1", b"CSeq: x"
                ),
                in_dialog.replace(b"To: <sip:200@127.0.0.1>", b"To: <sip:200@127.0.0.1>;tag=none"),
                noise.request("ACK", "sip:200@127.0.0.1", next(ASKED)),
                half.replace(b"CSeq: 1 REGISTER", credentials),
                b"SIP/2.0 200 OK\r\n" + answer,
                invite,
            )
        ),
    )


async def guess_at_phones(center: Center) -> None:
    """From an address of its own, until it is refused."""
    line = Line(center.sip, "127.0.0.1", seed=6, address=next(GUESSERS))
    await line.start()
    try:
        for number in range(12):
            await line.phone("chandra", f"guess-{number}").register()
    finally:
        await line.stop()


def offend_by_web(center: Center) -> None:
    """A wrong token, a wrong login, a link in the clear, and a page that is not there."""
    body = json.dumps({"agent": "anna", "password": "guessed"}).encode()
    assert status_of(center, "/api/v1/queues", "Bearer cct_wrong") == 401
    assert status_of(center, "/api/v1/session", "", body) == 401
    assert status_of(center, "/nowhere", "") == 404
    link = urllib.request.Request(f"{center.web}/?t=cct_wrong", headers={"Host": "wall.example"})
    with urllib.request.urlopen(link, timeout=10) as page:
        assert page.url.endswith("/login?reason=insecure")


def offend_the_journal(center: Center) -> None:
    """A command that is none."""
    facts = json.loads((center.directory / "state" / "run.json").read_text("utf-8"))
    connection = Connection(facts["store"])
    connection.call("XADD", Keys("cc").cmds, "*", "e", b"no envelope")
    connection.close()


def test_whatever_should_not_be_sent_is_counted_under_a_name(unharmed: Center) -> None:
    before = counts(unharmed)

    async def tell() -> None:
        for offend in (offend_by_sip, offend_by_web, offend_the_journal):
            await asyncio.to_thread(offend, unharmed)
        await guess_at_phones(unharmed)
        async with people(unharmed) as those:
            code = (await those.agent("ben", ready=False)).phone.dial("*14")
            assert await code.until_over(15)
            call, at_desk = await a_talk(those)
            assert call.rtp.far is not None
            # A connected RTP socket hears no stranger at all; the port for reports beside it does.
            await asyncio.to_thread(noise.throw_udp, call.rtp.far[1] + 1, rtp_garbage(3, 50))
            call.hang_up()
            assert await at_desk.until_over(5)
        still: list[tuple[str, str]] = []

        def all_moved() -> bool:
            now = counts(unharmed)
            still[:] = [which for which in COUNTED if now[which] <= before[which]]
            return not still

        try:
            await eventually_async(all_moved, 15)
        except AssertionError:
            raise AssertionError(f"not counted: {still}") from None

    run(tell())


def test_after_all_that_an_ordinary_call_is_made_as_before(unharmed: Center) -> None:
    async def tell() -> None:
        async with people(unharmed) as those:
            await a_caller_reaches_an_agent_and_hangs_up(those)

    run(tell())
