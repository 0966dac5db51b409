"""A flow file is read and checked: what is good, and what is told about what is not."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.domain.events import QueueExit
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND
from callcenter.ivr import shape
from callcenter.ivr.flow import Known, load_flow
from tests.ivr.flows import EXITS, HEAD, flow_of, problems_of

KNOWN = Known(
    queues=frozenset({"sales", "support"}),
    skills=frozenset({"network", "en", "es"}),
    calendars=frozenset({"office"}),
    agents=frozenset({"ann", "ben"}),
)


def told(nodes: str, rest: str = "", known: Known | None = None) -> str:
    """All problems of a flow with these nodes, as lines; what is never said is not of interest."""
    text = f"{HEAD}{rest}nodes:\n{nodes}\n  end: {{ hangup: normal }}\n"
    return "\n".join(str(p) for p in problems_of(text, known) if "never said" not in str(p))


def test_every_verb_is_read_with_its_settings() -> None:
    flow = flow_of(
        f"""\
  start: {{ say: [hello, wait], interruptible: false, languages: all, next: menu }}
  menu:
    menu: ask
    again: sorry
    timeout: 7s
    keys: {{ "1": help, "*": {{ set: {{ language: es, type: order }}, next: typing }} }}
    no_input: typing
    no_match: help
  typing:
    digits: {{ prompt: number, min: 2, max: 5, finish: none, pause: 1500ms, as: code }}
    next: hours
    no_input: end
    no_match: end
  hours: {{ hours: {{ calendar: office }}, open: find, closed: end, holiday: end }}
  find:
    lookup: {{ by: customer_number, from: code }}
    found: which
    unknown: mark
    on_error: end
  which: {{ when: [ {{ if: customer.tier == 'gold', next: help }} ], else: mark }}
  mark: {{ set: {{ type: other }}, next: help }}
  help: {{ queue: sales, skills: {{ network: 3, $language: 2 }}, priority: 8, {EXITS} }}"""
    )
    menu, typing, find, queue = (flow.nodes[n] for n in ("menu", "typing", "find", "help"))
    assert flow.nodes["start"] == shape.Say(
        name="start", line=11, column=3, prompts=("hello", "wait"), every_language=True,
        interruptible=False, next="menu",
    )  # fmt: skip
    assert isinstance(menu, shape.Menu)
    assert menu.keys["1"] == shape.Choice(next="help")
    assert menu.keys["*"].set == {"language": "es", "type": "order"}
    assert (menu.input_timeout, menu.retries, menu.again) == (7 * SECOND, 2, ("sorry",))
    assert isinstance(typing, shape.Digits)
    assert (typing.minimum, typing.maximum, typing.finish) == (2, 5, "")
    assert typing.digit_timeout == 3 * SECOND // 2
    assert isinstance(find, shape.Lookup)
    assert (find.by, find.variable, find.on_error) == ("customer_number", "code", "end")
    assert isinstance(queue, shape.Queue)
    assert queue.skills == {"network": 3, "$language": 2}
    assert set(queue.ways) == set(QueueExit)
    end = flow.nodes["end"]
    assert isinstance(end, shape.HangUp)
    assert end.reason is Reason.FLOW_HUNG_UP


def test_equal_text_is_an_equal_revision_whatever_the_line_ends() -> None:
    text = f"{HEAD}nodes:\n  start: {{ say: hello, next: end }}\n  end: {{ hangup: normal }}\n"
    one = load_flow(text, "a.yaml")
    other = load_flow(text.replace("\n", "\r\n"), "b.yaml")
    changed = load_flow(text.replace("Hola", "Buenas"), "a.yaml")
    assert one.revision == other.revision != changed.revision


@pytest.mark.parametrize("missing", [exit_.value for exit_ in QueueExit])
def test_a_queue_with_an_exit_not_wired_is_refused(missing: str) -> None:
    exits = ", ".join(part for part in EXITS.split(", ") if not part.startswith(missing))
    assert f"`{missing}` is missing" in told(f"  start: {{ queue: sales, {exits} }}")


@pytest.mark.parametrize("shorthand", ["next: end", "overflow: end", "exits: { full: end }"])
def test_no_shorthand_hides_an_exit_of_a_queue(shorthand: str) -> None:
    words = told(f"  start: {{ queue: sales, {EXITS}, {shorthand} }}")
    assert "is no key of a queue (wire each way out by name: answered, timeout" in words


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ("  start: { say: helo, next: end }",
         'try.yaml:11:17: error: nodes.start.say: unknown prompt \'helo\' (did you mean "hello"?)'),
        ("  start: { say: hello, next: edn }",
         'try.yaml:11:30: error: nodes.start.next: unknown node \'edn\' (did you mean "end"?)'),
        ("  start: { say: hello, nxt: end }", 'unknown key \'nxt\' (did you mean "next"?)'),
        ("  start: { say: hello, next: end, menu: ask }", "`say` and `menu` in one node"),
        ("  start: { sya: hello, next: end }", 'no verb in this node (did you mean "say"?)'),
        ("  start: { survey: csat }",
         "`survey` is not a verb of this version (known verbs: say, menu, digits"),
        ("  start: hello", "a node must be a mapping"),
        ("  start: { menu: ask, keys: { '1': end }, no_match: end }", "`no_input` is missing"),
        ("  start: { menu: ask, keys: { '1': end }, no_input: end }", "`no_match` is missing"),
        ("  start: { menu: ask, keys: { a: end }, no_input: end, no_match: end }",
         "'a' is no key of a phone"),
        ("  start: { menu: ask, keys: {}, no_input: end, no_match: end }", "at least one key"),
        (("  start: { digits: { prompt: ask, min: 5, max: 4, as: x }, next: end, no_input: end, "
         "no_match: end }"), "`min` is more than `max`"),
        (("  start: { digits: { prompt: ask, max: 99, as: x }, next: end, no_input: end, "
         "no_match: end }"), "from 1 to 32"),
        (("  start: { digits: { prompt: ask, max: 9, as: customer }, next: end, no_input: end, "
         "no_match: end }"), "no name of a variable"),
        (("  start: { digits: { prompt: ask, max: 9, as: language }, next: end, no_input: end, "
         "no_match: end }"), "`language` cannot be typed"),
        ("  start: { lookup: { by: shoe_size }, found: end, unknown: end }",
         "cannot look up by 'shoe_size'"),
        ("  start: { lookup: { by: customer_number }, found: end, unknown: end }",
         "unknown typed variable 'customer_number'"),
        ("  start: { when: [ { if: custmer.x, next: end } ], else: end }",
         ('try.yaml:11:26: error: nodes.start.when: unknown variable \'custmer\' '
         '(did you mean "customer"?)')),
        ("  start: { when: [ { if: call.color, next: end } ], else: end }", "unknown fact"),
        ("  start: { when: [ { if: 'a = 1', next: end } ], else: end }",
         "try.yaml:11:29: error: nodes.start.when: condition"),
        ("  start: { when: [], else: end }", "needs 1 to 50 lines"),
        ("  start: { set: { language: fr }, next: end }", "unknown language 'fr'"),
        ("  start: { set: { Big: x }, next: end }", "no name of a variable"),
        ("  start: { set: {}, next: end }", "sets nothing"),
        ("  start: { hangup: norml }", 'no way to hang up (did you mean "normal"?)'),
        ("  start: { say: hello, interruptible: maybe, next: end }", "true or false"),
        (f"  start: {{ queue: sales, skills: {{ network: 11 }}, {EXITS} }}", "from 1 to 10"),
        (f"  start: {{ queue: sales, skills: {{ $colour: 1 }}, {EXITS} }}", "$colour is never set"),
        (f"  start: {{ queue: sales, priority: 11, {EXITS} }}", "from 0 to 10"),
        (f"  start: {{ queue: sales, comfort: silk, {EXITS} }}", "unknown comfort 'silk'"),
        (f"  start: {{ queue: sales, agent: custmer.agent, {EXITS} }}", "unknown variable 'custmer"),
        (f"  start: {{ queue: sales, agent: ann, {EXITS} }}",
         ("nodes.start.agent: unknown variable 'ann' (customer.FIELD, a variable, or 'ann' in "
         "quotes twice: \"'ann'\")")),
        (f"  start: {{ queue: sales, agent: 1 < 2, {EXITS} }}", "must be one name or one text"),
        (f"  start: {{ queue: sales, agent: call.colour, {EXITS} }}", "unknown fact"),
        (f"  start: {{ queue: sales, agent: customer., {EXITS} }}", "a name must follow the dot"),
        (f"  start: {{ queue: sales, language: [en], {EXITS} }}", "must be a text, not a list"),
        (f"  start: {{ queue: sales, prefer: {{ network: 0 }}, {EXITS} }}", "from 1 to 10"),
        (f"  start: {{ queue: sales, exclude: [{', '.join(['customer.a'] * 21)}], {EXITS} }}",
         "more than 20 people"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_place_and_remedy(nodes: str, words: str) -> None:
    assert words in told(nodes)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (f"queue: sale, {EXITS}", "unknown queue 'sale' (did you mean \"sales\"?)"),
        (f"queue: sales, skills: {{ netwrk: 1 }}, {EXITS}", "unknown skill 'netwrk'"),
        (f"queue: sales, prefer: {{ netwrk: 1 }}, {EXITS}", "unknown skill 'netwrk'"),
        (
            f"queue: sales, agent: \"'anne'\", {EXITS}",
            "unknown agent 'anne' (did you mean \"ann\"?)",
        ),
        (f"queue: sales, exclude: [\"'ben'\", \"'bert'\"], {EXITS}", "unknown agent 'bert'"),
        (f"queue: sales, language: \"'fr'\", {EXITS}", "unknown skill 'fr'"),
        ("hours: { calendar: offce }, open: end, closed: end, holiday: end", "unknown calendar"),
    ],
)
def test_names_of_the_configuration_are_checked_when_it_is_given(node: str, words: str) -> None:
    assert words in told(f"  start: {{ {node} }}", known=KNOWN)
    assert "unknown" not in told(f"  start: {{ {node} }}")


def test_a_skill_named_by_a_variable_must_exist_for_every_value() -> None:
    node = f"  start: {{ queue: sales, skills: {{ $language: 2 }}, {EXITS} }}"
    assert "error" not in told(node, known=KNOWN)
    poor = Known(queues=frozenset({"sales"}), skills=frozenset({"en"}))
    assert "$language can be 'es', which is no skill" in told(node, known=poor)


def test_a_queue_may_name_people_languages_and_welcome_skills() -> None:
    node = flow_of(
        f"  start: {{ queue: sales, agent: customer.agent, exclude: [customer.former, \"'ben'\"], "
        f"language: language, prefer: {{ network: 2, $language: 1 }}, {EXITS} }}"
    ).nodes["start"]
    assert isinstance(node, shape.Queue)
    assert node.agent is not None
    assert node.language is not None
    assert (node.agent.text, node.language.text) == ("customer.agent", "language")
    assert [one.text for one in node.exclude] == ["customer.former", "'ben'"]
    assert (node.prefer, node.any_language) == ({"network": 2, "$language": 1}, False)


def test_a_queue_may_take_callers_of_any_language() -> None:
    node = flow_of(f"  start: {{ queue: sales, language: any, {EXITS} }}").nodes["start"]
    assert isinstance(node, shape.Queue)
    assert (node.language, node.any_language) == (None, True)


def test_a_variable_that_names_an_agent_may_hold_only_agents() -> None:
    nodes = f"""\
  start:
    menu: ask
    keys: {{ "1": {{ set: {{ who: ann }}, next: help }}, "2": {{ set: {{ who: zoe }}, next: help }} }}
    no_input: end
    no_match: end
  help: {{ queue: sales, agent: who, {EXITS} }}"""
    assert "who can be 'zoe', which is no agent" in told(nodes, known=KNOWN)
    assert "zoe" not in told(nodes)


def test_typed_digits_name_nobody_so_they_cannot_reach_the_journal() -> None:
    nodes = f"""\
  start: {{ digits: {{ prompt: ask, max: 4, as: pin }}, next: help, no_input: end, no_match: end }}
  help: {{ queue: sales, KEY: pin, {EXITS} }}"""
    for key in ("agent", "language", "exclude"):
        words = told(nodes.replace("KEY", key))
        assert "'pin' holds typed digits, which never leave the call" in words


def test_a_language_that_a_queue_asks_for_and_nobody_can_be_good_at_is_warned_of() -> None:
    asking = Known(
        queues=frozenset({"sales"}), skills=frozenset({"en"}), asking_language=frozenset({"sales"})
    )
    words = told(f"  start: {{ queue: sales, {EXITS} }}", known=asking)
    assert (
        "warning: nodes.start: queue sales asks for the caller's language; es is no skill" in words
    )
    assert "`language: any`" in words
    assert "asks" not in told(f"  start: {{ queue: sales, language: any, {EXITS} }}", known=asking)
    assert "asks" not in told(f"  start: {{ queue: sales, {EXITS} }}", known=KNOWN)


def test_typed_digits_cannot_be_set_so_they_cannot_reach_the_journal() -> None:
    words = told(
        "  start: { digits: { prompt: ask, max: 4, as: pin }, next: mark, no_input: end, "
        "no_match: end }\n  mark: { set: { pin: x }, next: end }"
    )
    assert "'pin' holds typed digits and cannot be set" in words


@pytest.mark.parametrize(
    "nodes",
    [
        "  start: { say: hello, next: start }",
        "  start: { set: { a: b }, next: more }\n  more: { say: hello, next: start }",
        "  start: { menu: ask, keys: { '1': end }, no_input: start, no_match: end }",
        f"  start: {{ queue: sales, {EXITS.replace('full: end', 'full: start')} }}",
        (
            f"  start: {{ queue: sales, {EXITS.replace('closed: end', 'closed: back')} }}\n"
            "  back: { say: wait, next: start }"
        ),
    ],
)
def test_a_circle_without_the_caller_is_refused(nodes: str) -> None:
    assert "goes round without the caller: start →" in told(nodes)


@pytest.mark.parametrize(
    "nodes",
    [
        "  start: { menu: ask, keys: { '1': start }, no_input: end, no_match: start }",
        f"  start: {{ queue: sales, {EXITS.replace('timeout: end', 'timeout: start')} }}",
        f"  start: {{ queue: sales, {EXITS.replace('left: end', 'left: start')} }}",
    ],
)
def test_a_circle_through_a_key_or_a_wait_is_allowed(nodes: str) -> None:
    assert "error" not in told(nodes)


def test_warnings_do_not_refuse_a_flow() -> None:
    keys = ", ".join(f'"{n}": end' for n in range(6))
    words = told(
        f"  start: {{ menu: ask, keys: {{ {keys} }}, no_input: end, no_match: end }}\n"
        "  lost: { say: hello, next: end }"
    )
    assert "a menu of 6 keys" in words
    assert "nodes.lost: no way leads here" in words
    assert "no way leads to a human" in words
    assert "error" not in words


def test_prompts_are_checked_for_language_length_use_and_audio() -> None:
    text = HEAD.replace("{ en: Hello., es: Hola. }", "{ en: Hello. }").replace(
        "en: Press 1 or 2.", f"en: {'very ' * 80}long"
    )
    nodes = "nodes:\n  start: { say: [hello, ask], next: end }\n  end: { hangup: normal }\n"
    lines = "\n".join(str(p) for p in problems_of(text + nodes, Known(audio=frozenset())))
    assert "try.yaml:5:3: error: prompts.hello: has no wording in es" in lines
    assert "prompts.ask: takes more than about 25 s" in lines
    assert "prompts.wait: is never said" in lines
    assert "prompts.ask: has no audio in es" in lines


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("schema: 2\n", "schema: must be 1"),
        ("defaults: { retries: ten }\n", "defaults.retries: must be a whole number"),
        ("defaults: { on_hangup: end }\n", "unknown key 'on_hangup'"),
        ("defaults: { input_timeout: 5 }\n", "write 500ms, 5s or 2m"),
        ("defaults: { on_error: nowhere }\n", "unknown node 'nowhere'"),
        ("comfort: { c: { leave: '12' } }\n", "must be one key"),
        ("comfort: { c: { every: 1s } }\n", "must be a time from 10s to 600s"),
        ("comfort: { c: { announce: [nothing] } }\n", "unknown prompt 'nothing'"),
        ("colour: red\n", "unknown key 'colour'"),
        ("tests: [ { expect: { ended: normal } } ]\n", "`name` is missing"),
        ("tests: [ { name: a, do: [ { dance: 1 } ], expect: { ended: normal } } ]\n",
         "unknown step 'dance'"),
        ("tests: [ { name: a, do: [ { press: 1x } ], expect: { ended: normal } } ]\n",
         "cannot be typed"),
        ("tests: [ { name: a, do: [ { wait: long } ], expect: { ended: normal } } ]\n",
         "must be a time"),
        ("tests: [ { name: a, expect: { visited: [nowhere] } } ]\n", "unknown node 'nowhere'"),
        ("tests: [ { name: a, expect: { ended: happily } } ]\n", "is no ending"),
        ("tests: [ { name: a, given: { calendars: { x: shut } }, expect: { ended: normal } } ]\n",
         "'shut' is not possible here"),
    ],
)  # fmt: skip
def test_the_parts_beside_the_nodes_are_checked_too(rest: str, words: str) -> None:
    assert words in told("  start: { say: hello, next: end }", rest)


def test_all_mistakes_of_a_file_are_told_at_once_in_its_order() -> None:
    problems = problems_of("flow: a b\nentry: x\nlanguages: [en, en]\nnodes:\n  y: { say: z }\n")
    assert [p.line for p in problems] == sorted(p.line for p in problems)
    assert len(problems) == 5


def test_a_flow_of_the_largest_size_is_checked_in_seconds() -> None:
    nodes = [f"  n{i}: {{ say: hello, next: n{i + 1} }}" for i in range(498)]
    begun = time.perf_counter()
    flow = flow_of("  start: { say: hello, next: n0 }\n" + "\n".join([*nodes, ""]).replace(
        "next: n498", "next: end"))  # fmt: skip
    assert len(flow.nodes) == 500
    assert time.perf_counter() - begun < 10


_SHIPPED = (Path(__file__).parents[2] / "ivr_flows" / "main-line.yaml").read_text("utf-8")
_LINES = _SHIPPED.splitlines()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_flow_is_taken_or_refused_and_nothing_else(data: st.DataObject) -> None:
    """Lines of the shipped flow are dropped, doubled, moved in or cut; never a traceback."""
    lines = list(_LINES[100:230])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(
            st.sampled_from(
                [
                    "",
                    lines[at][::-1],
                    lines[at][2:],
                    "  " + lines[at],
                    lines[at] + ": x",
                    "- a",
                    "\t",
                ]
            )
        )
    text = "\n".join(["flow: f", "entry: hours", "languages: [en]", *lines])
    assert all(problem.message for problem in problems_of(text, KNOWN))


_keys = st.sampled_from(
    ["flow", "entry", "languages", "nodes", "prompts", "say", "menu", "keys", "queue", "when", "if",
     "set", "next", "digits", "tests", "do", "expect", "comfort", "1", "x"]
)  # fmt: skip
_trees = st.recursive(
    st.sampled_from(["x", "end", "'1'", "5s", "true", "[]", "{}", '""']),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(_keys, inner, max_size=4).map(
            lambda d: "{" + ", ".join(f'"{k}": {v}' for k, v in d.items()) + "}"
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(_trees, _trees, _trees)
def test_any_tree_is_taken_or_refused_and_nothing_else(one: str, two: str, three: str) -> None:
    text = f"flow: f\nentry: x\nlanguages: [en]\nprompts: {one}\nnodes: {two}\ntests: {three}\n"
    assert problems_of(text, KNOWN)
