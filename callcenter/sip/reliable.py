"""Provisional answers that must arrive: numbered, repeated until a PRACK says so, in both roles.

    we are called     18x with RSeq ──repeated (T1, doubled)──► PRACK ──► 200; the next may follow
                          └── 64*T1 without a PRACK: the INVITE is refused with 504
    we call           18x with RSeq in order ──► PRACK, once for each; a repetition is absorbed

Why: over UDP a 180 may be lost, and some carriers bill, ring or open the voice path by it. We send
them so only where the caller requires it; where we call we say that we can, and do it if they want.

Sources: RFC 3262 3 (server), 4 (client), 5 (offer and answer in PRACK), 7.1 (RSeq), 7.2 (RAck).
"""

from collections import deque
from typing import TYPE_CHECKING

from callcenter.domain.units import Micros
from callcenter.sip.core import Core, sdp_of
from callcenter.sip.dialog import Dialog
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request, Response
from callcenter.sip.transaction import PATIENCE, T1, Transaction

if TYPE_CHECKING:
    from callcenter.sip.call import Call
    from callcenter.sip.invite_in import IncomingInvite

OPTION = "100rel"
EARLY_MAX = 16
"""Early dialogs of one INVITE that are kept: those of more phones are not acknowledged."""
FIRST_NUMBER = 1


def requires(message: Request | Response) -> bool:
    """Whether reliability is required by it."""
    return OPTION in (option.lower() for option in message.values("Require"))


def number_of(message: Request | Response, name: str) -> int:
    """The first number of RSeq or RAck; -1 where there is none."""
    text = (message.headers.get(name) or "").split()
    return int(text[0]) if text and text[0].isascii() and text[0].isdigit() else -1


class Provisionals:
    """Those of one INVITE of theirs, one at a time: the next waits for the PRACK of the last."""

    __slots__ = (
        "_call",
        "_core",
        "_gives_up_at",
        "_invite",
        "_number",
        "_pause",
        "_waiting",
        "due",
    )

    def __init__(self, core: Core, call: "Call", invite: "IncomingInvite") -> None:
        self._core = core
        self._call = call
        self._invite = invite
        self._number = 0
        self._waiting: deque[Response] = deque()
        """The first of them is out and lacks its PRACK."""
        self._pause: Micros = 0
        self._gives_up_at: Micros = 0
        self.due: Micros | None = None

    def send(self, response: Response, now: Micros) -> None:
        """Say it now, or after those that are not acknowledged yet."""
        self._number += 1
        response.headers.set("Require", OPTION)
        response.headers.set("RSeq", str(FIRST_NUMBER + self._number))
        self._waiting.append(response)
        if len(self._waiting) == 1:
            self._begin(now)

    def _begin(self, now: Micros) -> None:
        self._core.layer.answer(self._invite.transaction, self._waiting[0], now)
        self._pause, self._gives_up_at = T1, now + PATIENCE
        self._wake(now + T1)

    def _wake(self, when: Micros | None) -> None:
        self.due = when
        self._core.wake(self)

    def acknowledged(self, prack: Request, transaction: Transaction, now: Micros) -> None:
        """PRACK: 200 for the one that waits, 481 for anything else (3)."""
        sent = self._waiting[0] if self._waiting else None
        wanted = ""
        if sent is not None:
            wanted = f"{sent.headers.get('RSeq')} {self._invite.request.cseq.number} INVITE"
        if sent is None or (prack.headers.get("RAck") or "").split() != wanted.split():
            self._core.reply(transaction, prack, 481, now)
            return
        self._waiting.popleft()
        self._wake(None)
        answer = sdp_of(prack)
        if answer is not None and not self._invite.request.body:
            self._call.remote_sdp = answer
        self._core.reply(transaction, prack, 200, now)
        if self._waiting:
            self._begin(now)

    def run_out(self, now: Micros) -> None:
        """Repeat it, or give the call up."""
        if not self._waiting or not self._invite.is_open:
            self.due = None
        elif now >= self._gives_up_at:
            self.due = None
            self._core.count("provisionals_unacknowledged")
            self._call.unheard(now)
        else:
            self._core.send(self._invite.transaction.flow, self._waiting[0].encode())
            self._core.count("retransmissions_sent")
            self._pause *= 2
            self._wake(min(now + self._pause, self._gives_up_at))

    def stop(self) -> None:
        """A final answer went out: nothing provisional is repeated any more."""
        self._waiting.clear()
        self.due = None


class Acknowledger:
    """The early dialogs of one INVITE of ours: one per phone that rings, each with its own count."""

    __slots__ = ("_core", "_heard", "early")

    def __init__(self, core: Core) -> None:
        self._core = core
        self.early: dict[str, Dialog] = {}
        """By To tag."""
        self._heard: dict[str, int] = {}

    def takes(self, invite: Request, response: Response, flow: Flow, now: Micros) -> bool:
        """Acknowledge a reliable one; False for a repetition or one out of order: not to be told."""
        number, tag = number_of(response, "RSeq"), response.to.tag
        if not requires(response) or number < 0 or not tag:
            return True
        if tag not in self.early and len(self.early) >= EARLY_MAX:
            return False
        before = self._heard.get(tag)
        if before is not None and number != before + 1:
            return False
        self._heard[tag] = number
        dialog = self.early.setdefault(tag, Dialog.of_response(invite, response))
        prack = dialog.request("PRACK", self._core.via(flow))
        prack.headers.add("RAck", f"{number} {invite.cseq.number} INVITE")
        self._core.layer.send(prack, flow, _Prack(prack), now)
        return True


class _Prack:
    """One PRACK of ours; what is said to it changes nothing."""

    __slots__ = ("request",)

    def __init__(self, request: Request) -> None:
        self.request = request

    def responded(self, _transaction: Transaction, _response: Response, _now: Micros) -> None:
        """Absorbed."""

    def unanswered(self, _transaction: Transaction, _status: int, _now: Micros) -> None:
        """The INVITE goes on all the same."""
