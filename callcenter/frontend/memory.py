"""What the store keeps of calls and phones, and how they are taken back after a restart.

    arriving:CONTACT       `ArrivingKept`   an INVITE that was only told 100
    call:CONTACT           `CallRecord`     the story so far, the flow's session in it
    call:CONTACT:caller    `LegKept`        her dialog and her media
    call:CONTACT:offer     `OfferRecord`    phones that ring for her: a list, one for each agent
    call:CONTACT:talk      `TalkRecord`     the agent she talks with
    callback:CONTACT       `CallbackRecord` a promise, the phones that ring for it in it
    call:CONTACT:consult   `ConsultRecord`  the colleague whom that agent asks
    fax:NAME               `FaxRecord`      a call that is a fax
    faxout:NAME            `FaxOutRecord`   an attempt to send one
    message:CONTACT        `MessageRecord`  a message that is recorded or kept
    feature:NAME           `FeatureRecord`  an agent's code: let go after a restart
    parting:DIALOG         `DialogRecord`   a BYE or CANCEL that was not answered yet
    phone:AGENT            bindings         where an agent's phones are

Why: media runs in another process and control keeps the place in the queue, so a front end that
finds its dialogs again finds its callers where they were. A record is in the store before the
message that makes a peer rely on it, or the grant is that it follows from (`offer.py`). A 100 is
such a message: who has it repeats her INVITE no more, and would hear nothing until her patience
ends. So the INVITE is kept before, and the next life takes it as if it had come to it.

A record that cannot be read is dropped and counted, never guessed at: control is then told of the
contacts that are left, and ends the others as `owner_lost`.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from callcenter.domain.errors import CallcenterError
from callcenter.domain.termination import Reason
from callcenter.domain.units import AgentId
from callcenter.frontend.call import CallStory
from callcenter.frontend.call_record import ArrivingKept, CallRecord, LegKept
from callcenter.frontend.callback import CallbackRecord, CallbackStory
from callcenter.frontend.consult import ConsultRecord
from callcenter.frontend.endings import ending
from callcenter.frontend.fax import FaxRecord, FaxStory
from callcenter.frontend.fax_out import FaxOutRecord, FaxOutStory
from callcenter.frontend.feature import FeatureRecord
from callcenter.frontend.hands import Hands
from callcenter.frontend.message import MessageRecord, MessageStory
from callcenter.frontend.offer import OfferRecord
from callcenter.frontend.outbound import OutboundStory
from callcenter.frontend.outbound_record import OutboundRecord
from callcenter.frontend.phones import Phones
from callcenter.frontend.talk import Talk, TalkRecord
from callcenter.frontend.turn import Faulted, FeatureClosed
from callcenter.ivr.session import Session
from callcenter.sip.record import decode_record

ARRIVING = "arriving:"
_ARRIVING = msgspec.msgpack.Decoder(ArrivingKept)
_CALL = msgspec.msgpack.Decoder(CallRecord)
_LEG = msgspec.msgpack.Decoder(LegKept)
_OFFERS = msgspec.msgpack.Decoder(list[OfferRecord] | OfferRecord)
"""One by itself where an older version kept it."""
_CONSULT = msgspec.msgpack.Decoder(ConsultRecord)
_TALK = msgspec.msgpack.Decoder(TalkRecord)
_CALLBACK = msgspec.msgpack.Decoder(CallbackRecord)
_OUTBOUND = msgspec.msgpack.Decoder(OutboundRecord)
_FAX = msgspec.msgpack.Decoder(FaxRecord)
_FAX_OUT = msgspec.msgpack.Decoder(FaxOutRecord)
_MESSAGE = msgspec.msgpack.Decoder(MessageRecord)
_FEATURE = msgspec.msgpack.Decoder(FeatureRecord)


def restore(hands: Hands, phones: Phones, records: Mapping[str, bytes]) -> int:
    """Tell every story again from its records; how many could not be."""
    lost = 0
    for key, value in sorted(records.items(), key=_callbacks_first):
        kind, _, name = key.partition(":")
        try:
            if kind == "phone":
                phones.restore(AgentId(name), value)
            elif kind == "feature":
                _let_go(hands, key, value)
            elif kind == "fax":
                _restore_fax(hands, key, name, value)
            elif kind == "faxout":
                _restore_fax_out(hands, key, name, value)
            elif kind == "parting":
                call = hands.endpoint.restore(decode_record(value), hands.now)
                hands.say_good_bye_again(key, call)
            elif kind == "call" and ":" not in name:
                _restore_call(hands, records, name)
            elif kind == "callback":
                _restore_callback(hands, name, value)
            elif kind == "outbound":
                _restore_outbound(hands, name, value)
            elif kind == "message":
                _restore_message(hands, name, value)
        except Exception as unreadable:  # noqa: BLE001 one bad record must not cost the others
            lost += 1
            hands.act(Faulted(unreadable))
            hands.stories.pop(name, None)
            hands.touched.pop(name, None)
            hands.forget(k for k in (key, *_parts(key)) if k in records)
    return lost


def _callbacks_first(record: tuple[str, bytes]) -> bool:
    """And messages: a caller who was not told yet asks for hers."""
    return not record[0].startswith(("callback:", "message:"))


def arriving(hands: Hands, records: Mapping[str, bytes]) -> Iterator[ArrivingKept]:
    """INVITEs of an earlier life that nobody answered; they are kept no more under their names."""
    for key, value in records.items():
        if key.startswith(ARRIVING):
            hands.forget((key,))
            try:
                yield _ARRIVING.decode(value)
            except msgspec.MsgspecError as unreadable:
                hands.act(Faulted(unreadable))


class _Kept(NamedTuple):
    """All records of one call, readable to the last."""

    call: CallRecord
    leg: LegKept
    offers: list[OfferRecord]
    talk: TalkRecord | None
    consult: ConsultRecord | None


def _parts(key: str) -> tuple[str, ...]:
    return (f"{key}:caller", f"{key}:offer", f"{key}:talk", f"{key}:consult")


def _read(records: Mapping[str, bytes], key: str) -> _Kept:
    caller, offer, talk, consult = (records.get(part) for part in _parts(key))
    return _Kept(
        _CALL.decode(records[key]),
        _LEG.decode(caller or b""),
        _offers_in(offer) if offer is not None else [],
        _TALK.decode(talk) if talk is not None else None,
        _CONSULT.decode(consult) if consult is not None else None,
    )


def _offers_in(record: bytes) -> list[OfferRecord]:
    found = _OFFERS.decode(record)
    return found if isinstance(found, list) else [found]


def _restore_call(hands: Hands, records: Mapping[str, bytes], name: str) -> None:
    key = f"call:{name}"
    kept = _read(records, key)
    flow = hands.config.revisions.get(kept.call.revision)
    session = Session.restore(flow, kept.call.session) if flow and kept.call.session else None
    caller = hands.endpoint.restore(kept.leg.dialog, hands.now)
    try:
        agent = hands.endpoint.restore(kept.talk.dialog, hands.now) if kept.talk else None
    except CallcenterError:
        caller.bye(hands.now)
        raise
    story = CallStory(hands, kept.call, caller, kept.leg.media, flow)
    story.session = session
    hands.adopt(story, {k: records[k] for k in (key, *_parts(key)) if k in records})
    hands.follow(caller, story)
    for offer in kept.offers:
        story.ringing.restored(offer)
    if kept.talk is not None and agent is not None:
        hands.follow(agent, story)
        story.talk = Talk(hands, story, story.media, agent, kept.talk)
    if kept.consult is not None:
        story.consult.restored(kept.consult)
    hands.touch(story)
    story.take_up()


def _restore_callback(hands: Hands, name: str, value: bytes) -> None:
    story = CallbackStory(hands, _CALLBACK.decode(value), CallStory)
    hands.adopt(story, {f"callback:{name}": value})
    hands.touch(story)
    story.take_up()


def _restore_outbound(hands: Hands, name: str, value: bytes) -> None:
    """An agent's call that nobody had answered: given up."""
    story = OutboundStory(hands, _OUTBOUND.decode(value), CallStory)
    hands.adopt(story, {f"outbound:{name}": value})
    hands.touch(story)
    story.take_up()


