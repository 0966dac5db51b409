"""A call that both ends must confirm from time to time, or it is over.

    INVITE with Session-Expires below 90        422, and Min-SE says what we take
    INVITE with Session-Expires                 200 with it, and who refreshes: who they named, else they
    2xx of theirs with Session-Expires          taken as it stands
    refreshed by us, at half of it              UPDATE if they take it, else re-INVITE with what was agreed
    refreshed by them                           the time begins anew
    not refreshed                               BYE, a little before the end (10)

Why: a trunk that lost its side of a call says nothing, and whoever waits with music sends perhaps no
sound that could stop. Trunks ask for it, and drop calls of those who do not answer. We ask for none
ourselves: our own pulse is quicker.

A refusal with 422 is answered with what was asked for; no answer, 408 or 481 end the call.

Sources: RFC 4028 (5 UAC, 7 and 8 refreshes, 9 UAS, 10 BYE), RFC 3311.
"""

from typing import TYPE_CHECKING, Literal

from callcenter.domain.units import SECOND, Micros
from callcenter.sip.call_states import CallState
from callcenter.sip.core import Core, HeaderFields
from callcenter.sip.errors import SipError
from callcenter.sip.message import Request, Response
from callcenter.sip.transaction import Transaction

if TYPE_CHECKING:
    from callcenter.sip.call import Call

MIN_SE_SECONDS = 90
"""RFC 4028 5: the least that anybody may ask for."""
EXPIRES_SECONDS_MAX = 86_400
MARGIN_SECONDS_MAX = 32
AGAIN: Micros = 5 * SECOND
"""A refresh that met a change of theirs is tried again so much later."""
MISSED = ("Reason", 'Q.850;cause=102;text="Session timer ran out"')

Refresher = Literal["", "us", "them"]


def asked_for(message: Request | Response) -> tuple[int, str]:
    """Seconds and the refresher that a message names; 0 where it names none.

    Raises:
        SipError: 400 where the seconds are none.
    """
    value = message.headers.get("Session-Expires")
    if not value:
        return 0, ""
    seconds, *params = (part.strip(" \t").lower() for part in value.split(";"))
    if not (seconds.isascii() and seconds.isdigit()):
        raise SipError(400, "malformed Session-Expires")
    named = next((p.partition("=")[2].strip() for p in params if p.startswith("refresher")), "")
    return min(int(seconds), EXPIRES_SECONDS_MAX), named


def refusal(request: Request) -> HeaderFields | None:
    """Fields of the 422 for a time that is too short; None where there is nothing to refuse."""
    seconds, _ = asked_for(request)
    return (("Min-SE", str(MIN_SE_SECONDS)),) if 0 < seconds < MIN_SE_SECONDS else None


