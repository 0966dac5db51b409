"""A telephone that is not ours: pyVoIP, with what it lacks worked around.

Why: a stack that only ever talks to itself proves its own misunderstandings. pyVoIP 1.6.8 is a
separate reading of RFC 3261, so it is the `softphone` command, one agent of the demo, and a
caller and an agent in the tests. Unpatched it registers, answers and hangs up; it cannot cancel,
press keys or take a refusal. Those four are added here by overriding; nothing of it is copied.

It runs on threads and prints to standard output, so it belongs in a process of its own.

Audio: pyVoIP's interface is 8-bit unsigned linear at 8 kHz (128 is silence).
"""

from __future__ import annotations

import queue
import re
import struct
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pyVoIP.VoIP  # before pyVoIP.SIP, which it imports in a circle
from pyVoIP import RTP, SIP
from pyVoIP.VoIP.status import PhoneStatus
from pyVoIP.VoIP.VoIP import CallState, VoIPCall, VoIPPhone

from callcenter.app.phones.rtp import DIGITS, EVENT_FRAMES, EVENT_VOLUME, PAUSE_FRAMES

FRAME_SECONDS = 0.02
SILENCE = b"\x80" * 160


class KeypadRtp(RTP.RTPClient):  # type: ignore[misc]  # pyVoIP ships no types
    """pyVoIP's stream with digits out (RFC 4733) and a clock that does not drift."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.event_type = next(
            (number for number, kind in self.assoc.items() if kind == RTP.PayloadType.EVENT), 101
        )

    def trans(self) -> None:
        """Send one packet every 20 ms, measured from the start and not from the last one."""
        self._sequence = self.outSequence
        self._timestamp = self.outTimestamp
        script: list[bytes] = []
        due = time.monotonic()
        event_start = 0
        while self.NSD:
            if not script and not self.keys.empty():
                script = _digit(self.keys.get())
                event_start = self._timestamp
            event = script.pop(0) if script else b""
            if event:
                self._send(self.event_type, event_start, event)
            else:
                self._send(int(self.preference), self._timestamp, self._voice())
            self._timestamp = (self._timestamp + 160) & 0xFFFFFFFF
            due += FRAME_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))

    def _voice(self) -> bytes:
        return bytes(self.encode_packet(self.pmout.read()))

    def _send(self, kind: int, timestamp: int, payload: bytes) -> None:
        header = struct.pack("!BBHII", 0x80, kind, self._sequence, timestamp, self.outSSRC)
        self._sequence = (self._sequence + 1) & 0xFFFF
        try:
            self.sout.sendto(header + payload, (self.outIP, self.outPort))
        except OSError:
            return  # closed by hang-up between two beats


def _digit(digit: str) -> list[bytes]:
    """The beats of one key: updates, three ends, and a pause in which the voice goes on."""
    code = DIGITS.index(digit)
    beats = [struct.pack("!BBH", code, EVENT_VOLUME, 160 * n) for n in range(1, EVENT_FRAMES + 1)]
    beats += [struct.pack("!BBH", code, 0x80 | EVENT_VOLUME, 160 * EVENT_FRAMES)] * 3
    return beats + [b""] * PAUSE_FRAMES


class ForeignCall(VoIPCall):  # type: ignore[misc]  # pyVoIP ships no types
    """A call that can press keys and be given up before it is answered."""

    status = 0
    """SIP status that ended the dialling, 0 while it goes on."""

    def create_rtp_clients(
        self, codecs: Any, ip: str, port: int, request: Any, baseport: int
    ) -> None:
        """One stream per connection line, with a keypad."""
        for number in range(len(request.body["c"])):
            address = request.body["c"][number]["address"]
            self.RTPClients.append(
                KeypadRtp(
                    codecs, ip, port, address, baseport + number, self.sendmode,
                    dtmf=self.dtmf_callback,
                )
            )  # fmt: skip

    def press(self, digits: str) -> None:
        """Type on the keypad."""
        for client in self.RTPClients:
            for digit in digits:
                client.keys.put(digit)

    def cancel(self) -> None:
        """Give up before the other side answers (RFC 3261 9.1)."""
        if self.state != CallState.DIALING:
            return
        invite = _text(self.request)
        first = f"CANCEL {invite.split(' ', 2)[1]} SIP/2.0"
        kept = _lines(invite, "Via", "From", "To", "Call-ID", "Max-Forwards")
        sequence = self.request.headers["CSeq"]["check"]
        message = "\r\n".join(
            [first, *kept, f"CSeq: {sequence} CANCEL", "Content-Length: 0", "", ""]
        )
        self.sip.out.sendto(message.encode(), (self.phone.server, self.phone.port))
        self.end(487)

    def end(self, status: int) -> None:
        """The call is over for this phone."""
        self.status = status
        for client in self.RTPClients:
            client.NSD = False
            if hasattr(client, "sin"):
                client.stop()
        self.state = CallState.ENDED
        self.phone.calls.pop(self.request.headers["Call-ID"], None)


def _text(message: Any) -> str:
    return bytes(message.raw).decode("utf-8", "replace")


def _lines(message: str, *names: str) -> list[str]:
    head = message.partition("\r\n\r\n")[0].split("\r\n")[1:]
    return [line for line in head if line.partition(":")[0].strip() in names]


class NotRegistered(Exception):
    """The server did not take the phone. `status` is its last word, 0 when it said nothing."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}" if status else "no answer")
        self.status = status


