"""One end of one fax: receives pages into a file, or sends those of one.

    G.711     `hear(samples)` and `speak() → samples`, 160 of each every 20 ms
    T.38      `hear_packet(sequence, packet)`, and `step()` every 20 ms; packets leave by `packets`

Why: the sender holds a page to be delivered once he has our MCF, so a page must be on the disk
before that. The library writes a page to its file and then calls back (phase D), before it says
MCF: there the file is made to last and `keep` notes the page. When either fails, this end falls
silent for good: no MCF leaves, and the sender knows that the page did not arrive.

Time is counted in samples that pass through, so a fax of a minute takes as long as its arithmetic.

Sources: ITU-T T.30 (phases B to E, MCF), T.4 and T.6 (pages), T.38 (packets), T.31 none.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from callcenter.adapters.fax.spandsp import library

FRAME = 160
"""Samples in 20 ms."""
OK = 0
DROPPED = 49
"""The library's code for a call that ended in the middle."""
NOT_KEPT = -1
"""Our own: a page could not be made to last."""

IDENT_MAX, HEADER_MAX, SUB_ADDRESS_MAX = 20, 50, 20

_V27TER, _V29, _V17 = 1, 2, 4
_T4_1D, _T4_2D, _T6 = 2, 4, 8
_STANDARD, _FINE, _SUPERFINE = 1, 2, 4
_R200, _R300 = 0x20000, 0x40000
_IMAGE_SIZES = 1 | 2 | 4 | 0x10000 | 0x20000 | 0x40000
_IDENTIFICATION, _SUB_ADDRESSING = 0x01, 0x10
_ENCODING_T6 = 3
_TRANSFERRED_TCF = 2
_STATS_INTS = 64
_INDICATOR_COPIES = 3


class FaxTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How one end presents itself and what it can."""

    ident: str = ""
    """Our number, shown on the other machine (CSI or TSI)."""
    header: str = ""
    """The line on top of each page that is sent; empty prints none."""
    timezone: str = ""
    sub_address: str = ""
    """Sent to a machine that routes by it."""
    ecm: bool = True
    v17: bool = True


class FaxReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a fax went, or goes."""

    code: int
    text: str
    pages: int
    ident: str = ""
    sub_address: str = ""
    bit_rate: int = 0
    ecm: bool = False
    bad_rows: int = 0
    retries: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every page of it came over."""
        return self.code == OK


Keep = Callable[[int, Path], None]
"""Notes that page N is in the file; raises `OSError` when it cannot."""


def _keep_nothing(_page: int, _file: Path) -> None:
    pass


def _begun_nothing() -> None:
    pass


class Terminal:
    """What G.711 and T.38 have in common: the T.30 machine and its file.

    Attributes:
        pages: kept (receiving) or acknowledged by the other end (sending).
        report: set once, at the end.
    """

    def __init__(
        self, terms: FaxTerms, *, receive: Path | None = None, send: Path | None = None,
        keep: Keep = _keep_nothing, first: int = 0, begun: Callable[[], None] = _begun_nothing,
    ) -> None:  # fmt: skip
        """`first` pages of the file to be sent are there already; `begun` is called when another
        machine has spoken."""
        self._ffi, self._lib = library()
        self._first = first
        self._begun = begun
        self.terms = terms
        self.receives = receive is not None
        self._file = receive or send or Path()
        self._keep = keep
        self._handle = self._ffi.new_handle(self)
        self._failed = False
        self._frozen: FaxReport | None = None
        self.pages = 0
        self.report: FaxReport | None = None
        self._t30: Any = None

    # ---- the T.30 machine -----------------------------------------------------------------

    def _prepare(self, t30: Any) -> None:
        lib, terms = self._lib, self.terms
        self._t30 = t30
        lib.t30_set_tx_ident(t30, _text(terms.ident, IDENT_MAX))
        lib.t30_set_ecm_capability(t30, terms.ecm)
        lib.t30_set_supported_modems(t30, _V27TER | _V29 | (_V17 if terms.v17 else 0))
        lib.t30_set_supported_compressions(t30, _T4_1D | _T4_2D | _T6)
        lib.t30_set_supported_resolutions(t30, _STANDARD | _FINE | _SUPERFINE | _R200 | _R300)
        lib.t30_set_supported_image_sizes(t30, _IMAGE_SIZES)
        lib.t30_set_supported_t30_features(t30, _IDENTIFICATION | _SUB_ADDRESSING)
        lib.t30_set_rx_encoding(t30, _ENCODING_T6)
        path = os.fsencode(self._file)
        if self.receives:
            lib.t30_set_rx_file(t30, path, -1)
        else:
            lib.t30_set_tx_file(t30, path, self._first or -1, -1)
            lib.t30_set_tx_page_header_info(t30, _text(terms.header, HEADER_MAX))
            if terms.timezone:
                lib.t30_set_tx_page_header_tz(t30, terms.timezone.encode())
            if terms.sub_address:
                lib.t30_set_tx_sub_address(t30, _text(terms.sub_address, SUB_ADDRESS_MAX))
        calls = _callbacks()
        lib.t30_set_phase_b_handler(t30, calls.phase_b, self._handle)
        lib.t30_set_phase_d_handler(t30, calls.phase_d, self._handle)
        lib.t30_set_phase_e_handler(t30, calls.phase_e, self._handle)

    def page_over(self) -> None:
        """Phase D: a page is in the file (receiving) or the other end has it (sending)."""
        pages = self._statistics()[3 if self.receives else 2]
        if pages <= self.pages or self._failed:
            return
        if self.receives:
            try:
                _make_last(self._file)
                self._keep(pages, self._file)
            except OSError:
                self._failed = True
                self._frozen = self._report(NOT_KEPT, "a page could not be kept")
                return
        else:
            self._keep(pages, self._file)
        self.pages = pages

    def spoken(self) -> None:
        """Phase B: the other end is a fax machine."""
        self._begun()

    def ended(self, code: int) -> None:
        """Phase E."""
        if self.report is None and not self._failed:
            text = self._ffi.string(self._lib.t30_completion_code_to_str(code))
            self.report = self._report(code, text.decode("ascii", "replace"))

    def _report(self, code: int, text: str) -> FaxReport:
        lib, numbers = self._lib, self._statistics()
        return FaxReport(
            code=code,
            text=text,
            pages=self.pages,
            ident=self._said(lib.t30_get_rx_ident(self._t30)),
            sub_address=self._said(lib.t30_get_rx_sub_address(self._t30)),
            bit_rate=numbers[0],
            ecm=bool(numbers[1]),
            bad_rows=numbers[11],
            retries=numbers[13],
        )

    def _said(self, text: Any) -> str:
        """What the other end said of itself, printable."""
        if text == self._ffi.NULL:
            return ""
        said = self._ffi.string(text).decode("latin-1").strip()
        return "".join(c for c in said if c.isprintable())[:IDENT_MAX]

    def _statistics(self) -> Any:
        numbers = self._ffi.new("int[]", _STATS_INTS)
        self._lib.t30_get_transfer_statistics(self._t30, numbers)
        return numbers

    # ---- for both -------------------------------------------------------------------------

    @property
    def is_silent(self) -> bool:
        """Whether nothing more is said, because a page could not be kept."""
        return self._failed

    @property
    def is_over(self) -> bool:
        """Whether the T.30 machine has said and heard its last."""
        if self._failed:
            return True
        return self.report is not None and not self._lib.t30_call_active(self._t30)

    def hang_up(self) -> FaxReport:
        """The call is over, from whichever side; the report."""
        if self._frozen is not None:
            self.report = self._frozen
        elif self.report is None:
            self._lib.t30_terminate(self._t30)
            self.ended(DROPPED)
        assert self.report is not None
        return self.report

    def close(self) -> None:
        """Free it. The file is complete up to its last page."""


class AudioFax(Terminal):
    """A fax in the sound of a call, 8,000 linear samples a second, 16 bits, native order."""

    def __init__(
        self, terms: FaxTerms, *, receive: Path | None = None, send: Path | None = None,
        keep: Keep = _keep_nothing, first: int = 0, begun: Callable[[], None] = _begun_nothing,
    ) -> None:  # fmt: skip
        super().__init__(terms, receive=receive, send=send, keep=keep, first=first, begun=begun)
        self._fax = self._lib.fax_init(self._ffi.NULL, send is not None)
        self._lib.fax_set_transmit_on_idle(self._fax, 1)
        self._prepare(self._lib.fax_get_t30_state(self._fax))
        self._buffer = self._ffi.new("int16_t[]", FRAME)
        self._view = self._ffi.buffer(self._buffer)

    def hear(self, samples: bytes) -> None:
        """Linear samples of the other end."""
        if self._failed:
            return
        ffi = self._ffi
        heard = ffi.from_buffer("int16_t[]", bytearray(samples))
        self._lib.fax_rx(self._fax, heard, len(samples) // 2)

    def miss(self, samples: int) -> None:
        """So many samples were lost on the way; their time passes."""
        if not self._failed:
            self._lib.fax_rx_fillin(self._fax, samples)

    def speak(self) -> bytes:
        """The next 20 ms of ours."""
        made = 0 if self._failed else self._lib.fax_tx(self._fax, self._buffer, FRAME)
        said = bytes(self._view[: made * 2])
        return said + bytes(FRAME * 2 - len(said))

    def close(self) -> None:
        if self._fax is not None:
            self._lib.fax_free(self._fax)
            self._fax = None


class ImageFax(Terminal):
    """A fax in T.38 packets. `packets` holds those to send, each with how often."""

    def __init__(
        self, terms: FaxTerms, *, receive: Path | None = None, send: Path | None = None,
        keep: Keep = _keep_nothing, first: int = 0, begun: Callable[[], None] = _begun_nothing,
    ) -> None:  # fmt: skip
        super().__init__(terms, receive=receive, send=send, keep=keep, first=first, begun=begun)
        lib = self._lib
        self.packets: list[tuple[bytes, int]] = []
        made = lib.t38_terminal_init(
            self._ffi.NULL, send is not None, _callbacks().packet, self._handle
        )
        self._terminal = made
        self._core = lib.t38_terminal_get_t38_core_state(made)
        lib.t38_set_t38_version(self._core, 0)
        lib.t38_set_data_rate_management_method(self._core, _TRANSFERRED_TCF)
        lib.t38_set_redundancy_control(self._core, 0, _INDICATOR_COPIES)
        self._prepare(lib.t38_terminal_get_t30_state(made))

    def hear_packet(self, sequence: int, packet: bytes) -> None:
        """One packet of the other end, in order."""
        if packet and not self._failed:
            self._lib.t38_core_rx_ifp_packet(self._core, packet, len(packet), sequence)

    def step(self, samples: int = FRAME) -> list[tuple[bytes, int]]:
        """Let time pass; the packets that are due, each with how often it is to be sent."""
        if not self._failed:
            self._lib.t38_terminal_send_timeout(self._terminal, samples)
        due, self.packets = self.packets, []
        return [] if self._failed else due

    def close(self) -> None:
        if self._terminal is not None:
            self._lib.t38_terminal_free(self._terminal)
            self._terminal = None


def _make_last(file: Path) -> None:
    """Have the kernel write it to the disk."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _text(text: str, limit: int) -> bytes:
    return text.encode("ascii", "replace")[:limit]


