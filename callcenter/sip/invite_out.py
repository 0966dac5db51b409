"""An INVITE of ours, first or repeated within a call, until every answer to it is dealt with.

    cancelled before any 1xx     nothing is sent yet: a CANCEL that overtakes its INVITE is lost
    cancelled, then 1xx          CANCEL
    cancelled, then 487          as wanted
    cancelled, then 2xx          they crossed: ACK, and the call says BYE
    cancelled, then nothing      given up 64*T1 after the CANCEL
    2xx again                    ACK again, from the same bytes
    2xx of another phone         ACK, and BYE in that phone's dialog: one call, one phone
    401 or 407                   once more with credentials, if we have some
    300-699                      the transaction ACKs it, the call is told

An INVITE whose `InviteNames` are chosen by its sender can be sent again by a process that knows
nothing of the first time: the phone takes it for a repetition, as its branch is the same.

Sources: RFC 3261 17.2.3 (what a repetition is), 13.2.2 (13.2.2.4: 2xx and forks), 9.1 (CANCEL), 8.1.3.5, 22.2.
"""

from typing import TYPE_CHECKING, NamedTuple

from callcenter.domain.units import Micros
from callcenter.sip.client_invite import cancel_of
from callcenter.sip.core import Core, Credentials, HeaderFields, put
from callcenter.sip.dialog import Dialog
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request, Response
from callcenter.sip.reliable import Acknowledger
from callcenter.sip.requests import CHALLENGES_MAX, ClientRequest, with_credentials
from callcenter.sip.transaction import PATIENCE, Transaction

if TYPE_CHECKING:
    from callcenter.sip.call import Call

FORKS_MAX = 16
"""Phones of one INVITE whose 2xx we take care of; those of more are left unanswered."""


class InviteNames(NamedTuple):
    """By what a phone knows an INVITE and its repetitions. Each is a token (letters and digits)."""

    call_id: str
    tag: str
    branch: str


