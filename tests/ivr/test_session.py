"""One caller in one flow, stepped by hand."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.domain.errors import LocalError
from callcenter.domain.events import QueueExit
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, Micros
from callcenter.ivr.session import (
    STEPS_MAX,
    TYPED_AHEAD_MAX,
    Action,
    AgentTalking,
    AskCalendar,
    AskLookup,
    CalendarState,
    Collected,
    Digit,
    Enqueue,
    Enter,
    Estimated,
    Failed,
    HangUp,
    Input,
    LeaveQueue,
    LookupDone,
    Phase,
    PromptFinished,
    QueueLeft,
    Say,
    Session,
    StopSaying,
)
from callcenter.ivr.shape import Comfort, Flow
from tests.ivr.flows import EXITS, flow_of

MENU = """\
  start:
    menu: ask
    again: sorry
    keys: { "1": end, "2": { set: { language: es, type: order }, next: more } }
    no_input: gone
    no_match: gone
  more: { say: hello, next: second }
  second: { menu: ask, keys: { "1": gone, "#": end }, no_input: end, no_match: end }
  gone: { hangup: timeout }"""

DIGITS = """\
  start:
    digits: { prompt: number, min: 2, max: 4, finish: "#", timeout: 6s, pause: 2s, retries: 1, as: code }
    next: find
    no_input: gone
    no_match: gone
  find: { lookup: { by: customer_number, from: code }, found: end, unknown: menu }
  menu: { menu: ask, keys: { "#": end }, no_input: gone, no_match: gone }
  gone: { hangup: timeout }"""

QUEUE = f"""\
  start: {{ say: hello, next: help }}
  help: {{ queue: sales, skills: {{ network: 3, $language: 2 }}, priority: 7, comfort: calm, {EXITS.replace("left: end", "left: start")} }}"""

COMFORT = 'comfort: { calm: { music: harp, every: 30s, announce: [wait, sorry], leave: "*" } }\n'


class Try:
    """A session with a clock in the hand."""

    def __init__(self, flow: Flow, facts: dict[str, object] | None = None) -> None:
        self.flow = flow
        self.now: Micros = 1_000 * SECOND
        self.session = Session(flow, facts=facts or {})
        self.actions = self.session.start(self.now)

    def __call__(self, *inputs: Input) -> list[Action]:
        """Inputs at the same moment; what the last one led to."""
        for one in inputs:
            self.actions = self.session.react(one, self.now)
        return self.actions

    def type(self, keys: str) -> list[Action]:
        found: list[Action] = []
        for key in keys:
            found += self(Digit(key))
        return found

    def after(self, seconds: float) -> list[Action]:
        """Time passes; what the tick led to."""
        self.now += round(seconds * SECOND)
        self.actions = self.session.tick(self.now)
        return self.actions

    def restart(self) -> list[Action]:
        """The process dies and another takes over."""
        self.session = Session.restore(self.flow, self.session.record())
        return self.session.resume(self.now)


def said(actions: list[Action]) -> list[str]:
    return [prompt for action in actions if isinstance(action, Say) for prompt in action.prompts]


def ends_with(actions: list[Action]) -> Reason | None:
    return actions[-1].reason if actions and isinstance(actions[-1], HangUp) else None


def test_a_flow_begins_at_its_entry_and_speaks_the_first_language() -> None:
    call = Try(flow_of("  start: { say: [hello, wait], next: end }"))
    assert call.actions == [
        Enter("start"),
        Say(("try/en/hello", "try/en/wait"), ("Hello.", "Thank you for waiting."), True, 1),
    ]
    assert call(PromptFinished(1)) == [Enter("end"), HangUp(Reason.FLOW_HUNG_UP)]
    assert call.session.phase is Phase.ENDED
    assert call.session.deadline is None


def test_a_prompt_can_be_said_in_every_language_in_turn() -> None:
    call = Try(flow_of("  start: { say: hello, languages: all, next: end }"))
    assert said(call.actions) == ["try/en/hello", "try/es/hello"]


def test_a_key_stops_a_prompt_and_is_kept_for_the_next_menu() -> None:
    call = Try(flow_of(MENU))
    call.type("2")
    assert said(call.actions) == ["try/es/hello"]
    actions = call(Digit("1"))
    assert actions == [
        StopSaying(), Enter("second"), Collected("second", 1), Enter("gone"),
        HangUp(Reason.WAIT_LIMIT),
    ]  # fmt: skip


def test_keys_typed_ahead_answer_menus_without_their_prompts() -> None:
    call = Try(flow_of("  start: { say: hello, next: menu }\n" + MENU.replace("start:", "menu:")))
    actions = call.type("22#")
    assert "try/en/ask" not in said(actions)
    assert call.session.variables == {"language": "es", "type": "order"}


def test_a_prompt_that_may_not_be_interrupted_keeps_the_keys() -> None:
    nodes = "  start: { say: hello, interruptible: false, next: menu }\n"
    call = Try(flow_of(nodes + MENU.replace("start:", "menu:")))
    assert call.type("1") == []
    assert ends_with(call(PromptFinished())) is Reason.FLOW_HUNG_UP


def test_keys_typed_ahead_are_limited() -> None:
    nodes = "  start: { say: hello, interruptible: false, next: more }\n"
    more = "  more: { digits: { prompt: ask, max: 32, finish: none, as: x }, next: last, no_input: end, no_match: end }\n"
    last = "  last: { menu: ask, keys: { '1': end }, no_input: end, no_match: end }"
    call = Try(flow_of(nodes + more + last))
    call.type("1" * (TYPED_AHEAD_MAX + 5))
    actions = call(PromptFinished())
    assert Collected("more", TYPED_AHEAD_MAX) in actions
    assert call.session.node == "last"
    assert call.session.phase is Phase.PROMPTING


def test_silence_in_a_menu_is_asked_again_and_then_leaves_by_no_input() -> None:
    call = Try(flow_of(MENU, "defaults: { input_timeout: 5s, retries: 1 }\n"))
    call(PromptFinished())
    assert call.session.deadline == call.now + 5 * SECOND
    assert call.after(4.9) == []
    assert said(call.after(0.1)) == ["try/en/sorry", "try/en/ask"]
    call(PromptFinished())
    assert call.after(5) == [Enter("gone"), HangUp(Reason.WAIT_LIMIT)]


def test_a_wrong_key_is_asked_again_and_what_was_typed_after_it_is_forgotten() -> None:
    call = Try(flow_of(MENU, "defaults: { retries: 1 }\n"))
    assert said(call(Digit("9"))) == ["try/en/sorry", "try/en/ask"]
    assert said(call(Digit("8"))) == []
    assert ends_with(call.actions) is Reason.WAIT_LIMIT


def test_a_menu_tells_how_many_keys_were_taken_never_which() -> None:
    call = Try(flow_of(MENU))
    assert Collected("start", 1) in call(Digit("2"))


def test_digits_end_by_the_finish_key() -> None:
    call = Try(flow_of(DIGITS))
    assert call.type("12#")[-1] == AskLookup("customer_number", "12")
    assert Collected("start", 2) in call.actions


def test_digits_end_by_a_pause() -> None:
    call = Try(flow_of(DIGITS))
    call.type("123")
    assert call.session.deadline == call.now + 2 * SECOND
    assert call.after(2)[-1] == AskLookup("customer_number", "123")


def test_digits_end_by_the_last_possible_digit_and_a_late_finish_key_is_theirs() -> None:
    call = Try(flow_of(DIGITS))
    assert call.type("1234")[-1] == AskLookup("customer_number", "1234")
    call(LookupDone(found=False))
    assert call(Digit("#")) == []
    assert ends_with(call(Digit("#"))) is Reason.FLOW_HUNG_UP


def test_a_finish_key_typed_ahead_after_the_last_digit_does_not_answer_the_next_menu() -> None:
    call = Try(flow_of("  start: { say: hello, next: ask }\n" + DIGITS.replace("start:", "ask:")))
    call.type("1234#")
    assert said(call(LookupDone(found=False))) == ["try/en/ask"]


def test_a_finish_key_long_after_is_a_key_of_its_own() -> None:
    call = Try(flow_of(DIGITS))
    call.type("1234")
    call(LookupDone(found=False))
    call.now += 3 * SECOND
    assert ends_with(call(Digit("#"))) is Reason.FLOW_HUNG_UP


def test_too_few_digits_are_asked_again_and_then_leave_by_no_match() -> None:
    call = Try(flow_of(DIGITS))
    assert said(call.type("1#")) == ["try/en/number"]
    call(PromptFinished())
    call.type("1")
    assert call.after(2) == [Enter("gone"), HangUp(Reason.WAIT_LIMIT)]


def test_a_lookup_gives_conditions_the_fields_of_the_customer() -> None:
    nodes = """\
  start: { lookup: { by: caller_number }, found: which, unknown: end }
  which: { when: [ { if: "customer.tier == 'gold' and call.caller_registered", next: gold } ], else: end }
  gold: { hangup: left }"""
    call = Try(flow_of(nodes), {"caller_registered": True})
    assert call.actions == [Enter("start"), AskLookup("caller_number", "")]
    actions = call(LookupDone(found=True, fields={"tier": "gold"}, customer="c1"))
    assert ends_with(actions) is Reason.LEFT_BY_KEY


def test_a_calendar_is_asked_by_name_and_always_is_open_without_asking() -> None:
    nodes = "  start: { hours: { calendar: %s }, open: end, closed: shut, holiday: end }\n"
    shut = "  shut: { hangup: closed }"
    call = Try(flow_of(nodes % "office" + shut))
    assert call.actions == [Enter("start"), AskCalendar("office")]
    assert ends_with(call(CalendarState("closed"))) is Reason.QUEUE_CLOSED
    assert ends_with(Try(flow_of(nodes % "always" + shut)).actions) is Reason.FLOW_HUNG_UP


def test_waiting_asks_for_the_queue_with_set_variables_and_no_typed_digit() -> None:
    nodes = f"""\
  start: {{ digits: {{ prompt: number, max: 4, as: pin }}, next: mark, no_input: end, no_match: end }}
  mark: {{ set: {{ type: order }}, next: help }}
  help: {{ queue: sales, skills: {{ network: 3, $language: 2 }}, priority: 7, comfort: calm, {EXITS} }}"""
    call = Try(flow_of(nodes, COMFORT))
    actions = call.type("9876")
    assert actions[-1] == Enqueue(
        queue="sales",
        skills={"network": 3, "en": 2},
        priority=7,
        attributes={"language": "en", "type": "order"},
        comfort=Comfort(music="harp", announce=("wait", "sorry"), leave_key="*"),
    )
    assert "9876" not in repr([a for a in actions if isinstance(a, Enter | Collected | Enqueue)])


OWN_AGENT = """\
  start: { lookup: { by: caller_number }, found: help, unknown: help }
  help:
    queue: sales
    agent: customer.agent
    exclude: [customer.former, "'ben'"]
    language: customer.language
    prefer: { network: 2, $language: 1 }
    answered: end
    timeout: end
    full: end
    unstaffed: end
    closed: end
    left: end"""


def enqueued(call: Try, happened: Input) -> Enqueue:
    asked = call(happened)[-1]
    assert isinstance(asked, Enqueue)
    return asked


def test_a_known_customer_is_led_to_her_own_agent_in_her_language() -> None:
    fields = {"agent": " ann ", "former": "cat", "language": "es"}
    asked = enqueued(Try(flow_of(OWN_AGENT)), LookupDone(found=True, fields=fields))
    assert (asked.agent, asked.exclude, asked.language) == ("ann", ("cat", "ben"), "es")
    assert asked.prefer == {"network": 2, "en": 1}


def test_an_unknown_customer_is_led_to_anybody() -> None:
    asked = enqueued(Try(flow_of(OWN_AGENT)), LookupDone(found=False))
    assert (asked.agent, asked.exclude, asked.language) == ("", ("ben",), "")


def test_a_queue_that_names_no_language_leaves_it_to_the_center() -> None:
    nodes = "  start: {{ queue: sales, {more} {exits} }}"
    plain = Try(flow_of(nodes.format(more="", exits=EXITS))).actions[-1]
    any_one = Try(flow_of(nodes.format(more="language: any,", exits=EXITS))).actions[-1]
    assert isinstance(plain, Enqueue)
    assert isinstance(any_one, Enqueue)
    assert (plain.language, any_one.language) == (None, "")


def test_a_waiting_caller_hears_the_announcements_in_turn() -> None:
    call = Try(flow_of(QUEUE, COMFORT))
    call(PromptFinished())
    assert said(call.after(30)) == ["try/en/wait"]
    call(PromptFinished())
    assert said(call.after(30)) == ["try/en/sorry"]
    assert said(call.after(30)) == ["try/en/wait"]


def test_the_leave_key_leaves_and_other_keys_do_nothing_while_waiting() -> None:
    call = Try(flow_of(QUEUE, COMFORT))
    call(PromptFinished())
    assert call.type("123#") == []
    assert call(Digit("*")) == [LeaveQueue()]
    assert call(Digit("*")) == []
    assert call.session.deadline is None
    assert call(QueueLeft(QueueExit.LEFT))[0] == Enter("start")


def test_an_agent_who_answers_while_the_caller_leaves_wins() -> None:
    call = Try(flow_of(QUEUE, COMFORT))
    call(PromptFinished(), Digit("*"))
    call(AgentTalking())
    assert call.session.phase is Phase.TALKING
    assert ends_with(call(QueueLeft(QueueExit.ANSWERED))) is Reason.FLOW_HUNG_UP


def test_during_a_talk_nothing_is_announced_and_no_key_is_heard() -> None:
    call = Try(flow_of(QUEUE, COMFORT))
    call(PromptFinished())
    call.after(30)
    assert call(AgentTalking()) == [StopSaying()]
    assert call.after(3600) == []
    assert call(Digit("*")) == []


@pytest.mark.parametrize("exit_", list(QueueExit))
def test_every_exit_of_a_queue_leads_on(exit_: QueueExit) -> None:
    call = Try(flow_of(QUEUE, COMFORT))
    call(PromptFinished())
    assert call.session.goes_on_after(exit_) is (exit_ is QueueExit.LEFT)
    entered = call(QueueLeft(exit_))[0]
    assert entered == Enter("start" if exit_ is QueueExit.LEFT else "end")


def test_keys_pressed_while_waiting_do_not_answer_the_menu_after_it() -> None:
    nodes = f"""\
  start: {{ queue: sales, {EXITS.replace("timeout: end", "timeout: menu")} }}
  menu: {{ menu: ask, keys: {{ "1": end }}, no_input: end, no_match: end }}"""
    call = Try(flow_of(nodes))
    call.type("111")
    assert said(call(QueueLeft(QueueExit.TIMEOUT))) == ["try/en/ask"]


def test_a_failing_node_leads_to_its_own_on_error_before_the_flows() -> None:
    nodes = """\
  start: { lookup: { by: caller_number }, found: end, unknown: end, on_error: gone }
  gone: { hangup: left }
  trouble: { hangup: closed }"""
    rest = "defaults: { on_error: trouble }\n"
    assert ends_with(Try(flow_of(nodes, rest))(Failed("table"))) is Reason.LEFT_BY_KEY
    other = nodes.replace(", on_error: gone", "")
    assert ends_with(Try(flow_of(other, rest))(Failed("table"))) is Reason.QUEUE_CLOSED


def test_a_failure_without_on_error_ends_the_call_by_name() -> None:
    call = Try(flow_of("  start: { say: hello, next: end }"))
    assert call(Failed("media")) == [StopSaying(), HangUp(Reason.FLOW_FAILED)]


def test_a_failing_helper_does_not_go_round() -> None:
    rest = "defaults: { on_error: trouble }\n"
    call = Try(
        flow_of("  start: { say: hello, next: end }\n  trouble: { say: sorry, next: end }", rest)
    )
    call(Failed())
    assert call.session.node == "trouble"
    assert ends_with(call(Failed())) is Reason.FLOW_FAILED


@pytest.mark.parametrize("start", ["hours: { calendar: x }, open: end, closed: end, holiday: end",
                                   "lookup: { by: caller_number }, found: end, unknown: end"])  # fmt: skip
def test_an_answer_that_never_comes_is_a_failure(start: str) -> None:
    call = Try(flow_of(f"  start: {{ {start} }}"))
    assert call.after(4) == []
    assert ends_with(call.after(1)) is Reason.FLOW_FAILED


def test_a_prompt_whose_end_is_never_reported_is_a_failure() -> None:
    assert ends_with(Try(flow_of("  start: { say: hello, next: end }")).after(300)) is (
        Reason.FLOW_FAILED
    )


def test_steps_without_the_caller_are_limited() -> None:
    nodes = f"  start: {{ queue: sales, {EXITS.replace('timeout: end', 'timeout: start')} }}"
    call = Try(flow_of(nodes))
    for _ in range(STEPS_MAX - 1):
        assert isinstance(call(QueueLeft(QueueExit.TIMEOUT))[-1], Enqueue)
    assert ends_with(call(QueueLeft(QueueExit.TIMEOUT))) is Reason.FLOW_STEPS_LIMIT


def test_a_key_begins_the_count_of_steps_anew() -> None:
    nodes = f"  start: {{ queue: sales, {EXITS.replace('timeout: end', 'timeout: start')} }}"
    call = Try(flow_of(nodes))
    for _ in range(3 * STEPS_MAX):
        call(Digit("1"))
        assert isinstance(call(QueueLeft(QueueExit.TIMEOUT))[-1], Enqueue)


def test_a_report_about_a_prompt_that_was_stopped_is_ignored() -> None:
    call = Try(flow_of(MENU))
    call(Digit("9"))
    assert call(PromptFinished(1)) == []
    assert call.session.phase.value == "prompting"
    call(PromptFinished(2))
    assert call.session.phase.value == "collecting"


@pytest.mark.parametrize("key", ["", "A", "12", "x", "*#"])
def test_what_is_no_key_of_a_phone_does_nothing(key: str) -> None:
    call = Try(flow_of(MENU))
    assert call(Digit(key)) == []
    assert call.session.phase is Phase.PROMPTING


def test_after_the_end_nothing_happens() -> None:
    call = Try(flow_of("  start: { say: hello, next: end }"))
    call(PromptFinished())
    for one in (Digit("1"), PromptFinished(), Failed(), QueueLeft(QueueExit.FULL), AgentTalking()):
        assert call(one) == []
    assert call.after(9999) == []


def test_a_session_starts_once() -> None:
    call = Try(flow_of(MENU))
    with pytest.raises(LocalError):
        call.session.start(0)


def test_a_restarted_process_goes_on_at_the_same_node_with_what_was_typed() -> None:
    call = Try(flow_of(DIGITS))
    call.type("12")
    deadline = call.session.deadline
    assert call.restart() == []
    assert call.session.deadline == deadline
    assert call.type("3#")[-1] == AskLookup("customer_number", "123")


def test_a_restarted_process_asks_again_what_the_dead_one_asked() -> None:
    call = Try(flow_of(DIGITS))
    call.type("12#")
    assert call.restart() == [AskLookup("customer_number", "12")]
    assert ends_with(call(LookupDone(found=True))) is Reason.FLOW_HUNG_UP


def test_a_restarted_process_keeps_a_waiting_caller_waiting() -> None:
    call = Try(flow_of(QUEUE, COMFORT))
    call(PromptFinished())
    call.after(30)
    assert call.restart() == []
    assert said(call.after(30)) == ["try/en/sorry"]
    assert call(Digit("*")) == [StopSaying(), LeaveQueue()]


def test_a_record_of_another_revision_is_refused() -> None:
    record = Try(flow_of(MENU)).session.record()
    with pytest.raises(LocalError, match="recorded with"):
        Session.restore(flow_of(DIGITS), record)
    for nonsense in (b"", b"x", record[:-1], msgspec.msgpack.encode({"flow": 1})):
        with pytest.raises(LocalError):
            Session.restore(flow_of(MENU), nonsense)


_inputs = st.one_of(
    st.sampled_from("0123456789*#").map(Digit),
    st.integers(0, 4).map(PromptFinished),
    st.sampled_from(list(QueueExit)).map(QueueLeft),
    st.sampled_from(["open", "closed", "shut"]).map(CalendarState),
    st.booleans().map(lambda found: LookupDone(found=found)),
    st.just(AgentTalking()),
    st.builds(Estimated, st.integers(0, 30), st.none() | st.integers(0, 3600 * SECOND)),
    st.just(Failed()),
)
_MIXED = "  start: { say: hello, next: ask }\n" + DIGITS.replace("start:", "ask:").replace(
    "found: end", "found: hours"
) + f"""
  hours: {{ hours: {{ calendar: office }}, open: help, closed: end, holiday: end }}
  help: {{ queue: sales, comfort: calm, {EXITS.replace("left: end", "left: ask")} }}"""  # fmt: skip
_TOLD = COMFORT.replace("[wait, sorry]", "[wait, position, estimated_wait]")
_FLOW = flow_of(_MIXED, _TOLD + "defaults: { on_error: help }\n")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_inputs, st.integers(0, 8)), max_size=40))
def test_any_order_of_inputs_ends_or_waits_and_a_restart_changes_nothing(
    story: list[tuple[Input, int]],
) -> None:
    one, other = Try(_FLOW), Try(_FLOW)
    for happened, pause in story:
        assert other.restart() == [] or other.session.phase is Phase.ASKING
        assert one(happened) == other(happened)
        if one.session.phase is not Phase.ASKING:
            assert one.after(pause) == other.after(pause)
        if one.session.phase is not Phase.ASKING:  # who asks again has its time again
            assert one.session.record() == other.session.record()
        waits = one.session.phase in (Phase.QUEUED, Phase.LEAVING, Phase.TALKING, Phase.ENDED)
        assert waits or one.session.deadline is not None
        hangups = [action for action in one.actions if isinstance(action, HangUp)]
        assert len(hangups) <= 1
