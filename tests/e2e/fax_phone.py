"""A fax machine at a telephone line: SIP, RTP and UDPTL of its own, T.30 by the library.

`FaxPhone` sends, `FaxMachine` is a line that a trunk leads to, and receives. Both follow a script:
whether they ask for T.38, whether they take it, when they hang up. What happened stands in `story`.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

from callcenter.adapters.fax.machine import from_linear, to_linear
from callcenter.adapters.fax.terminal import AudioFax, FaxReport, FaxTerms, ImageFax
from callcenter.media.rtp import HEADER_OCTETS
from callcenter.media.udptl import Receiver, Sender
from callcenter.sip import endpoint as sip
from callcenter.sip.flow import Flow
from callcenter.sip.sdp import build_audio, parse_sdp, remote_address
from callcenter.sip.sdp_fax import answer_image, build_image, image_media, wants_image

PACE_SECONDS = 0.02
TIFF_HEAD_OCTETS = 8
"""A file of no pages has nothing else."""
CONFIRMED_SECONDS = 3.0
_numbers = itertools.count(1)


class FaxPhone:
    """One sending fax machine. Run it with `await phone.send(number)`."""

    def __init__(
        self, server: tuple[str, int], source: Path, *, ident: str = "+49301234567",
        sub_address: str = "", asks_image_after: float | None = None, image_status: int = 200,
    ) -> None:  # fmt: skip
        self.ident = ident
        self.story: list[str] = []
        self.report: FaxReport | None = None
        self._source = source
        self._terms = FaxTerms(ident=ident, sub_address=sub_address)
        self._asks_image_after = asks_image_after
        self._image_status = image_status
        self._wire, self._door = _udp(), _udp()
        self._wire.connect(server)
        self._flow = Flow("udp", self._wire.getsockname(), server)
        self._endpoint = sip.Endpoint(
            new_id=lambda: secrets.token_hex(8),
            user_agent="fax",
            contact_for=lambda _: f"sip:fax@127.0.0.1:{self._wire.getsockname()[1]}",
        )
        self._fax: AudioFax | ImageFax = self._end(AudioFax)
        self._sender, self._receiver = Sender(), Receiver()
        self._sequence = 0
        self._peer: tuple[str, int] | None = None
        self.call: sip.Call

    def _end(self, kind: type[AudioFax | ImageFax]) -> AudioFax | ImageFax:
        return kind(self._terms, send=self._source)

    @property
    def pages(self) -> int:
        """Acknowledged by the other end."""
        return self._fax.pages

    async def send(
        self, number: str, *, until: Callable[[], bool] = lambda: False, seconds: float = 120
    ) -> FaxReport | None:
        """The whole call; None when it was not taken. `until` hangs up in the middle."""
        host, port = self._flow.remote
        self.call = self._endpoint.invite(
            to_uri=f"sip:{number}@{host}:{port}", request_uri=f"sip:{number}@{host}:{port}",
            from_addr=f"sip:{self.ident}@127.0.0.1", flow=self._flow, sdp=self._sound(), now=_now(),
        )  # fmt: skip
        began = due = time.monotonic()
        try:
            while not self._is_done(until) and time.monotonic() - began < seconds:
                self._turn(time.monotonic() - began)
                due += PACE_SECONDS
                await asyncio.sleep(max(0, due - time.monotonic()))
            await self._let_go()
        finally:
            self.report = self._fax.hang_up() if self._peer else None
            self._fax.close()
            self._door.close()
            self._wire.close()
        return self.report

    def _is_done(self, until: Callable[[], bool]) -> bool:
        return "over" in self.story or "refused" in self.story or until()

    async def _let_go(self) -> None:
        if "over" not in self.story and "refused" not in self.story:
            self.call.bye(_now())
        for _ in range(25):
            self._signal()
            await asyncio.sleep(PACE_SECONDS)

    # ---- signalling -----------------------------------------------------------------------

    def _turn(self, spent: float) -> None:
        self._signal()
        if self._asks_image_after is not None and self._peer and spent > self._asks_image_after:
            self._asks_image_after = None
            self.call.reinvite(self._image(), _now())
        if self._peer is not None:
            self._talk()

    def _signal(self) -> None:
        while True:
            try:
                data = self._wire.recv(65_535)
            except (BlockingIOError, ConnectionRefusedError):
                break
            for event in self._endpoint.receive(data, self._flow, _now()):
                self._heard(event)
        for event in self._endpoint.tick(_now()):
            self._heard(event)
        for _, data in self._endpoint.take_outgoing():
            try:
                self._wire.send(data)
            except ConnectionRefusedError:
                pass

    def _heard(self, event: sip.SipEvent) -> None:
        match event:
            case sip.CallAnswered(sdp=answer) if answer:
                self.story.append("answered")
                self._peer = remote_address(parse_sdp(answer))
            case sip.CallRejected(status=status):
                self.story += [str(status), "refused"]
            case sip.CallReinvited(sdp=offer) if offer and wants_image(offer):
                self.story.append("asked for T.38")
                self._image_asked(offer)
            case sip.CallReinvited():
                self.call.answer_reinvite(self._sound(), _now())
            case sip.ReinviteAnswered(sdp=answer) if answer and wants_image(answer):
                self._become_image(answer)
            case sip.ReinviteRejected(status=status):
                self.story.append(f"T.38 refused {status}")
            case sip.CallEnded():
                self.story.append("over")
            case _:
                pass

    def _image_asked(self, offer: bytes) -> None:
        if self._image_status != 200:
            self.call.reject_reinvite(self._image_status, _now())
            return
        host, port = self._door.getsockname()
        self.call.answer_reinvite(answer_image(parse_sdp(offer), host, port, 1, 2).encode(), _now())
        self._become_image(offer)

    def _become_image(self, theirs: bytes) -> None:
        media = image_media(parse_sdp(theirs))
        assert media is not None
        self.story.append("T.38")
        self._peer = (media.connection, media.port)
        self._fax.hang_up()
        self._fax.close()
        self._fax = self._end(ImageFax)

    def _sound(self) -> bytes:
        host, port = self._door.getsockname()
        return build_audio(host, port, (0, 8), None).encode()

    def _image(self) -> bytes:
        host, port = self._door.getsockname()
        return build_image(host, port).encode()

    # ---- the line -------------------------------------------------------------------------

    def _talk(self) -> None:
        fax, peer = self._fax, self._peer
        assert peer is not None
        while True:
            try:
                data, source = self._door.recvfrom(2000)
            except BlockingIOError:
                break
            except OSError:
                continue
            if source != peer:
                continue  # of the call before
            if isinstance(fax, AudioFax):
                fax.hear(to_linear(data[HEADER_OCTETS:], data[1] & 0x7F))
            else:
                for sequence, packet in self._receiver.receive(data):
                    fax.hear_packet(sequence, packet)
        if isinstance(fax, AudioFax):
            header = b"\x80\x00" + self._sequence.to_bytes(2, "big")
            header += (self._sequence * 160 & 0xFFFFFFFF).to_bytes(4, "big") + b"faxx"
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._door.sendto(header + from_linear(fax.speak(), 0), peer)
        else:
            for packet, times in fax.step():
                datagram = self._sender.send(packet)
                for _ in range(times):
                    self._door.sendto(datagram, peer)


class FaxMachine(FaxPhone):
    """A receiving fax machine at an address of its own. Each call's pages go to a file of its own.

    `busy` calls are refused first; a call in which page `hangs_up_after` was confirmed is ended by
    us, once.
    """

    def __init__(
        self, place: Path, *, ident: str = "+49 30 999", asks_image_after: float | None = None,
        busy: int = 0, hangs_up_after: int = 0,
    ) -> None:  # fmt: skip
        self._place = place
        place.mkdir()
        self.calls = 0
        self._busy = busy
        self._hangs_up_after = hangs_up_after
        self._image_after = asks_image_after
        self._answered_at = self._confirmed_at = 0.0
        self.reports: list[FaxReport] = []
        self.shown: list[str] = []
        """Who called, as the INVITE says."""
        super().__init__(("127.0.0.1", 9), place, ident=ident)
        self._wire.close()
        self._wire = _udp()
        self.address = self._wire.getsockname()

    def _end(self, kind: type[AudioFax | ImageFax]) -> AudioFax | ImageFax:
        image = "-image" if kind is ImageFax else ""
        return kind(self._terms, receive=self.file(self.calls, image))

    def file(self, call: int, image: str = "") -> Path:
        """What came in a call."""
        return self._place / f"call-{call}{image}.tif"

    def files(self) -> list[Path]:
        """What holds pages, in the order of the calls; of each what came in its second half, if the
        call changed to T.38."""
        found = [self.file(n, kind) for n in range(1, self.calls + 1) for kind in ("", "-image")]
        return [file for file in found if file.exists() and file.stat().st_size > TIFF_HEAD_OCTETS]

    async def serve(self, until: Callable[[], bool], seconds: float = 240) -> None:
        """Take calls until then."""
        began = due = time.monotonic()
        try:
            while not until() and time.monotonic() - began < seconds:
                self._signal_from_anybody()
                if self._peer is not None:
                    self._in_call()
                due = max(due + PACE_SECONDS, time.monotonic() - 5 * PACE_SECONDS)
                await asyncio.sleep(max(0, due - time.monotonic()))
        finally:
            self._fax.hang_up()
            self._fax.close()
            self._door.close()
            self._wire.close()

    def _signal_from_anybody(self) -> None:
        if self._flow.remote[1] == 9:
            try:
                _, source = self._wire.recvfrom(65_535, socket.MSG_PEEK)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self._wire.connect(source)
            self._flow = Flow("udp", self.address, source)
        self._signal()

    def _in_call(self) -> None:
        spent = time.monotonic() - self._answered_at
        if self._image_after is not None and spent > self._image_after and not self._is_image:
            self._image_after = None
            self.call.reinvite(self._image(), _now())
            self._image_after = 3600.0
        self._talk()
        if self._hangs_up_after and self.pages >= self._hangs_up_after:
            self._confirmed_at = self._confirmed_at or time.monotonic()
            if time.monotonic() - self._confirmed_at < CONFIRMED_SECONDS:
                return  # our word that the page is there is still on its way
            self._hangs_up_after = 0
            self.story.append("hangs up")
            self.call.bye(_now())
            self._over()

    @property
    def _is_image(self) -> bool:
        return isinstance(self._fax, ImageFax)

    def _over(self) -> None:
        self.reports.append(self._fax.hang_up())
        self._peer = None
        self.story.append("over")

    def _heard(self, event: sip.SipEvent) -> None:
        match event:
            case sip.IncomingCall(call=call):
                assert call.request is not None
                self.shown.append(call.request.from_.uri.partition(":")[2].partition("@")[0])
                if self._busy:
                    self._busy -= 1
                    self.story.append("busy")
                    call.reject(486, _now())
                    return
                self.calls += 1
                self.call = call
                self._fax.hang_up()
                self._fax.close()
                self._fax = self._end(AudioFax)
                self._sender, self._receiver = Sender(), Receiver()
                self._image_after = 1.0 if self._image_after is not None else None
                call.ringing(_now())
                call.answer(self._sound(), _now())
                assert call.remote_sdp is not None
                self._peer = remote_address(parse_sdp(call.remote_sdp))
                self._answered_at = time.monotonic()
                self.story.append("answered")
            case sip.CallEnded() if self._peer is not None:
                self._over()
            case sip.CallEnded():
                pass
            case _:
                super()._heard(event)


def _udp() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


def _now() -> int:
    return time.monotonic_ns() // 1000
