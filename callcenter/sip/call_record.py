"""A call written down, and taken up again by another process.

Sources: RFC 3261 12.2.1.1 (CSeq may jump), 13.3.1.4, 17.2.1; `record` says what is resumed how.
"""

from typing import TYPE_CHECKING

from callcenter.domain.units import Micros
from callcenter.sip.call_states import CallState
from callcenter.sip.core import sdp_of
from callcenter.sip.dialog import Dialog
from callcenter.sip.errors import SipError
from callcenter.sip.events import CallReinvited
from callcenter.sip.invite_in import IncomingInvite
from callcenter.sip.invite_out import OutgoingInvite
from callcenter.sip.message import Request, parse_message
from callcenter.sip.record import NUMBERS_SKIPPED, DialogRecord, octets, text

if TYPE_CHECKING:
    from callcenter.sip.call import Call

_UNANSWERED = (CallState.PROCEEDING, CallState.EARLY, CallState.ANSWERED)


def record_of(call: "Call") -> DialogRecord:
    """The call as it must be stored before what it wants to send may leave."""
    incoming, outgoing, dialog = call.incoming, call.outgoing, call.dialog
    invite = answer = reinvite = b""
    if call.role == "uas" and incoming is not None and call.state in _UNANSWERED:
        invite, answer = incoming.octets, incoming.transaction.last
    elif outgoing is not None and (dialog is None or call.state is CallState.ANSWERED):
        invite = outgoing.octets
    elif incoming is not None and incoming.is_open:
        reinvite = incoming.octets
    return DialogRecord(
        id=call.id,
        role=call.role,
        state=str(call.state),
        call_id=octets(call.call_id),
        local_tag=call.id,
        remote_tag=octets(call.remote_tag),
        local=octets(dialog.local) if dialog else b"",
        remote=octets(dialog.remote) if dialog else b"",
        target=octets(dialog.target) if dialog else b"",
        routes=[octets(route) for route in dialog.routes] if dialog else [],
        local_number=dialog.local_number if dialog else 0,
        remote_number=dialog.remote_number if dialog else -1,
        flow=call.flow,
        local_sdp=call.local_sdp,
        remote_sdp=call.remote_sdp,
        invite=invite,
        answer=answer,
        ack=call.ack,
        reinvite=reinvite,
        cancelling=bool(outgoing and outgoing.cancelling),
        reason=next((octets(value) for name, value in call.farewell if name == "Reason"), b""),
        timer_seconds=call.timer.seconds,
        timer_refresher=call.timer.refresher,
        takes_update=call.timer.takes_update,
    )


def take_up(call: "Call", record: DialogRecord, now: Micros) -> None:
    """Go on with the call where `record` left it.

    Raises:
        SipError: where the record holds no message where one should be.
    """
    call.state = CallState(record.state)
    if call.state is CallState.ENDED:
        raise SipError(500, "a record of a call that is over")
    call.local_sdp, call.remote_sdp = record.local_sdp, record.remote_sdp
    call.ack = record.ack
    call.farewell = (("Reason", text(record.reason)),) if record.reason else ()
    if record.remote:
        call.dialog = _dialog_of(record)
        call.register()
    call.timer.take_up(
        record.timer_seconds, record.timer_refresher, takes_update=record.takes_update, now=now
    )
    invite = _request(record.invite)
    call.first = invite
    if call.role == "uas" and call.state in _UNANSWERED:
        _answer_again(call, _wanted(invite), record, now)
    elif invite is not None:
        _wait_again(call, invite, record, now)
    elif call.state is CallState.ENDING:
        call.state = CallState.CONFIRMED
        call.bye(now, call.farewell)
    elif record.reinvite:
        _ask_again(call, _wanted(_request(record.reinvite)), now)


def _dialog_of(record: DialogRecord) -> Dialog:
    return Dialog(
        call_id=text(record.call_id),
        local_tag=record.local_tag,
        remote_tag=text(record.remote_tag),
        local=text(record.local),
        remote=text(record.remote),
        target=text(record.target),
        routes=[text(route) for route in record.routes],
        local_number=record.local_number + NUMBERS_SKIPPED,
        remote_number=record.remote_number,
    )


def _answer_again(call: "Call", invite: Request, record: DialogRecord, now: Micros) -> None:
    transaction = call.core.layer.open(invite, call.flow, None, now)
    call.incoming = IncomingInvite(call.core, call, invite, transaction, call.id)
    if record.answer:
        call.incoming.resume(record.answer, now)


def _wait_again(call: "Call", invite: Request, record: DialogRecord, now: Micros) -> None:
    call.outgoing = OutgoingInvite(call.core, call, invite, call.flow)
    if call.state is CallState.ANSWERED:
        call.outgoing.is_open = False
        return
    heard = call.state is not CallState.CALLING  # an INVITE that is cancelled is not sent again
    call.outgoing.resume(now, heard=heard, cancelling=record.cancelling)


def _ask_again(call: "Call", reinvite: Request, now: Micros) -> None:
    core = call.core
    call.incoming = IncomingInvite.received(core, call, reinvite, call.flow, call.id, now)
    core.tell(CallReinvited(call, sdp_of(reinvite)))


def _request(data: bytes) -> Request | None:
    message = parse_message(data) if data else None
    return message if isinstance(message, Request) else None


def _wanted(request: Request | None) -> Request:
    if request is None:
        raise SipError(500, "a record without its INVITE")
    return request