class SessionTimer:
    """What was agreed for one call, and when it is due."""

    __slots__ = ("_call", "_core", "due", "refresher", "seconds", "takes_update")

    def __init__(self, core: Core, call: "Call") -> None:
        self._core = core
        self._call = call
        self.seconds = 0
        """0 where nothing was agreed."""
        self.refresher: Refresher = ""
        self.takes_update = False
        """Whether they take UPDATE."""
        self.due: Micros | None = None

    # ---- agreeing -------------------------------------------------------------------------

    def accepts(self, request: Request, now: Micros) -> HeaderFields:
        """They sent INVITE or UPDATE, and our 2xx goes out: its fields. The time begins."""
        self.hears_of(request)
        seconds, named = asked_for(request)
        if not seconds:
            self._none()
            return ()
        supports = "timer" in (option.lower() for option in request.values("Supported"))
        self.seconds = seconds
        they = named == "uac" or (named != "uas" and supports)
        self.refresher = "them" if they else "us"
        self._begin(now)
        who = "uac" if they else "uas"
        fields = [("Session-Expires", f"{seconds};refresher={who}")]
        if they:
            fields.append(("Require", "timer"))
        return fields

    def _none(self) -> None:
        """Who changes a call without a word of time wants it to last as long as it lasts (7.4)."""
        self.seconds, self.refresher, self.due = 0, "", None

    def accepted(self, response: Response, now: Micros) -> None:
        """Their 2xx to an INVITE or UPDATE of ours."""
        self.hears_of(response)
        try:
            seconds, named = asked_for(response)
        except SipError:
            seconds, named = 0, ""
        if not seconds:
            self._none()
            return
        self.seconds = max(seconds, MIN_SE_SECONDS)
        self.refresher = "them" if named == "uas" else "us"
        self._begin(now)

    def hears_of(self, message: Request | Response) -> None:
        """What they can."""
        if "Allow" in message.headers:
            self.takes_update = "UPDATE" in (m.upper() for m in message.values("Allow"))

    def take_up(
        self, seconds: int, refresher: Refresher, *, takes_update: bool, now: Micros
    ) -> None:
        """After a restart: as if it had been refreshed now; half of it is early enough for them."""
        self.seconds, self.refresher, self.takes_update = seconds, refresher, takes_update
        if seconds:
            self._begin(now)

    def _begin(self, now: Micros) -> None:
        seconds = self.seconds
        wait = (
            seconds // 2
            if self.refresher == "us"
            else seconds - min(MARGIN_SECONDS_MAX, seconds // 3)
        )
        self._wake(now + wait * SECOND)

    def _wake(self, when: Micros | None) -> None:
        self.due = when
        self._core.wake(self)

    def stop(self) -> None:
        """The call is over."""
        self.due = None

    # ---- refreshing -----------------------------------------------------------------------

    def fields(self) -> HeaderFields:
        """Of a refresh of ours."""
        if not self.seconds:
            return ()
        who = "uas" if self.refresher == "them" else "uac"
        return (
            ("Supported", "timer"),
            ("Session-Expires", f"{self.seconds};refresher={who}"),
            ("Min-SE", str(MIN_SE_SECONDS)),
        )

    def run_out(self, now: Micros) -> None:
        """Half of it is over, or all of it."""
        self.due = None
        call = self._call
        if call.state is not CallState.CONFIRMED or not self.seconds:
            return
        if self.refresher == "them":
            self._core.count("session_timers_missed")
            call.bye(now, headers=(MISSED,))
        elif call.changes.is_open:
            self._wake(now + AGAIN)
        elif self.takes_update and call.dialog is not None:
            self._update(now)
        elif call.local_sdp is not None:
            call.reinvite(call.local_sdp, now)
            self._begin(now)

    def _update(self, now: Micros) -> None:
        call = self._call
        assert call.dialog is not None
        request = call.dialog.request("UPDATE", self._core.via(call.flow))
        request.headers.set("Contact", self._core.contact(call.flow))
        for name, value in self.fields():
            request.headers.add(name, value)
        self._core.layer.send(request, call.flow, _Refresh(self, request), now)
        self._begin(now)

    def responded(self, response: Response, now: Micros) -> None:
        """What they say to the UPDATE."""
        if self._call.state is not CallState.CONFIRMED:
            return
        if response.status < 300:
            self._core.count("session_timers_refreshed")
            self.accepted(response, now)
        elif response.status == 422:
            wanted = (response.headers.get("Min-SE") or "").partition(";")[0].strip()
            if wanted.isascii() and wanted.isdigit():
                self.seconds = max(self.seconds, min(int(wanted), EXPIRES_SECONDS_MAX))
            self._wake(now)
        elif response.status in (405, 501):
            self.takes_update = False
            self._wake(now)
        elif response.status in (408, 481):
            self.lost(now)
        else:
            self._wake(now + AGAIN)

    def lost(self, now: Micros) -> None:
        """Their end of the dialog is gone."""
        if self._call.state is CallState.CONFIRMED:
            self._call.bye(now, headers=(MISSED,))


class _Refresh:
    """One UPDATE of ours, which the transaction tells of."""

    __slots__ = ("_timer", "request")

    def __init__(self, timer: SessionTimer, request: Request) -> None:
        self._timer = timer
        self.request = request

    def responded(self, _transaction: Transaction, response: Response, now: Micros) -> None:
        if response.status >= 200:
            self._timer.responded(response, now)

    def unanswered(self, _transaction: Transaction, _status: int, now: Micros) -> None:
        self._timer.lost(now)
