"""How much one media worker carries, and how evenly it plays.

Why: the design point (200 bridged calls and 300 waiting callers per worker) is a promise. The bench
starts a real worker, sets the calls up by ng as a front end would, and lets phones from processes
of their own talk (`rtp_load`, which shares no code with the engine). With two cores the worker has
one and the phones the other.

Printed per phase: CPU seconds of the worker per bridged call and minute (from /proc), deviation of
the packets at the phones from 20 ms, delay through the worker, and the generator's own deviation.
A phase whose generator strayed more than 3 ms at p99 is void: then nothing was measured. On a
virtual machine the usual reason is time stolen by the host; its share is printed too.
"""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from callcenter.adapters.media_files import MUSIC

CALLS, HOLD = 200, 300
OWN_DEVIATION_MS_MAX = 3.0
CPU_PER_CALL_MINUTE_MAX = 0.10
DEVIATION_MS_MAX, DEVIATION_WITH_HOLD_MS_MAX = 10.0, 20.0
SETTLE_SECONDS = 1.0
STOLEN_WORTH_A_WORD = 0.02
DUMMY_PORT = 9
_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
)


def main(
    json: bool = False, *, calls: int = CALLS, hold: int = HOLD, seconds: float = 10.0
) -> dict[str, Any]:
    """Run both phases; print a table unless `json` is wanted. `ok` is the verdict."""
    worker_core, load_core = _cores()
    stolen_before = _stolen()
    with tempfile.TemporaryDirectory() as directory:
        bridged = _phase(directory, calls, 0, seconds, worker_core, load_core)
        both = _phase(directory, calls, hold, seconds, worker_core, load_core) if hold else None
    bridged["ok"] = (
        bridged["cpu_seconds_per_call_minute"] <= CPU_PER_CALL_MINUTE_MAX
        and bridged["deviation_ms"]["p99"] <= DEVIATION_MS_MAX
        and bridged["heard_share"] > 0.99
    )
    result: dict[str, Any] = {"cores": os.cpu_count(), "bridged": bridged}
    if both is not None:
        both["ok"] = (
            max(both["deviation_ms"]["p99"], both["hold"]["deviation_ms"]["p99"])
            <= DEVIATION_WITH_HOLD_MS_MAX
            and min(both["heard_share"], both["hold"]["heard_share"]) > 0.99
        )
        result["with_hold"] = both
    phases = [phase for phase in (bridged, both) if phase is not None]
    result["stolen_share"] = round(_share(stolen_before, _stolen()), 3)
    result["void"] = any(phase["void"] for phase in phases)
    result["ok"] = all(phase["ok"] for phase in phases) and not result["void"]
    if not json:
        print(_table(result))
    return result


