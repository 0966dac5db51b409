"""Telephones that are not ours: sipp, baresip, and pyVoIP behind the `softphone` command.

Why: they read the RFCs for themselves. Each runs in a process and a directory of its own, sends a
tone that our phones can hear, and writes what it heard to a file that is judged here with numpy.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from callcenter.app.phones.audio import CALLER_TONES, tone_frame
from tests.e2e.harness import PASSWORD, ROOT
from tests.ports import audio_ports, free_ports

SIPP_TONE = CALLER_TONES[3]
PCAPS = Path("/usr/share/sip-tester")
BARESIP_MODULES = Path("/usr/lib/baresip/modules")


def seconds_of_tone(wav: Path, frequency: int) -> float:
    """For how long `frequency` was the loudest component of a recording, in steps of 0.1 s."""
    with wave.open(str(wav)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).astype(float)
    size = rate // 10
    heard = 0
    for start in range(0, len(samples) - size, size):
        window = samples[start : start + size]
        if np.sqrt(np.mean(window**2)) < 200:
            continue
        spectrum = np.abs(np.fft.rfft(window * np.hanning(size)))
        heard += abs(np.argmax(spectrum) * rate / size - frequency) <= 15
    return heard / 10


def write_tone(wav: Path, frequency: int, seconds: int = 60) -> None:
    """A recording of a sine, 8 kHz, 16 bit."""
    with wave.open(str(wav), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        samples = 8000 * np.sin(2 * np.pi * frequency * np.arange(8000) / 8000)
        file.writeframes(samples.astype("<i2").tobytes() * seconds)


# --- sipp -----------------------------------------------------------------------------------------


def _send(text: str, extra: str = "") -> str:
    body = text.strip("\n").replace("\n", "\n      ")
    return f"  <send {extra}>\n    <![CDATA[\n      {body}\n    ]]>\n  </send>\n"


SDP = """
v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
"""

BYE_ANSWER = """
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0
"""


INVITE = """
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "sipp" <sip:+15557770000@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

