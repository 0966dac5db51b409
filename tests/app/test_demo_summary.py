"""What the demo calls a success: nothing lost, nobody unaccounted for, everybody heard."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callcenter.app.demo.center import CHAT
from callcenter.app.demo.command import PAGE, all_contacts
from callcenter.app.demo.summary import complaints, summarize
from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from callcenter.app.phones.people import Heard

EPOCH = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Run:
    """One run of the demo as both sides tell it; nothing is wrong until a test makes it so."""

    def __init__(self, conversations: int = 20) -> None:
        self.callers: list[Heard] = []
        self.agents: list[Heard] = []
        self.contacts: list[dict[str, Any]] = []
        self.chats: list[dict[str, Any]] = []
        self.late_frames = 0
        self.answered = self.abandoned = self.waiting = 0
        for _ in range(conversations):
            self.converse()

    def call(self, outcome: str, **more: Any) -> Heard:
        """A call as its caller tells it."""
        number = len(self.callers)
        start = 10.0 * number
        caller = Heard(
            f"+1555{number:07d}", CALLER_TONES[number % 16], start, answered=start, ended=start + 9,
            outcome=outcome, placed_at=EPOCH.timestamp() + start, **more,
        )  # fmt: skip
        self.callers.append(caller)
        return caller

    def contact(self, result: str, reason: str, **more: Any) -> dict[str, Any]:
        """The latest call as the center tells it."""
        caller = self.callers[-1]
        arrived = datetime.fromtimestamp(caller.placed_at + 0.1, UTC)
        row: dict[str, Any] = {
            "contact": f"c{len(self.contacts)}", "state": "ended", "caller": f"••• {caller.who[-3:]}",
            "agent": "", "arrived": arrived.isoformat(), "talked_seconds": 0.0,
            "ended": (arrived + timedelta(seconds=9)).isoformat(), "result": result,
            "reason": reason, **more,
        }  # fmt: skip
        self.contacts.append(row)
        return row

    def converse(self, seconds: float = 8.0, windows: int = 70) -> tuple[Heard, Heard]:
        """A call that an agent answers; they hear each other for `windows` x 100 ms."""
        caller = self.call("talked" if windows else "left")
        agent = Heard("anna", AGENT_TONES[0], caller.started, outcome="talked")
        agent.answered, agent.ended = caller.ended - seconds, caller.ended
        if windows:
            caller.tones, agent.tones = {agent.tone: windows}, {caller.tone: windows}
        self.agents.append(agent)
        self.contact("served", "caller_hung_up", agent="anna", talked_seconds=seconds)
        self.answered += 1
        return caller, agent

    def chat(self, *, whole: bool = True, known: bool = True) -> None:
        """A visitor of the web page chats with an agent."""
        name = f"t{len(self.chats)}"
        self.chats.append({"contact": name, "outcome": "talked", "said": 4, "whole": whole})
        if known:
            self.contacts.append(
                {
                    "contact": name, "state": "ended", "channel": "chat", "caller": "",
                    "agent": "nadia", "arrived": EPOCH.isoformat(), "talked_seconds": 9.0,
                    "ended": EPOCH.isoformat(), "result": "served", "reason": "visitor_left",
                }
            )  # fmt: skip

    def complaints(self, **more: Any) -> list[str]:
        """What the demo would say."""
        return complaints(self.summary(**more))

    def summary(self, placed: int | None = None, failures: tuple[str, ...] = ()) -> dict[str, Any]:
        queue = {
            "offered": self.answered + self.abandoned + self.waiting, "answered": self.answered,
            "abandoned": self.abandoned, "flowed_out": 0, "callbacks": 0, "waiting": self.waiting,
            "answered_in_target": self.answered, "short_abandoned": 0, "asa_seconds": 1.0,
        }  # fmt: skip
        phones = {
            "placed": len(self.callers) if placed is None else placed,
            "callers": [heard.document() for heard in self.callers],
            "agents": [heard.document() for heard in self.agents],
            "chats": self.chats,
            "failures": failures,
            "late_frames": self.late_frames,
        }
        known = sum(row.get("channel") == "chat" for row in self.contacts)
        chats = {**dict.fromkeys(queue, 0), "id": CHAT, "offered": known, "answered": known}
        return summarize([queue, chats], self.contacts, [phones])


def test_a_run_in_which_everybody_was_heard_is_a_success() -> None:
    run = Run()
    run.call("left")
    run.contact("abandoned", "caller_left_in_queue")
    run.abandoned += 1
    assert run.complaints() == []
    assert run.summary()["known"] == run.summary()["placed"] == 21


def test_calls_of_which_the_center_knows_nothing_are_a_complaint() -> None:
    run = Run(conversations=0)
    for _ in range(20):
        run.call("left")
    (complaint,) = run.complaints()
    assert "placed 20 calls, but the center knows 0" in complaint


def test_a_call_that_nobody_tells_of_is_a_complaint() -> None:
    assert any("callers tell of 20" in said for said in Run().complaints(placed=21))


def test_a_refusal_with_a_status_accounts_for_a_call_and_is_said() -> None:
    run = Run()
    run.call("refused 503")
    assert run.complaints() == ["a phone says: refused 503"]


def test_a_call_without_any_answer_is_not_accounted_for() -> None:
    run = Run()
    run.call("refused 0")
    assert any("the center knows 20 of them and refused 0" in said for said in run.complaints())


def test_a_contact_that_nobody_placed_is_a_complaint() -> None:
    run = Run()
    run.contact("abandoned", "caller_left_in_flow")
    assert run.complaints() == ["1 contacts that nobody placed: c20"]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("abandoned", "caller_left_in_queue"),
        ("served", "caller_hung_up"),
        ("failed", "internal"),
    ],
)
def test_callers_who_were_dropped_without_an_agent_are_a_complaint(
    result: str, reason: str
) -> None:
    run = Run(conversations=0)
    for _ in range(20):
        run.call("ended")
        run.contact(result, reason)
    run.abandoned = 20
    assert any("20 callers were cut off before an agent" in said for said in run.complaints())


@pytest.mark.parametrize(
    ("result", "reason"),
    [("flowed_out", "wait_limit"), ("refused", "queue_full"), ("served", "flow_hung_up")],
)
def test_a_caller_whom_the_center_let_go_by_a_rule_is_no_complaint(
    result: str, reason: str
) -> None:
    run = Run()
    run.call("ended")
    run.contact(result, reason)
    assert run.complaints() == []
    assert run.summary()["ended_by"] == {reason: 1}


def test_answered_calls_of_which_callers_know_nothing_are_a_complaint() -> None:
    run = Run()
    run.answered += 3
    assert any("talked 20 times, the center answered 23" in said for said in run.complaints())


def test_silent_conversations_are_not_excused_because_they_were_short() -> None:
    run = Run(conversations=0)
    for _ in range(20):
        run.converse(seconds=0.5, windows=0)
    (complaint,) = run.complaints()
    assert complaint.startswith("20 answered calls shorter than 1 s, more than the 3")


def test_a_few_conversations_may_be_too_short_to_hear() -> None:
    run = Run()
    run.converse(seconds=0.5, windows=0)
    assert run.complaints() == []
    summary = run.summary()
    assert (summary["audio_too_short"], summary["audio_too_short_max"]) == (1, 3)


def test_a_long_conversation_without_audio_is_a_complaint() -> None:
    run = Run()
    caller, agent = run.converse()
    caller.tones, agent.tones = {}, {}
    assert "1 answered calls without audio both ways" in run.complaints()


def test_silence_on_a_busy_machine_is_a_complaint_with_its_cause() -> None:
    run = Run()
    caller, agent = run.converse()
    caller.tones, agent.tones, run.late_frames = {}, {}, 500
    assert "this machine is too busy: it held the phones up for 10.0 s" in run.complaints()


def test_an_agent_whose_phone_is_not_heard_any_more_is_a_complaint() -> None:
    summary = summarize([], [], [], ["anna", "ben"])
    good = Run().summary()
    assert complaints(good) == []
    assert complaints({**good, "unregistered": summary["unregistered"]}) == [
        "2 agents' phones are not heard any more: anna, ben"
    ]


def test_a_contact_that_is_still_alive_after_the_drain_is_a_complaint() -> None:
    run = Run()
    run.contacts[-1] |= {"state": "talking", "ended": None, "result": "", "reason": ""}
    assert run.complaints() == ["1 contacts still active after the drain: c19"]


def test_a_caller_who_still_waits_after_the_drain_is_a_complaint() -> None:
    run = Run()
    run.waiting = 1
    assert run.complaints() == ["1 still waiting after the drain"]


@pytest.mark.parametrize("tone", [CALLER_TONES[5], AGENT_TONES[7]])
def test_a_caller_who_hears_somebody_of_another_call_is_a_complaint(tone: int) -> None:
    run = Run()
    run.callers[0].tones[tone] = 5
    (complaint,) = run.complaints()
    assert complaint.startswith("1 heard somebody of another call: +15550000000 heard")


def test_an_agent_who_hears_two_callers_is_a_complaint() -> None:
    run = Run()
    run.agents[0].tones[CALLER_TONES[9]] = 5
    assert any("anna heard 400 Hz" in said for said in run.complaints())


def test_callers_who_could_not_hang_up_are_a_complaint() -> None:
    run = Run()
    run.call("unfinished")
    run.contact("abandoned", "caller_left_in_queue")
    assert "1 callers could not hang up: +15550000020" in run.complaints()


def test_whoever_was_hung_up_at_the_end_is_accounted_for() -> None:
    run = Run()
    run.call("drained")
    run.contact("abandoned", "caller_left_in_queue")
    run.abandoned += 1
    assert run.complaints() == []
    assert run.summary()["drained"] == 1


def test_a_visitor_who_answers_or_calls_needs_no_tone() -> None:
    run = Run()
    run.call("left")
    run.contact("served", "caller_hung_up", agent="you", talked_seconds=30.0)
    run.contact("served", "caller_hung_up", agent="anna", talked_seconds=9.0, caller="••• 999")
    run.contact("", "", state="waiting", caller="•••", ended=None)
    run.answered, run.waiting = run.answered + 2, run.waiting + 1
    assert run.complaints() == []
    summary = run.summary()
    assert (summary["others"], summary["answered_by_people"]) == (2, 2)


def test_a_contact_whose_number_was_not_written_down_is_found_by_its_time() -> None:
    run = Run()
    run.contacts[7]["caller"] = ""
    assert run.complaints() == []


class Pages:
    """An API that gives at most `PAGE` contacts at a time, as the center's does."""

    def __init__(self, ended: list[dict[str, Any]]) -> None:
        self.ended = sorted(ended, key=lambda row: row["ended"], reverse=True)

    async def read(self, path: str, **query: str) -> Any:
        assert path == "contacts"
        if query["state"] != "ended":
            return {"contacts": []}
        before = query.get("before")
        rows = [
            row for row in self.ended
            if before is None or datetime.fromisoformat(row["ended"]) < datetime.fromisoformat(before)
        ]  # fmt: skip
        return {"contacts": rows[: min(int(query["limit"]), PAGE)]}


def test_a_loss_of_long_ago_is_found_behind_many_pages() -> None:
    run = Run(conversations=3 * PAGE)
    run.contacts[0] |= {"result": "lost", "reason": "owner_lost"}
    run.contacts = asyncio.run(all_contacts(Pages(run.contacts).read))
    assert len(run.contacts) == 3 * PAGE
    assert "1 contacts lost: c0" in run.complaints()


def test_contacts_that_end_at_one_time_are_all_read() -> None:
    run = Run(conversations=PAGE + 50)
    for row in run.contacts[20:80]:
        row["ended"] = EPOCH.isoformat()
    assert len(asyncio.run(all_contacts(Pages(run.contacts).read))) == PAGE + 50


def test_chats_are_no_calls_and_are_told_word_for_word() -> None:
    run = Run()
    run.chat()
    assert run.complaints() == []
    assert (run.summary()["chats"], run.summary()["chats_answered"]) == (1, 1)
    run.chat(whole=False)
    assert run.complaints() == ["1 chats are not word for word what was said"]


def test_a_chat_that_only_one_side_knows_is_told() -> None:
    run = Run()
    run.chat(known=False)
    assert run.complaints()[0] == "visitors tell of 1 chats, the center of 0"