def _restore_fax(hands: Hands, key: str, name: str, value: bytes) -> None:
    """Worker and media engine went on; the call is followed again."""
    record = _FAX.decode(value)
    assert record.dialog is not None
    call = hands.endpoint.restore(record.dialog, hands.now)
    story = FaxStory(hands, name, call, record)
    hands.adopt(story, {key: value})
    hands.follow(call, story)


def _restore_fax_out(hands: Hands, key: str, name: str, value: bytes) -> None:
    story = FaxOutStory(hands, name, _FAX_OUT.decode(value))
    hands.adopt(story, {key: value})
    hands.touch(story)
    story.take_up()


def _restore_message(hands: Hands, name: str, value: bytes) -> None:
    story = MessageStory(hands, _MESSAGE.decode(value))
    hands.adopt(story, {f"message:{name}": value})
    hands.touch(story)
    story.take_up()


def _let_go(hands: Hands, key: str, value: bytes) -> None:
    """A feature call of an earlier life: the agent dials again if she still wants to."""
    record = _FEATURE.decode(value)
    call = hands.endpoint.restore(record.dialog, hands.now)
    row = ending(Reason.OWNER_LOST)
    call.bye(hands.now, headers=(row.reason_header,))
    hands.let_go(call)
    hands.act(FeatureClosed(record.agent, record.code, row.label, row.fault, 0.0))
    hands.ask({"command": "delete", "call-id": record.media.id}, None, None)
    hands.forget([key])
