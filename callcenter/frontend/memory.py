"""What the store keeps of calls and phones, and how they are taken back after a restart.

    call:CONTACT           `CallRecord`     the story so far, the flow's session in it
    call:CONTACT:caller    `LegKept`        her dialog and her media
    call:CONTACT:offer     `OfferRecord`    phones that ring for her
    call:CONTACT:talk      `TalkRecord`     the agent she talks with
    feature:NAME           `FeatureRecord`  an agent's code: let go after a restart
    phone:AGENT            bindings         where an agent's phones are

Why: media runs in another process and control keeps the place in the queue, so a front end that
finds its dialogs again finds its callers where they were. A record is in the store before the
message that makes a peer rely on it; a call whose 200 never left has none, and its caller only
sends her INVITE again.

A record that cannot be read is dropped and counted, never guessed at: control is then told of the
contacts that are left, and ends the others as `owner_lost`.
"""

from collections.abc import Mapping

import msgspec

from callcenter.domain.errors import CallcenterError
from callcenter.domain.units import AgentId
from callcenter.frontend.call import CallStory
from callcenter.frontend.call_record import CallRecord, LegKept
from callcenter.frontend.feature import FeatureRecord
from callcenter.frontend.hands import Hands
from callcenter.frontend.offer import Offer, OfferRecord
from callcenter.frontend.phones import Phones
from callcenter.frontend.talk import Talk, TalkRecord
from callcenter.ivr.session import Session

_CALL = msgspec.msgpack.Decoder(CallRecord)
_LEG = msgspec.msgpack.Decoder(LegKept)
_OFFER = msgspec.msgpack.Decoder(OfferRecord)
_TALK = msgspec.msgpack.Decoder(TalkRecord)
_FEATURE = msgspec.msgpack.Decoder(FeatureRecord)


def restore(hands: Hands, phones: Phones, records: Mapping[str, bytes]) -> int:
    """Tell every story again from its records; how many could not be."""
    lost = 0
    for key, value in records.items():
        kind, _, name = key.partition(":")
        try:
            if kind == "phone":
                phones.restore(AgentId(name), value)
            elif kind == "feature":
                _let_go(hands, key, value)
            elif kind == "call" and ":" not in name:
                _restore_call(hands, records, name, value)
        except (msgspec.MsgspecError, CallcenterError, KeyError):
            lost += 1
            hands.forget(
                key
                for key in records
                if key == f"{kind}:{name}" or key.startswith(f"{kind}:{name}:")
            )
    return lost


def _restore_call(hands: Hands, records: Mapping[str, bytes], name: str, value: bytes) -> None:
    record = _CALL.decode(value)
    keys = [f"call:{name}{part}" for part in ("", ":caller", ":offer", ":talk")]
    leg = _LEG.decode(records[keys[1]])
    flow = hands.config.revisions.get(record.revision)
    caller = hands.endpoint.restore(leg.dialog, hands.now)
    story = CallStory(hands, record, caller, leg.media, flow)
    hands.adopt(story, {key: records[key] for key in keys if key in records})
    hands.follow(caller, story)
    if record.session and flow is not None:
        story.session = Session.restore(flow, record.session)
    if keys[2] in records:
        story.offer = Offer.restored(hands, story, _OFFER.decode(records[keys[2]]))
    if keys[3] in records:
        kept = _TALK.decode(records[keys[3]])
        call = hands.endpoint.restore(kept.dialog, hands.now)
        hands.follow(call, story)
        story.talk = Talk(hands, story, story.media, call, kept)
    hands.touch(story)
    story.take_up()


def _let_go(hands: Hands, key: str, value: bytes) -> None:
    """A feature call of an earlier life: the agent dials again if she still wants to."""
    record = _FEATURE.decode(value)
    hands.endpoint.restore(record.dialog, hands.now).bye(hands.now)
    hands.ask({"command": "delete", "call-id": record.media.id}, None, None)
    hands.forget([key])