class ForeignSip(SIP.SIPClient):  # type: ignore[misc]  # pyVoIP ships no types
    """pyVoIP's signalling that takes a refusal, a CANCEL and an OPTIONS for what they are."""

    statuses: tuple[int, ...] = ()
    """What the server answered to our registrations, in order."""

    def trying_timeout_check(self, response: Any) -> Any:
        """The answer to a REGISTER, remembered."""
        response = super().trying_timeout_check(response)
        self.statuses += (int(bytes(response.raw).split(b" ", 2)[1]),)
        return response

    @property
    def is_refused(self) -> bool:
        """Whether asking again would not help: the answer to our password was no."""
        return bool(self.statuses) and (
            self.statuses[-2:] == (401, 401) or self.statuses[-1] not in (200, 401, 500)
        )

    def abandon(self) -> None:
        """Give up registering, without waiting for whoever does not answer."""
        self.NSD = False
        if self.registerThread:
            self.registerThread.cancel()
        self._close_sockets()

    def parse_message(self, message: Any) -> None:
        """Handle what pyVoIP drops; leave the rest to it."""
        if message.type != SIP.SIPMessageType.MESSAGE:
            code = int(bytes(message.raw).split(b" ", 2)[1])
            if code >= 300 and message.headers["CSeq"]["method"] == "INVITE":
                self._refused(message, code)
                return
        elif message.method == "CANCEL":
            self._cancelled(message)
            return
        elif message.method == "OPTIONS":
            self._reply(message, "200 OK")
            return
        super().parse_message(message)

    def _refused(self, message: Any, code: int) -> None:
        text = _text(message)
        call = self.phone.calls.get(message.headers["Call-ID"])
        to = re.search(r"^To:.*?(<[^>]*>|sip:[^;\r]*)", text, re.MULTILINE)
        uri = to.group(1).strip("<>") if to else f"sip:{self.server}"
        sequence = message.headers["CSeq"]["check"]
        kept = _lines(text, "Via", "From", "To", "Call-ID")
        ack = "\r\n".join(
            [f"ACK {uri} SIP/2.0", *kept, f"CSeq: {sequence} ACK", "Max-Forwards: 70",
             "Content-Length: 0", "", ""]
        )  # fmt: skip
        self.out.sendto(ack.encode(), (self.server, self.port))
        if call is not None and call.state == CallState.DIALING:
            call.end(code)

    def _cancelled(self, message: Any) -> None:
        self._reply(message, "200 OK")
        call = self.phone.calls.get(message.headers["Call-ID"])
        if call is None or call.state != CallState.RINGING:
            return
        tag = self.tagLibrary.get(message.headers["Call-ID"], "")
        self._reply(call.request, "487 Request Terminated", tag=tag)
        call.end(487)

    def _reply(self, message: Any, status: str, tag: str = "") -> None:
        lines = _lines(_text(message), "Via", "From", "To", "Call-ID", "CSeq")
        lines = [
            f"{line};tag={tag}" if tag and line.startswith("To:") and "tag=" not in line else line
            for line in lines
        ]
        reply = "\r\n".join([f"SIP/2.0 {status}", *lines, "Content-Length: 0", "", ""])
        self.out.sendto(reply.encode(), (self.server, self.port))


