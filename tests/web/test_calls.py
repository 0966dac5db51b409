"""What an agent does to her call over HTTP, and what she reads when it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import CallAct, OfferOutcome, Presence
from tests.web.center import Center, events_of, within


async def talking(found: Center, *ready: str) -> dict[str, str]:
    """Ann talks with c1; the header of her session."""
    found.house.presence("ann", Presence.READY)
    await found.call("c1")
    found.house.accept("c1")
    for name in ready:
        found.house.presence(name, Presence.READY)
    await found.catch_up()
    return await found.log_in("ann")


async def post(found: Center, act: str, headers: dict[str, str], **body: Any) -> tuple[int, str]:
    """Status, and the reason of a refusal."""
    answer = await found.client.post(f"/api/v1/agents/ann/call/{act}", json=body, headers=headers)
    document = await answer.json(content_type=None)
    return answer.status, str(document.get("detail", ""))


def test_she_holds_takes_back_and_hangs_up(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        ann = await talking(found)
        for act in ("hold", "resume", "hang-up"):
            assert (await post(found, act, ann))[0] == 200
        asked = events_of(found, e.CallActAsked)
        assert [one.act for one in asked] == [CallAct.HOLD, CallAct.RESUME, CallAct.HANG_UP]
        assert {(one.contact, one.agent, one.by) for one in asked} == {("c1", "ann", "ann")}

    within(tmp_path, story)


def test_she_hands_her_caller_on_to_a_queue_or_to_an_agent(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        ann = await talking(found, "ben")
        assert (await post(found, "transfer", ann, agent="ben"))[0] == 200
        (moved,) = events_of(found, e.ContactTransferred)
        assert (moved.agent, moved.to, moved.by) == ("ann", "ben", "ann")
        status, why = await post(found, "transfer", ann, queue="help")
        assert (status, why) == (409, "agent 'ann' has no call")

    within(tmp_path, story)


def test_the_timeline_says_who_handed_it_on(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        ann = await talking(found)
        await post(found, "transfer", ann, queue="help")
        sue = await found.token("supervisor")
        told = (await found.get("/contacts/c1", **sue))["timeline"]
        assert "ann handed it on to help" in [line["words"] for line in told]

    within(tmp_path, story)


def test_what_cannot_be_is_said_in_words_and_she_keeps_her_call(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        ann = await talking(found)
        refusals = {
            "there is no queue 'x'": {"queue": "x"},
            "there is no agent 'x'": {"agent": "x"},
            "not both": {"agent": "ben", "queue": "help"},
            "not on duty": {"agent": "ben"},
        }
        for words, body in refusals.items():
            status, why = await post(found, "transfer", ann, **body)
            assert status == 409
            assert words in why
        assert found.house.contact("c1").segment

    within(tmp_path, story)


def test_a_mail_is_no_call(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        found.house.presence("ann", Presence.READY)
        found.house.call("m1", channel=Channel.EMAIL)
        found.house.accept("m1")
        await found.catch_up()
        assert (await post(found, "hold", await found.log_in("ann")))[0] == 409

    within(tmp_path, story)


def test_she_finds_to_whom_she_may_hand_on(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        ann = await talking(found, "ben")
        everybody = (await found.get("/agents/ann/call/targets", **ann))["targets"]
        assert [t["agent"] for t in everybody if t["agent"]] == ["ben"]
        assert {t["queue"] for t in everybody if t["queue"]} >= {"sales", "help"}
        found_by_name = (await found.get("/agents/ann/call/targets?find=HEL", **ann))["targets"]
        assert [t["queue"] for t in found_by_name] == ["help"]

    within(tmp_path, story)


def test_she_asks_a_colleague_and_both_desks_tell(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        ann = await talking(found, "ben")
        assert (await post(found, "consult", ann, agent="ben"))[0] == 200
        sue = await found.token("supervisor")
        hers = (await found.get("/agents/ann/desk", **sue))["contact"]
        assert (hers["colleague"], hers["colleague_state"]) == ("Ben", "ringing")
        his = await found.get("/agents/ben/desk", **sue)
        assert (his["contact"], his["offer"]["asked"]) == (None, True)
        found.house.asked_reports("c1", OfferOutcome.ACCEPTED)
        await found.catch_up()
        his = (await found.get("/agents/ben/desk", **sue))["contact"]
        hers = (await found.get("/agents/ann/desk", **sue))["contact"]
        assert (his["colleague"], his["asked"], hers["asked"]) == ("Ann", True, False)
        assert his["segment"] != hers["segment"], "each files her own part"
        for act in ("swap", "conference", "complete"):
            assert (await post(found, act, ann))[0] == 200
        found.house.hand_over("c1")
        await found.catch_up()
        his = (await found.get("/agents/ben/desk", **sue))["contact"]
        assert (his["colleague"], his["asked"]) == ("", False)
        assert (await post(found, "consult-end", ann))[0] == 409

    within(tmp_path, story)


def test_a_colleague_who_is_not_free_is_told_of(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        ann = await talking(found)
        status, why = await post(found, "consult", ann, agent="ben")
        assert status == 409
        assert "not on duty" in why
        assert (await post(found, "consult", ann))[0] == 422

    within(tmp_path, story)


def test_she_sees_what_rings_at_a_colleague_and_picks_it_up(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        found.house.presence("ben", Presence.READY)
        await found.call("c1")
        found.house.presence("ann", Presence.READY)
        await found.catch_up()
        ann = await found.log_in("ann")
        (call,) = (await found.get("/agents/ann/call/waiting", **ann))["calls"]
        assert (call["contact"], call["rings_at"]) == ("c1", "Ben")
        assert "number" not in call
        assert (await post(found, "pick-up", ann, contact="c1"))[0] == 200
        assert found.house.rung("c1") == "ann"
        assert (await post(found, "pick-up", ann, contact="c9"))[0] == 409

    within(tmp_path, story)


# ---- numbers outside ---------------------------------------------------------------------------


def test_a_number_that_is_typed_is_kept_apart_and_the_command_names_it(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        ann = await talking(found)
        found.commands.seen.clear()
        for what in ("transfer", "consult"):
            await post(found, what, ann, number="+34 600 123 456")
        asked = [one for one in found.commands.seen if isinstance(one, c.DialRequested)]
        assert [one.kind for one in asked] == [c.DialKind.TRANSFER, c.DialKind.CONSULT]
        assert {(one.contact, one.agent, one.by, one.duty) for one in asked} == {
            ("c1", "ann", "ann", False)
        }
        assert {found.numbers.known[one.party] for one in asked} == {"+34 600 123 456"}
        assert "600" not in repr(found.commands.seen)

    within(tmp_path, story)


def test_her_own_call_needs_no_caller(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        found.house.presence("ann", Presence.READY)
        ann = await found.log_in("ann")
        found.commands.seen.clear()
        await post(found, "dial", ann, number="+34600123456")
        (asked,) = found.commands.seen
        assert isinstance(asked, c.DialRequested)
        assert (asked.kind, asked.contact) == (c.DialKind.CALL, "")
        await post(found, "dial", ann, duty=True)
        assert found.commands.seen[-1].party == ""  # type: ignore[union-attr]

    within(tmp_path, story)


def test_one_is_named_and_only_one_and_refusals_are_counted(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        ann = await talking(found)
        for body in ({"number": "+34600123456", "duty": True}, {"agent": "ben", "duty": True}):
            assert (await post(found, "transfer", ann, **body))[0] == 422
        assert (await post(found, "dial", ann))[0] == 422
        assert (await post(found, "transfer", ann, number="<script>"))[0] == 422
        status, why = await post(found, "transfer", ann, duty=True)
        assert (status, why) == (409, "nobody is on duty now")
        counted = found.server.tally.transfers
        assert (counted["duty", "refused"], counted["outside", "refused"]) == (2, 1)
        page = found.server.metrics.page().decode()
        assert 'callcenter_transfers_total{kind="duty",result="refused"} 2.0' in page
        await post(found, "transfer", ann, queue="help")
        page = found.server.metrics.page().decode()
        assert 'callcenter_transfers_total{kind="queue",result="made"} 1.0' in page

    within(tmp_path, story)


def test_a_number_that_may_not_be_called_is_not_kept(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        ann = await talking(found)
        status, why = await post(found, "dial", ann, number="+34600123456")
        assert status == 409, why
        assert not [name for name in found.numbers.known if name.startswith("party-desk")]

    within(tmp_path, story)