"""


def caller_scenario(directory: Path, info_key: str, event_key: str) -> Path:
    """sipp calls in, presses one key by INFO and one in its audio, streams a tone until hung up on.

    The key in the audio is a capture of RFC 4733 packets that comes with sipp. It is sent over a
    raw socket, which only root may open; other users press both keys by INFO. (The same capture
    twice would be one key: its timestamps are the same.)
    """
    raw = directory / "tone.ulaw"
    raw.write_bytes(tone_frame(SIPP_TONE) * 50)
    captured = f'  <nop><action><exec play_pcap_audio="{PCAPS}/dtmf_2833_{event_key}.pcap"/></action></nop>\n'
    in_dialog = """
{method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "sipp" <sip:+15557770000@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
[last_To:]
[routes]
Call-ID: [call_id]
CSeq: {number} {method}
Max-Forwards: 70
{body}
"""
    signal = (
        "Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={}\nDuration=160"
    )

    def informed(number: int, key: str) -> str:
        body = signal.format(key)
        sent = in_dialog.format(method="INFO", number=number, body=body)
        return _send(sent, 'retrans="500"') + '  <recv response="200"/>\n'

    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="caller">\n'
        + _send(INVITE + SDP.strip(), 'retrans="500"')
        + '  <recv response="100" optional="true"/>\n  <recv response="180" optional="true"/>\n'
        + '  <recv response="200" rtd="true" rrs="true"/>\n'
        + _send(in_dialog.format(method="ACK", number=1, body="Content-Length: 0"))
        + '  <pause milliseconds="500"/>\n'
        + informed(2, info_key)
        + '  <pause milliseconds="900"/>\n'
        + (captured if os.geteuid() == 0 else informed(3, event_key))
        + '  <pause milliseconds="500"/>\n'
        + f'  <nop><action><exec rtp_stream="{raw},-1,0"/></action></nop>\n'
        + '  <recv request="BYE"/>\n'
        + _send(BYE_ANSWER)
        + "</scenario>\n"
    )
    path = directory / "caller.xml"
    path.write_text(text, "utf-8")
    return path


def refused_scenario(directory: Path, codecs: str, status: int) -> Path:
    """sipp offers `codecs` (payload types) and wants to be refused with `status`."""
    offer = SDP.strip().replace("0 101", codecs)
    ack = """
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0
"""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="refused">\n'
        + _send(INVITE + offer, 'retrans="500"')
        + '  <recv response="100" optional="true"/>\n'
        + f'  <recv response="{status}"/>\n'
        + _send(ack)
        + "</scenario>\n"
    )
    path = directory / "refused.xml"
    path.write_text(text, "utf-8")
    return path


def options_scenario(directory: Path) -> Path:
    """sipp asks what we can do, as a proxy does to see that we live."""
    ask = """
OPTIONS sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpOptions[call_number]
To: <sip:[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 OPTIONS
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Accept: application/sdp
User-Agent: sipp, asking as a proxy does that wants to know whether we live
Max-Forwards: 70
Content-Length: 0
"""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="options">\n'
        + _send(ask, 'retrans="500"')
        + '  <recv response="200">\n    <action><ereg regexp="INVITE.*BYE" search_in="hdr"'
        ' header="Allow:" check_it="true" assign_to="1"/></action>\n  </recv>\n'
        '  <Reference variables="1"/>\n</scenario>\n'
    )
    path = directory / "options.xml"
    path.write_text(text, "utf-8")
    return path


REGISTER = """
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{user}@[remote_ip]>;tag=[pid]SIPpReg[call_number]
To: <sip:{user}@[remote_ip]>
Call-ID: [call_id]
CSeq: {number} REGISTER
Contact: <sip:{user}@[local_ip]:[local_port]>
Max-Forwards: 70
Expires: {seconds}
{authentication}Content-Length: 0
"""


def register_scenario(directory: Path, user: str, seconds: int = 120) -> Path:
    """sipp registers `user`, answering the challenge; 0 seconds take it back. One sipp plays one
    scenario, so the agent itself is the next process on the same port, as behind one address
    translator."""
    login = f"[authentication username={user} password={PASSWORD}]\n"
    first = REGISTER.format(user=user, number=1, seconds=seconds, authentication="")
    second = REGISTER.format(user=user, number=2, seconds=seconds, authentication=login)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="register">\n'
        + _send(first, 'retrans="500"')
        + '  <recv response="100" optional="true"/>\n  <recv response="401" auth="true"/>\n'
        + _send(second, 'retrans="500"')
        + '  <recv response="100" optional="true"/>\n  <recv response="200"/>\n</scenario>\n'
    )
    path = directory / "register.xml"
    path.write_text(text, "utf-8")
    return path


ASKED = """
    <action><ereg regexp="{holds}" search_in="hdr" header="{header}:" check_it="true" assign_to="1"/>
    </action>
"""


def agent_scenario(directory: Path, header: str = "", holds: str = "") -> Path:
    """sipp is an agent: rings, answers, echoes the audio, and is hung up on. With a `header` it
    complains of an INVITE in which that header does not hold this text."""
    answer = """
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpAgent[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
{more}
"""
    body = f"Content-Type: application/sdp\nContent-Length: [len]\n\n{SDP.strip()}"
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="agent">\n'
        '  <recv request="INVITE" crlf="true" rrs="true">\n'
        + (ASKED.format(header=header, holds=holds) if header else "")
        + "  </recv>\n"
        + _send(answer.format(status="180 Ringing", more="Content-Length: 0"))
        + '  <pause milliseconds="300"/>\n'
        + _send(answer.format(status="200 OK", more=body), 'retrans="500"')
        + '  <recv request="ACK" rtd="true"/>\n  <recv request="BYE"/>\n'
        + _send(BYE_ANSWER)
        + ('  <Reference variables="1"/>\n' if header else "")
        + "</scenario>\n"
    )
    path = directory / "agent.xml"
    path.write_text(text, "utf-8")
    return path


class Sipp:
    """One sipp process."""

    def __init__(
        self, directory: Path, server: tuple[str, int], scenario: Path, *options: str, port: int = 0
    ) -> None:
        self.port = port or free_ports(1)[0]
        self.media_port = audio_ports(4)
        self.arguments = [
            "sipp", f"{server[0]}:{server[1]}", "-sf", str(scenario), "-i", "127.0.0.1", "-p",
            str(self.port), "-mi", "127.0.0.1", "-mp", str(self.media_port), "-m", "1",
            "-trace_err", "-error_file", str(directory / f"{scenario.stem}.err"), "-nostdin",
            "-timeout", "60", *options,
        ]  # fmt: skip
        self.process: asyncio.subprocess.Process | None = None
        self.errors = directory / f"{scenario.stem}.err"

    async def start(self) -> None:
        """Start; do not wait."""
        self.process = await asyncio.create_subprocess_exec(
            *self.arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )

    async def finished(self, seconds: float = 40) -> None:
        """Wait; every message must have been as expected."""
        assert self.process is not None
        try:
            code = await asyncio.wait_for(self.process.wait(), seconds)
        finally:
            if self.process.returncode is None:
                self.process.kill()
        errors = self.errors.read_text("utf-8", "replace") if self.errors.exists() else ""
        assert code == 0, f"sipp ended with {code}:\n{errors[-3000:]}"


@asynccontextmanager
async def sipp_registered(
    directory: Path, server: tuple[str, int], user: str
) -> AsyncIterator[int]:
    """The port where sipp may be `user` now; afterwards it takes its registration back."""
    first = Sipp(directory, server, register_scenario(directory, user))
    await first.start()
    await first.finished()
    yield first.port
    last = Sipp(directory, server, register_scenario(directory, user, 0), port=first.port)
    await last.start()
    await last.finished()


# --- baresip --------------------------------------------------------------------------------------

CONFIG = """
poll_method epoll
{network}sip_listen {host}:{sip}
audio_player aufile,{home}/heard.wav
audio_source aufile,{home}/tone.wav
audio_alert aufile,{home}/alert.wav
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {rtp}-{rtp_last}
module_path {modules}
module g711.so
module aufile.so
module sndfile.so
module uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {home}
"""


def free_pair() -> int:
    """The first of two neighbouring free ports: baresip takes the next one for TLS."""
    while True:
        first, second = free_ports(2)
        if second == first + 1:
            return first


class Baresip:
    """One baresip process, told what to do over its control socket."""

    def __init__(
        self,
        home: Path,
        server: tuple[str, int],
        user: str,
        tone: int,
        transport: str = "udp",
        authorities: Path | None = None,
        modules: tuple[str, ...] = (),
        **account: str,
    ) -> None:
        self.home, self.server, self.user = home, server, user
        self.sip = free_pair()
        (self.control,) = free_ports(1)
        home.mkdir(exist_ok=True)
        is_v6 = server[0].startswith("[")
        rtp = audio_ports(20)
        (home / "config").write_text(
            CONFIG.format(
                sip=self.sip, home=home, rtp=rtp, rtp_last=rtp + 19,
                modules=BARESIP_MODULES, control=self.control,
                host=server[0], network="" if is_v6 else "net_interface 127.0.0.1\n",
            )
            + "".join(f"module {name}.so\n" for name in modules)
        )  # fmt: skip
        if authorities is not None:
            with (home / "config").open("a") as config:
                config.write(f"sip_cafile {authorities}\n")
        write_tone(home / "tone.wav", tone)
        more = "".join(f";{key}={value}" for key, value in account.items())
        (home / "accounts").write_text(
            f"<sip:{user}@{server[0]}:{server[1]};transport={transport}>"
            f";auth_user={user};auth_pass={PASSWORD}{more}\n"
        )
        (home / "contacts").touch()
        self.process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.said: list[dict[str, Any]] = []
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start and connect to its control socket."""
        with (self.home / "baresip.log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                "baresip", "-f", str(self.home), "-v", stdout=log, stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        for _ in range(100):
            with contextlib.suppress(OSError):
                reader, self._writer = await asyncio.open_connection("127.0.0.1", self.control)
                self._reading = asyncio.create_task(self._read(reader))
                return
            await asyncio.sleep(0.05)
        raise AssertionError(self.log())

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                self.said.append(json.loads(await reader.readexactly(length)))
                await reader.readexactly(1)

    async def command(self, name: str, parameters: str = "") -> None:
        """One command of its menu."""
        assert self._writer is not None
        text = json.dumps({"command": name, "params": parameters}).encode()
        self._writer.write(b"%d:%s," % (len(text), text))
        await self._writer.drain()

    async def until(self, kind: str, seconds: float = 10) -> dict[str, Any]:
        """Wait until it reports an event of this type."""
        for _ in range(int(seconds / 0.05)):
            for said in self.said:
                if said.get("type") == kind:
                    return said
            await asyncio.sleep(0.05)
        raise AssertionError(f"baresip never said {kind}:\n{self.log()}")

    def log(self, most: int = 3000) -> str:
        """What it printed last."""
        return (self.home / "baresip.log").read_text("utf-8", "replace")[-most:]

    async def stop(self) -> None:
        """Quit as its user would, so that its recordings are complete."""
        with contextlib.suppress(OSError, AssertionError):
            await self.command("quit")
        if self._writer:
            self._writer.close()
        if self.process:
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self._reading:
            self._reading.cancel()


@asynccontextmanager
async def baresip(
    home: Path, server: tuple[str, int], user: str, tone: int = CALLER_TONES[2], **account: Any
) -> AsyncIterator[Baresip]:
    """A baresip for the time of a story."""
    phone = Baresip(home, server, user, tone, **account)
    await phone.start()
    try:
        yield phone
    finally:
        await phone.stop()


# --- pyVoIP ---------------------------------------------------------------------------------------


def softphone(server: tuple[str, int], user: str, *words: str) -> subprocess.Popen[str]:
    """`callcenter softphone …` in a process; its last line of output is JSON."""
    return subprocess.Popen(
        [
            sys.executable, "-m", "callcenter", "softphone", "--server", f"{server[0]}:{server[1]}",
            "--user", user, "--password", PASSWORD, "--json", *words,
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def port_is_open(port: int) -> bool:
    """Whether a TCP server listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