class ForeignPhone(VoIPPhone):  # type: ignore[misc]  # pyVoIP ships no types
    """A pyVoIP phone whose calls are `ForeignCall`s. `on_call` runs in a thread of its own."""

    def __init__(
        self,
        server: tuple[str, int],
        user: str,
        password: str,
        *,
        address: str = "127.0.0.1",
        sip_port: int,
        rtp_ports: tuple[int, int],
        on_call: Callable[[ForeignCall], None] | None = None,
    ) -> None:
        if "OPTIONS" not in pyVoIP.SIPCompatibleMethods:
            pyVoIP.SIPCompatibleMethods.append("OPTIONS")
        warnings.filterwarnings("ignore", module=r"pyVoIP.*")
        super().__init__(
            server[0], server[1], user, password, myIP=address, callCallback=on_call,
            sipPort=sip_port, rtpPortLow=rtp_ports[0], rtpPortHigh=rtp_ports[1],
        )  # fmt: skip
        self.sip = ForeignSip(
            server[0], server[1], user, password, phone=self, myIP=address, myPort=sip_port,
            callCallback=self.callback, fatalCallback=self.fatal,
        )  # fmt: skip

    def register_within(self, seconds: float) -> None:
        """`start()` with an end to it. Raises `NotRegistered`.

        pyVoIP waits half a minute for an answer and asks three times, a wrong password included;
        so it waits in a thread that is left alone once it is of no use.
        """
        self.sip.register_timeout = seconds
        threading.Thread(target=self.start, name="register", daemon=True).start()
        deadline = time.monotonic() + seconds
        while self.get_status() != PhoneStatus.REGISTERED:
            silent = time.monotonic() > deadline
            if silent or self.sip.is_refused or self.get_status() == PhoneStatus.FAILED:
                self.sip.abandon()
                raise NotRegistered(self.sip.statuses[-1] if self.sip.statuses else 0)
            time.sleep(0.02)

    def _create_Call(self, request: Any, sess_id: int) -> None:  # noqa: N802 - pyVoIP's name
        self.calls[request.headers["Call-ID"]] = ForeignCall(
            self, CallState.RINGING, request, sess_id, self.myIP, sendmode=self.recvmode
        )

    def call(self, number: str) -> ForeignCall:
        """Dial. Returns once the server has said 100 or 180."""
        port = self.request_port()
        medias = {port: {0: RTP.PayloadType.PCMU, 101: RTP.PayloadType.EVENT}}
        request, call_id, session = self.sip.invite(number, medias, RTP.TransmitType.SENDRECV)
        call = ForeignCall(
            self, CallState.DIALING, request, session, self.myIP, ms=medias, sendmode=self.sendmode
        )
        self.calls[call_id] = call
        return call


def start_talking(call: ForeignCall, frame: bytes) -> threading.Thread:
    """Send `frame` (160 octets, 8-bit unsigned) over and over until the call ends."""

    def talk() -> None:
        while call.state == CallState.ANSWERED:
            call.write_audio(frame * 5)
            time.sleep(0.1)

    thread = threading.Thread(target=talk, name="talk", daemon=True)
    thread.start()
    return thread
