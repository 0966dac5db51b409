"""A handful of telephones on one socket: register, dial, ring, answer, press keys, hang up.

Why: the demo, the benches and the tests need many real SIP and RTP ends that are cheap, seeded
and written as a person would tell it: `call = phone.dial("100"); await call.until_answered();
call.press("1")`. One `Line` is one SIP socket, one endpoint and one 20 ms beat for all its
phones; a phone is told from its neighbours by the user part of its address, as on a desk with
several lines. Runs in processes of its own, never in the server's.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable

from callcenter.app.phones.rtp import RtpPort
from callcenter.domain.errors import RemoteError
from callcenter.domain.units import SECOND, Micros
from callcenter.sip import endpoint as sip
from callcenter.sip.flow import Flow
from callcenter.sip.sdp import (
    Direction,
    audio_media,
    build_audio,
    is_held,
    parse_sdp,
    remote_address,
    telephone_event,
)

BEAT = 0.020
REGISTER_SECONDS = 300
EVENT_TYPE = 101
BEHIND_FRAMES_MAX = 10
"""Frames sent at once after the process was held up; older ones are let go."""


class PhoneCall:
    """One call as the person at the phone lives it."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.sip: sip.Call
        self.rtp = RtpPort(phone.line.address, phone.line.dice.getrandbits(32))
        self.rtp.loss = phone.line.rtp_loss
        self.status = 0
        """Latest SIP status of our INVITE."""
        self.is_ringing = False
        self.is_answered = False
        self.is_over = False
        self.ended_by_us = False
        self.reason = ""
        """The far end's Reason header, if it sent one."""
        self.is_held = False
        """The far end put us on hold."""
        self.answered_at = self.ended_at = 0.0
        self.started_at = phone.line.clock()
        self._changed = asyncio.Event()

    # What the person does.

    def ring(self) -> None:
        """180: let the caller know that it rings."""
        self.sip.ringing(self.phone.line.now())
        self.phone.line.flush()

    def answer(self) -> None:
        """Pick up."""
        line = self.phone.line
        if self.sip.remote_sdp is None:
            self.reject(488)
            return
        self._point_at(self.sip.remote_sdp)
        self.sip.answer(self.sdp("sendrecv"), line.now())
        self.is_answered, self.answered_at = True, line.clock()
        line.sounding[self.sip.id] = self.rtp
        line.flush()

    def reject(self, status: int = 486) -> None:
        """Do not pick up: 486 busy, 603 declined, 480 not here."""
        self.sip.reject(status, self.phone.line.now())
        self.phone.line.flush()
        self._over(by_us=True)

    def press(self, digits: str) -> None:
        """Type on the keypad (RFC 4733)."""
        self.rtp.press(digits)

    def speak(self) -> None:
        """Send this phone's tone from now on."""
        self.rtp.frame = self.phone.frame

    def hold(self, *, on: bool) -> None:
        """The phone's own Hold key: a re-INVITE."""
        self.sip.reinvite(self.sdp("sendonly" if on else "sendrecv"), self.phone.line.now())
        self.phone.line.flush()

    def hang_up(self) -> None:
        """Put the receiver down, whatever the state."""
        line = self.phone.line
        if self.is_over:
            return
        if self.is_answered:
            self.sip.bye(line.now())
        elif self.sip.role == "uac":
            self.sip.cancel(line.now())
        else:
            self.sip.reject(480, line.now())
        line.flush()
        self._over(by_us=True)

    # What the person waits for.

    async def until(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Wait until `happened()` or the call is over; whether it happened."""
        line = self.phone.line
        end = line.clock() + seconds
        while not happened() and not self.is_over:
            left = end - line.clock()
            if left <= 0:
                return False
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), min(left, 0.1))
            except TimeoutError:
                continue
        return happened()

    async def until_answered(self, seconds: float = 32.0) -> bool:
        """Wait for the far end to pick up."""
        return await self.until(lambda: self.is_answered, seconds)

    async def until_over(self, seconds: float) -> bool:
        """Wait for the end of the call."""
        return await self.until(lambda: self.is_over, seconds)

    def hears(self, tones: tuple[int, ...], windows: int = 3) -> int | None:
        """The one of `tones` that has been heard for `windows` x 100 ms, if any."""
        heard = self.rtp.ear.windows
        return next((tone for tone in tones if heard.get(tone, 0) >= windows), None)

    # What the line tells the call.

    def progressed(self, status: int) -> None:
        """A provisional answer to our INVITE."""
        self.status = status
        self.is_ringing = status == 180
        self._changed.set()

    def accepted(self, sdp: bytes | None) -> None:
        """Our INVITE was answered with 200; the ACK is on its way."""
        if sdp is not None:
            self._point_at(sdp)
        self.status, self.is_answered = 200, True
        self.answered_at = self.phone.line.clock()
        self.phone.line.sounding[self.sip.id] = self.rtp
        self._changed.set()

    def refused(self, status: int) -> None:
        """Our INVITE got a final no."""
        self.status = status
        self._over(by_us=False)

    def hung_up(self, reason: str) -> None:
        """BYE or CANCEL from the far end."""
        self.reason = reason
        self._over(by_us=False)

    def reinvited(self, sdp: bytes | None) -> None:
        """The far end changes the media: hold, resume, or move."""
        if sdp is not None:
            self.is_held = is_held(parse_sdp(sdp))
            self._point_at(sdp)
        self.sip.answer_reinvite(
            self.sdp("recvonly" if self.is_held else "sendrecv"), self.phone.line.now()
        )
        self.phone.line.flush()
        self._changed.set()

    def _over(self, *, by_us: bool) -> None:
        if self.is_over:
            return
        self.is_over, self.ended_by_us = True, by_us
        self.ended_at = self.phone.line.clock()
        self.phone.line.sounding.pop(self.sip.id, None)
        self.rtp.drain()
        self.rtp.close()
        self._changed.set()

    def _point_at(self, sdp: bytes) -> None:
        try:
            session = parse_sdp(sdp)
        except RemoteError:
            return
        media, far = audio_media(session), remote_address(session)
        if media is None or far is None:
            return
        self.rtp.far = far
        self.rtp.event_type = telephone_event(media)
        self.phone.line.sounding.setdefault(self.sip.id, self.rtp)

    def sdp(self, direction: Direction) -> bytes:
        """What this phone offers or answers."""
        return build_audio(
            address=self.phone.line.address,
            port=self.rtp.port,
            payloads=(0, 8),
            telephone_event_pt=EVENT_TYPE,
            direction=direction,
            session_id=self.rtp.port,
            version=1,
        ).encode()


class Phone:
    """One telephone: an address of record, a password, a voice (its tone)."""

    def __init__(self, line: Line, user: str, password: str, frame: bytes, display: str) -> None:
        self.line = line
        self.user = user
        self.display = display or user
        self.frame = frame
        self.registered = False
        self.registration_status = 0
        self.on_call: Callable[[PhoneCall], Awaitable[None]] | None = None
        self.credentials = sip.Credentials(user, password) if password else None
        self._answered = asyncio.Event()

    @property
    def address_of_record(self) -> str:
        """`sip:user@domain`."""
        return f"sip:{self.user}@{self.line.domain}"

    async def register(self, seconds: int = REGISTER_SECONDS) -> bool:
        """Register once; `seconds` 0 takes the registration back. Whether it was accepted."""
        self._answered.clear()
        request = self.line.endpoint.request(
            "REGISTER",
            to_uri=self.address_of_record,
            request_uri=f"sip:{self.line.domain}",
            from_addr=self.address_of_record,
            flow=self.line.flow,
            now=self.line.now(),
            headers=(
                ("Contact", f"<{self.line.contact(self.user)}>"),
                ("Expires", str(seconds)),
            ),
            credentials=self.credentials,
        )
        self.line.registrations[id(request)] = self
        self.line.flush()
        try:
            await asyncio.wait_for(self._answered.wait(), 35)
        except TimeoutError:
            return False
        self.registered = seconds > 0 and self.registration_status == 200
        return self.registration_status == 200

    async def stay_registered(self, failed: Callable[[str], None], seconds: int) -> None:
        """Register anew at half time, as phones do, until the line stops; each refusal is told."""
        while True:
            await asyncio.sleep(seconds / 2)
            if not await self.register(seconds):
                failed(f"{self.user}: REGISTER again {self.registration_status}")

    def registration_answered(self, status: int) -> None:
        """The registrar's final answer."""
        self.registration_status = status
        self._answered.set()

    def dial(
        self, number: str, headers: tuple[tuple[str, str], ...] = (), sdp: bytes | None = None
    ) -> PhoneCall:
        """Call `number`; the far end is heard as soon as it answers. `sdp` replaces our offer."""
        line = self.line
        call = PhoneCall(self)
        call.sip = line.endpoint.invite(
            to_uri=f"sip:{number}@{line.domain}",
            request_uri=f"sip:{number}@{line.server[0]}:{line.server[1]}",
            from_addr=f'"{self.display}" <{self.address_of_record}>',
            flow=line.flow,
            sdp=call.sdp("sendrecv") if sdp is None else sdp,
            now=line.now(),
            headers=headers,
            credentials=self.credentials,
        )
        line.calls[call.sip.id] = call
        line.flush()
        return call


class Line:
    """One SIP socket, one endpoint, one beat; many phones."""

    def __init__(
        self,
        server: tuple[str, int],
        domain: str,
        *,
        seed: int,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.server, self.domain, self.address = server, domain, address
        self.dice = random.Random(seed)
        self.phones: dict[str, Phone] = {}
        self.calls: dict[str, PhoneCall] = {}
        self.sounding: dict[str, RtpPort] = {}
        self.registrations: dict[int, Phone] = {}
        self.late_frames = 0
        self.rtp_loss = 0.0
        """Share of RTP packets that its phones lose, each way."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self._socket.bind((address, port))
        local = self._socket.getsockname()
        self.flow = Flow("udp", (local[0], local[1]), server)
        self.endpoint = sip.Endpoint(
            new_id=lambda: f"{self.dice.getrandbits(64):016x}",
            user_agent="callcenter-phone",
            contact_for=lambda _flow: f"sip:{local[0]}:{local[1]}",
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def contact(self, user: str) -> str:
        """Where `user` is reached on this line."""
        return f"sip:{user}@{self.flow.local[0]}:{self.flow.local[1]}"

    def clock(self) -> float:
        """Monotonic seconds of the loop."""
        return asyncio.get_running_loop().time()

    def now(self) -> Micros:
        """Monotonic microseconds, as the endpoint wants them."""
        return int(self.clock() * SECOND)

    def phone(self, user: str, password: str = "", frame: bytes = b"", display: str = "") -> Phone:
        """A new telephone on this line."""
        self.phones[user] = phone = Phone(self, user, password, frame, display)
        return phone

    async def start(self) -> None:
        """Begin to listen and to beat."""
        asyncio.get_running_loop().add_reader(self._socket, self._readable)
        self.spawn(self._beat())

    async def stop(self) -> None:
        """End every call and give everything back; once is enough."""
        if self._socket.fileno() < 0:
            return
        for call in list(self.calls.values()):
            call.hang_up()
        await asyncio.sleep(0.05)
        asyncio.get_running_loop().remove_reader(self._socket)
        if self._timer:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()

    def spawn(self, story: Awaitable[None]) -> None:
        """Let a story run beside the others until the line stops."""
        task = asyncio.ensure_future(story)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def flush(self) -> None:
        """Send what the endpoint has to send, and set its timer."""
        for flow, data in self.endpoint.take_outgoing():
            try:
                self._socket.sendto(data, flow.remote)
            except OSError:
                continue  # lost like any datagram; the transaction sends again
        deadline = self.endpoint.deadline
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(deadline / SECOND, loop.time()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._heard(self.endpoint.tick(self.now()))
        self.flush()

    def _readable(self) -> None:
        for _ in range(64):
            try:
                data, source = self._socket.recvfrom(65535)
            except (BlockingIOError, OSError):
                break
            flow = Flow("udp", self.flow.local, (source[0], source[1]))
            self._heard(self.endpoint.receive(data, flow, self.now()))
        self.flush()

    def _heard(self, events: list[sip.SipEvent]) -> None:
        for event in events:
            self._hear(event)

    def _hear(self, event: sip.SipEvent) -> None:
        match event:
            case sip.IncomingCall(call=call):
                self._incoming(call)
            case sip.ResponseReceived(request=asked, response=response):
                if phone := self.registrations.pop(id(asked), None):
                    phone.registration_answered(response.status)
            case sip.RequestTimeout(request=asked, status=status):
                if phone := self.registrations.pop(id(asked), None):
                    phone.registration_answered(status)
            case sip.RequestReceived(request=request):
                self.endpoint.respond(request, 200, now=self.now())
            case _:
                self._hear_of_a_call(event)

    def _hear_of_a_call(self, event: sip.SipEvent) -> None:
        call = self.calls.get(getattr(getattr(event, "call", None), "id", ""))
        if call is None:
            return
        match event:
            case sip.CallProgress(status=status):
                call.progressed(status)
            case sip.CallAnswered(sdp=sdp):
                call.accepted(sdp)
            case sip.CallRejected(status=status):
                call.refused(status)
            case sip.CallReinvited(sdp=sdp):
                call.reinvited(sdp)
            case sip.AckTimeout():
                call.hung_up("")
            case sip.CallCancelled(reason=reason) | sip.CallEnded(reason=reason):
                call.hung_up(reason)
            case _:
                return
        if call.is_over:
            self.calls.pop(call.sip.id, None)

    def _incoming(self, call: sip.Call) -> None:
        user = call.request.uri.partition("sip:")[2].partition("@")[0]
        phone = self.phones.get(user)
        if phone is None or phone.on_call is None:
            call.reject(404 if phone is None else 480, self.now())
            return
        told = PhoneCall(phone)
        told.sip = call
        self.calls[call.id] = told
        self.spawn(self._let_ring(phone.on_call, told))

    async def _let_ring(
        self, story: Callable[[PhoneCall], Awaitable[None]], call: PhoneCall
    ) -> None:
        try:
            await story(call)
        finally:
            call.hang_up()
            self.calls.pop(call.sip.id, None)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += BEAT
            late = loop.time() - due
            if late > BEAT * BEHIND_FRAMES_MAX:
                self.late_frames += int(late / BEAT)
                due = loop.time()
            for port in list(self.sounding.values()):
                port.drain()
                port.beat()
            await asyncio.sleep(max(0.0, due - loop.time()))
