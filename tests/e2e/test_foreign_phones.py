"""sipp, baresip and pyVoIP as callers and as agents: other people's reading of the RFCs."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from tests.e2e.foreign_phones import (
    SIPP_TONE,
    Sipp,
    agent_scenario,
    baresip,
    caller_scenario,
    seconds_of_tone,
    sipp_registered,
    softphone,
)
from tests.e2e.harness import AGENTS, Center, eventually_async, people, reach_queue, run
from tests.ports import audio_ports, free_ports

pytestmark = pytest.mark.e2e


def test_sipp_calls_through_the_menu_and_is_heard(center: Center, tmp_path: Path) -> None:
    async def tell() -> None:
        async with people(center) as those:
            anna = await those.agent("anna")
            scenario = caller_scenario(tmp_path, "1", "2")
            sipp = Sipp(tmp_path, center.sip, scenario, "-s", "100")
            await sipp.start()
            at_desk = await anna.until_called(seconds=15)
            assert await at_desk.until(lambda: at_desk.hears((SIPP_TONE,), 5) is not None, 10), (
                at_desk.rtp.ear.windows
            )
            at_desk.hang_up()
            await sipp.finished()

    run(tell())


def test_sipp_is_an_agent_and_echoes_the_caller(center: Center, tmp_path: Path) -> None:
    async def tell() -> None:
        async with (
            people(center) as those,
            sipp_registered(tmp_path, center.sip, "chandra") as port,
        ):
            agent = Sipp(tmp_path, center.sip, agent_scenario(tmp_path), "-rtp_echo", port=port)
            await agent.start()
            await asyncio.to_thread(center.make_ready, "chandra")
            call = those.caller(4).dial("100")
            await reach_queue(call)
            assert await call.until(lambda: call.hears((CALLER_TONES[4],), 5) is not None, 15), (
                call.rtp.ear.windows
            )
            call.hang_up()
            await agent.finished()

    run(tell())


def test_baresip_calls_in_and_both_sides_hear_each_other(center: Center, tmp_path: Path) -> None:
    async def tell() -> None:
        async with (
            people(center) as those,
            baresip(tmp_path / "b", center.sip, "outside", CALLER_TONES[2], regint="0") as phone,
        ):
            anna = await those.agent("anna")
            await phone.command("dial", f"sip:100@127.0.0.1:{center.sip_port}")
            await phone.until("CALL_ESTABLISHED")
            for _ in range(2):
                await asyncio.sleep(1.2)
                await phone.command("sndcode", "1")
            at_desk = await anna.until_called(seconds=15)
            assert await at_desk.until(
                lambda: at_desk.hears((CALLER_TONES[2],), 5) is not None, 10
            ), at_desk.rtp.ear.windows
            await asyncio.sleep(1.5)
            await phone.command("hangup")
            assert await at_desk.until_over(5)

    run(tell())
    dumps = sorted((tmp_path / "b").glob("dump-*dec.wav"))
    assert dumps, "baresip recorded nothing"
    assert seconds_of_tone(dumps[0], AGENT_TONES[AGENTS.index("anna")]) >= 1


def test_baresip_is_an_agent(center: Center, tmp_path: Path) -> None:
    async def tell() -> None:
        async with (
            people(center) as those,
            baresip(
                tmp_path / "b", center.sip, "ben", AGENT_TONES[6], regint="120", answermode="auto"
            ) as phone,
        ):
            await eventually_async(lambda: center.agent("ben")["reachable"], 15, phone.log())
            await asyncio.to_thread(center.make_ready, "ben")
            call = those.caller(5).dial("100")
            await reach_queue(call)
            assert await call.until(lambda: call.hears((AGENT_TONES[6],), 5) is not None, 15), (
                call.rtp.ear.windows
            )
            await asyncio.sleep(1.5)
            await phone.command("hangup")
            assert await call.until_over(5)

    run(tell())
    dumps = sorted((tmp_path / "b").glob("dump-*dec.wav"))
    assert dumps, "baresip recorded nothing"
    assert seconds_of_tone(dumps[0], CALLER_TONES[5]) >= 1


def ended(phone: subprocess.Popen[str]) -> dict[str, object]:
    """The last word of a `softphone` command."""
    out, err = phone.communicate(timeout=40)
    assert phone.returncode == 0, err
    document: dict[str, object] = json.loads(out.splitlines()[-1])
    return document


def test_pyvoip_calls_in_by_keypad_and_is_heard(center: Center, tmp_path: Path) -> None:
    async def tell() -> None:
        async with people(center) as those:
            anna = await those.agent("anna")
            phone = softphone(
                center.sip, "legacy", "call", "100", "--press", ",1,1", "--seconds", "40",
                "--record", str(tmp_path / "heard.wav"),
            )  # fmt: skip
            at_desk = await anna.until_called(seconds=20)
            assert await at_desk.until(
                lambda: at_desk.hears((CALLER_TONES[2],), 5) is not None, 10
            ), at_desk.rtp.ear.windows
            await asyncio.sleep(1.5)
            at_desk.hang_up()
            report = await asyncio.to_thread(ended, phone)
            assert report["outcome"] == "talked"

    run(tell())
    assert seconds_of_tone(tmp_path / "heard.wav", AGENT_TONES[AGENTS.index("anna")]) >= 1


def test_pyvoip_is_an_agent_who_logs_in_by_feature_code(center: Center, tmp_path: Path) -> None:
    async def tell() -> None:
        async with people(center) as those:
            phone = softphone(
                center.sip, "legacy", "answer", "--ready", "--seconds", "40", "--wait", "40",
                "--record", str(tmp_path / "heard.wav"),
            )  # fmt: skip
            await eventually_async(
                lambda: center.agent("legacy")["presence"] == "ready", 15, "*11 did not log her in"
            )
            call = those.caller(6).dial("100")
            await reach_queue(call)
            assert await call.until(lambda: call.hears((CALLER_TONES[2],), 5) is not None, 15), (
                call.rtp.ear.windows
            )
            await asyncio.sleep(1.5)
            call.hang_up()
            report = await asyncio.to_thread(ended, phone)
            assert report["outcome"] == "talked"

    run(tell())
    assert seconds_of_tone(tmp_path / "heard.wav", CALLER_TONES[6]) >= 1


def test_a_wrong_password_is_refused_like_an_unknown_user(center: Center) -> None:
    async def tell() -> None:
        async with people(center) as those:
            wrong = those.line.phone("anna", "guess")
            unknown = those.line.phone("nobody", "guess")
            assert not await wrong.register()
            assert not await unknown.register()
            assert wrong.registration_status == unknown.registration_status

    run(tell())


def test_unpatched_pyvoip_registers_logs_in_and_answers(center: Center, tmp_path: Path) -> None:
    """The library as it comes, without our work-arounds: the profile `legacy` is for it."""
    script = tmp_path / "plain.py"
    script.write_text(
        "import sys, time\n"
        "from pyVoIP.VoIP import VoIPPhone, CallState\n"
        "from pyVoIP.VoIP.status import PhoneStatus\n"
        "def take(call):\n"
        "    call.answer()\n"
        "    while call.state == CallState.ANSWERED:\n"
        "        time.sleep(0.05)\n"
        "    print('over', flush=True)\n"
        "port = int(sys.argv[1])\n"
        "phone = VoIPPhone('127.0.0.1', port, 'legacy', 'correct-horse', myIP='127.0.0.1',\n"
        "                  sipPort=int(sys.argv[2]), rtpPortLow=int(sys.argv[3]),\n"
        "                  rtpPortHigh=int(sys.argv[3]) + 39,\n"
        "                  callCallback=take)\n"
        "phone.start()\n"
        "for _ in range(100):\n"
        "    if phone.get_status() == PhoneStatus.REGISTERED:\n"
        "        print('registered', flush=True)\n"
        "        break\n"
        "    time.sleep(0.1)\n"
        "code = phone.call('*11')\n"
        "sys.stdin.readline()\n"
        "phone.stop()\n"
    )

    async def tell() -> None:
        import sys

        (port,) = free_ports(1)
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(script), str(center.sip_port), str(port), str(audio_ports(40)),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout
        assert process.stdin
        try:
            async with people(center) as those:
                line = await asyncio.wait_for(process.stdout.readline(), 15)
                assert line == b"registered\n"
                await eventually_async(
                    lambda: center.agent("legacy")["presence"] == "ready", 15, "*11 did not work"
                )
                call = those.caller(7).dial("100")
                await reach_queue(call)
                await eventually_async(
                    lambda: center.agent("legacy")["presence"] == "talking", 15, "not answered"
                )
                call.hang_up()
                assert await asyncio.wait_for(process.stdout.readline(), 10) == b"over\n"
        finally:
            process.stdin.write(b"\n")
            try:
                await asyncio.wait_for(process.wait(), 8)
            except TimeoutError:
                process.kill()

    run(tell())