class OutgoingInvite:
    """One INVITE that we sent.

    Attributes:
        request: as it was sent last.
        heard: a provisional answer came.
        is_open: no final answer yet.
        cancelling: we want it no more.
        acks: per To tag the ACK of its 2xx.
        due: when it is given up: a CANCEL had no effect, or a re-INVITE no final answer.
    """

    __slots__ = (
        "_call",
        "_cancel_headers",
        "_cancel_sent",
        "_core",
        "_credentials",
        "_provisionals",
        "_tries",
        "acks",
        "cancelling",
        "due",
        "flow",
        "heard",
        "is_open",
        "request",
        "transaction",
    )

    def __init__(
        self,
        core: Core,
        call: "Call",
        request: Request,
        flow: Flow,
        credentials: Credentials | None = None,
    ) -> None:
        self._core = core
        self._call = call
        self._credentials = credentials
        self._tries = 0
        self._provisionals = Acknowledger(core)
        self._cancel_headers: HeaderFields = ()
        self._cancel_sent = False
        self.request = request
        self.flow = flow
        self.heard = False
        self.is_open = True
        self.cancelling = False
        self.acks: dict[str, bytes] = {}
        self.due: Micros | None = None
        self.transaction: Transaction | None = None

    def start(self, now: Micros) -> None:
        """Send it."""
        self.heard = False
        self.transaction = self._core.layer.send(self.request, self.flow, self, now)

    def resume(self, now: Micros, *, heard: bool, cancelling: bool) -> None:
        """It was sent before a restart: go on waiting, repeat it, or cancel it."""
        self.heard = heard
        layer = self._core.layer
        self.transaction = layer.resume(self.request, self.flow, self, now, proceeding=heard)
        if cancelling:
            self.cancel(self._call.farewell, now)

    @property
    def octets(self) -> bytes:
        """The INVITE as it is stored."""
        if self.transaction is not None and self.transaction.last[:6] == b"INVITE":
            return self.transaction.last
        return self.request.encode()

    # ---- cancelling -----------------------------------------------------------------------

    def cancel(self, headers: HeaderFields, now: Micros) -> None:
        """Want it no more: CANCEL as soon as that may be sent."""
        if self.is_open and not self.cancelling:
            self.cancelling = True
            self._cancel_headers = headers
            self._send_cancel(now)

    def _send_cancel(self, now: Micros) -> None:
        if not self.heard or self._cancel_sent:
            return
        self._cancel_sent = True
        cancel = cancel_of(self.request)
        put(cancel, self._cancel_headers, b"")
        self._core.layer.send(cancel, self.flow, self, now)
        self.give_up_at(now + PATIENCE)

    def give_up_at(self, due: Micros) -> None:
        """Wait no longer than that for a final answer."""
        self.due = due
        self._core.wake(self)

    def run_out(self, now: Micros) -> None:
        """Nothing came in time (9.1 for the CANCEL)."""
        self.due = None
        if self.transaction is not None and self.is_open:
            self._core.layer.forget(self.transaction)
            self.unanswered(self.transaction, 408, now)

    # ---- what comes back ------------------------------------------------------------------

    def responded(self, transaction: Transaction, response: Response, now: Micros) -> None:
        """An answer came (see `ClientUser`); those to the CANCEL and to older tries mean nothing."""
        if transaction is not self.transaction:
            return
        if response.status < 200:
            self.heard = True
            told = self._provisionals.takes(self.request, response, self.flow, now)
            if self.cancelling:
                self._send_cancel(now)
            elif told:
                self._call.invite_progressed(response)
        elif response.status < 300:
            self._succeeded(response, now)
        elif not self._tried_again(response, now):
            self._finish()
            self._call.invite_refused(self, response.status, response, now)

    def _succeeded(self, response: Response, now: Micros) -> None:
        tag = response.to.tag
        if tag in self.acks:
            self._core.send(self.flow, self.acks[tag])
            self._core.count("acks_repeated")
        elif self.is_open:
            self._finish()
            self._call.invite_accepted(self, response, now)
        elif self.acks and len(self.acks) < FORKS_MAX:
            self._core.count("forks_released")
            dialog = Dialog.of_response(self.request, response)
            self.acknowledge(dialog, b"")
            bye = dialog.request("BYE", self._core.via(self.flow))
            ClientRequest(self._core, bye, self.flow, quiet=True).start(now)

    def early_dialog(self, tag: str) -> Dialog | None:
        """The one in which a phone was heard before it answered: its count goes on."""
        return self._provisionals.early.get(tag)

    def acknowledge(self, dialog: Dialog, sdp: bytes) -> None:
        """ACK a 2xx: a request of its own in the dialog (13.2.2.4), with the same credentials."""
        ack = dialog.request("ACK", self._core.via(self.flow), self.request.cseq.number)
        for name in ("Authorization", "Proxy-Authorization"):
            ack.headers.set_all(name, self.request.headers.get_all(name))
        put(ack, (), sdp)
        data = ack.encode()
        self.acks[dialog.remote_tag] = data
        self._core.send(self.flow, data)

    def _tried_again(self, response: Response, now: Micros) -> bool:
        if self.cancelling or self._tries >= CHALLENGES_MAX:
            return False
        again = with_credentials(self.request, response, self._credentials, self._core.new_id())
        if again is None:
            return False
        self._tries += 1
        again.headers.set("CSeq", f"{self._call.next_number()} INVITE")
        again.headers.set("Via", self._core.via(self.flow))
        self.request = again
        self.start(now)
        return True

    def unanswered(self, transaction: Transaction, status: int, now: Micros) -> None:
        """No answer will come (see `ClientUser`)."""
        if transaction is self.transaction and self.is_open:
            self._finish()
            self._call.invite_refused(self, status, None, now)

    def _finish(self) -> None:
        self.is_open = False
        self.due = None