class _Callbacks:
    """One C function for each kind of call; whose it is, the handle says."""

    def __init__(self) -> None:
        ffi, _ = library()
        kind = "int(t30_state_t *, void *, int)"
        self.phase_b: Any = ffi.callback(kind, self._phase_b)
        self.phase_d: Any = ffi.callback("int(t30_state_t *, void *, int)", self._phase_d)
        self.phase_e: Any = ffi.callback("void(t30_state_t *, void *, int)", self._phase_e)
        kind = "int(t38_core_state_t *, void *, const uint8_t *, int, int)"
        self.packet: Any = ffi.callback(kind, self._packet)

    @staticmethod
    def _phase_b(_t30: Any, handle: Any, _result: int) -> int:
        library()[0].from_handle(handle).spoken()
        return 0

    @staticmethod
    def _phase_d(_t30: Any, handle: Any, _result: int) -> int:
        library()[0].from_handle(handle).page_over()
        return 0

    @staticmethod
    def _phase_e(_t30: Any, handle: Any, code: int) -> None:
        library()[0].from_handle(handle).ended(code)

    @staticmethod
    def _packet(_core: Any, handle: Any, octets: Any, size: int, count: int) -> int:
        ffi = library()[0]
        ffi.from_handle(handle).packets.append((bytes(ffi.buffer(octets, size)), max(count, 1)))
        return 0


_MADE: list[_Callbacks] = []


def _callbacks() -> _Callbacks:
    """Made once, kept for ever: the library holds their addresses."""
    if not _MADE:
        _MADE.append(_Callbacks())
    return _MADE[0]