class _Worker:
    """A worker process and an ng client for it."""

    def __init__(self, directory: str, core: int | None) -> None:
        first = _free_range(2 * (4 * CALLS + 2 * HOLD) + 400)
        config = {"first_port": first[0], "last_port": first[1], "directory": directory}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "callcenter.adapters.media_worker",
                msgspec.json.encode(config).decode(),
            ],
            stdout=subprocess.PIPE,
        )
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})
        assert self.process.stdout is not None
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.connect(("127.0.0.1", int(self.process.stdout.readline().split()[1])))
        self.client.settimeout(5)
        self.asked = 0

    def ask(self, command: str, call: str, **keys: Any) -> dict[str, Any]:
        """One request; raises when the worker refuses."""
        self.asked += 1
        body = {
            "command": command,
            "call-id": call,
            **{k.replace("_", "-"): v for k, v in keys.items()},
        }
        self.client.send(b"b%d " % self.asked + msgspec.json.encode(body))
        reply: dict[str, Any] = msgspec.json.decode(self.client.recv(65_535).partition(b" ")[2])
        if reply["result"] != "ok":
            raise RuntimeError(f"{command}: {reply.get('error-reason')}")
        return reply

    def cpu_seconds(self) -> float:
        """User and system time so far, as the kernel counts it."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(10)
        self.client.close()
        assert self.process.stdout is not None
        self.process.stdout.close()


class _Load:
    """A generator process."""

    def __init__(self, phones: int, core: int | None) -> None:
        job = msgspec.json.encode({"phones": phones, "core": core}).decode()
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("rtp_load.py")), job],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.ports: list[int] = self._read()

    def start(self, to: list[int], seconds: float) -> None:
        """Let the phones talk."""
        order = {"to": to, "seconds": seconds + SETTLE_SECONDS, "settle": SETTLE_SECONDS}
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        self.process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """Wait for the end; what was heard."""
        result: dict[str, Any] = self._read()
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        return result

    def _read(self) -> Any:
        assert self.process.stdout is not None
        return msgspec.json.decode(self.process.stdout.readline())


def _phase(
    directory: str,
    calls: int,
    hold: int,
    seconds: float,
    worker_core: int | None,
    load_core: int | None,
) -> dict[str, Any]:
    worker = _Worker(f"{directory}/{calls}-{hold}", worker_core)
    try:
        talkers = _Load(2 * calls, load_core)
        waiters = _Load(hold, load_core) if hold else None
        to_talkers = [
            port
            for n in range(calls)
            for port in _bridge(worker, n, talkers.ports[2 * n], talkers.ports[2 * n + 1])
        ]
        to_waiters = [
            _wait(worker, n, port) for n, port in enumerate(waiters.ports if waiters else [])
        ]
        before = worker.cpu_seconds()
        talkers.start(to_talkers, seconds)
        if waiters is not None:
            waiters.start(to_waiters, seconds)
        heard = talkers.result()
        waited = waiters.result() if waiters is not None else None
        spent = worker.cpu_seconds() - before
    finally:
        worker.stop()
    return phase_report(calls, hold, heard, waited, spent, seconds + SETTLE_SECONDS)


def phase_report(
    calls: int,
    hold: int,
    heard: dict[str, Any],
    waited: dict[str, Any] | None,
    spent: float,
    seconds: float,
) -> dict[str, Any]:
    """Figures of one phase from what the phones heard and what the worker spent."""
    own = max(part["own_deviation_ms"]["p99"] for part in (heard, waited) if part)
    report: dict[str, Any] = {
        "calls": calls,
        "on_hold": hold,
        "cpu_seconds": round(spent, 2),
        "cpu_share_of_a_core": round(spent / seconds, 3),
        "own_deviation_p99_ms": own,
        "void": own > OWN_DEVIATION_MS_MAX,
        **{
            k: heard[k]
            for k in ("heard_share", "deviation_ms", "delay_ms", "longest_gap_ms", "deaf_phones")
        },
    }
    if waited is None:
        report["cpu_seconds_per_call_minute"] = round(spent / (calls * seconds / 60), 4)
    else:
        report["hold"] = {
            k: waited[k] for k in ("heard_share", "deviation_ms", "longest_gap_ms", "deaf_phones")
        }
    return report


def _bridge(worker: _Worker, n: int, caller: int, agent: int) -> tuple[int, int]:
    """Two legs that hear each other; the ports their phones send to."""
    a, b = f"{n}/a", f"{n}/b"
    inner_a = _port(worker.ask("offer", a, from_tag="leg", sdp=_SDP.format(port=caller)))
    answer = worker.ask("answer", a, from_tag="leg", to_tag="in", sdp=_SDP.format(port=DUMMY_PORT))
    offer = worker.ask("offer", b, from_tag="in", sdp=_SDP.format(port=inner_a))
    tags = {"from_tag": "in", "to_tag": "leg"}
    inner_b = _port(worker.ask("answer", b, **tags, sdp=_SDP.format(port=agent)))
    worker.ask("offer", a, **tags, sdp=_SDP.format(port=inner_b))
    worker.ask("answer", a, **tags, sdp=_SDP.format(port=caller))
    return _port(answer), _port(offer)


def _wait(worker: _Worker, n: int, caller: int) -> int:
    """A leg that hears music; the port its phone sends to."""
    call = f"hold-{n}"
    worker.ask("offer", call, from_tag="leg", sdp=_SDP.format(port=caller))
    answer = worker.ask(
        "answer", call, from_tag="leg", to_tag="in", sdp=_SDP.format(port=DUMMY_PORT)
    )
    worker.ask("play media", call, from_tag="leg", file=str(MUSIC), repeat_times=10_000)
    return _port(answer)


def _port(reply: dict[str, Any]) -> int:
    return int(reply["sdp"].split("m=audio ")[1].split()[0])


def _stolen() -> tuple[int, int]:
    """Ticks that the hypervisor gave to others, and all ticks."""
    ticks = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return ticks[7], sum(ticks)


def _share(before: tuple[int, int], after: tuple[int, int]) -> float:
    return (after[0] - before[0]) / max(after[1] - before[1], 1)


def _cores() -> tuple[int | None, int | None]:
    """One core for the worker and one for the phones, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)


def _free_range(ports: int) -> tuple[int, int]:
    """A range below the ports that the system hands out by itself."""
    floor = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return floor - ports - floor % 2, floor - 1


def _table(result: dict[str, Any]) -> str:
    lines = []
    for name in ("bridged", "with_hold"):
        phase = result.get(name)
        if phase is None:
            continue
        verdict = "VOID" if phase["void"] else "ok" if phase["ok"] else "MISSED"
        lines.append(f"{phase['calls']} bridged + {phase['on_hold']} on hold: {verdict}")
        lines.append(f"  worker                 {phase['cpu_share_of_a_core']:.1%} of a core")
        if "cpu_seconds_per_call_minute" in phase:
            cost = phase["cpu_seconds_per_call_minute"]
            lines.append(
                f"  per call-minute        {cost} CPU-s (target {CPU_PER_CALL_MINUTE_MAX})"
            )
        lines.append(f"  bridged, deviation     {_row(phase['deviation_ms'])}")
        lines.append(f"  bridged, delay         {_row(phase['delay_ms'])}")
        if "hold" in phase:
            lines.append(f"  music, deviation       {_row(phase['hold']['deviation_ms'])}")
        lines.append(
            f"  generator, p99         {phase['own_deviation_p99_ms']} ms (void above {OWN_DEVIATION_MS_MAX})"
        )
    if result["stolen_share"] > STOLEN_WORTH_A_WORD:
        lines.append(f"the host gave {result['stolen_share']:.0%} of this machine's time to others")
    return "\n".join(lines)


def _row(values: dict[str, float]) -> str:
    return f"p50 {values['p50']} · p99 {values['p99']} · max {values['max']} ms"


def run(arguments: list[str]) -> int:
    """The bench by itself; the exit code says whether the targets were met."""
    as_json = "--json" in arguments
    result = main(as_json)
    if as_json:
        print(msgspec.json.encode(result).decode())
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(run(sys.argv))
