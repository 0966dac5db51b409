"""The flows, prompts and examples that come with the program."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from callcenter.domain.termination import RESULT_OF
from callcenter.ivr.estimate import WORDS
from callcenter.ivr.flow import Known, load_flow
from callcenter.ivr.read_nodes import VERBS
from callcenter.ivr.shape import Flow, HangUp
from callcenter.ivr.test import nodes_not_visited, run_tests

FLOWS = Path(__file__).parents[2] / "ivr_flows"
PROMPTS = FLOWS / "prompts"
FILES = sorted(FLOWS.glob("*.yaml"))
MANIFEST = json.loads((PROMPTS / "manifest.json").read_text("utf-8"))["prompts"]
AUDIO = frozenset(name.removesuffix(".au") for name in MANIFEST)
KNOWN = Known(
    queues=frozenset({"sales", "billing", "support", "reception"}),
    skills=frozenset({"sales", "billing", "support", "reception"}),
    calendars=frozenset(),
    audio=AUDIO,
)
SYSTEM = {
    "ready", "not_ready", "logged_out", "wrap_up_ended", "not_allowed", "wrong_code", "closed",
    "technical_problem", "please_wait_agent", "goodbye", *"0123456789",
    "reserved", "talking", "wrap_up", "unreachable",
    "reason_break", "reason_lunch", "reason_training", "reason_meeting", *WORDS,
}  # fmt: skip
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (FLOWS / "README.md").read_text("utf-8"), re.DOTALL)


def shipped(path: Path) -> Flow:
    return load_flow(path.read_text("utf-8"), path.name, KNOWN)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_flow_is_good_without_a_warning_and_keeps_its_tests(path: Path) -> None:
    flow = shipped(path)
    assert flow.name == path.stem
    assert flow.warnings == ()
    assert [(o.name, o.failures) for o in run_tests(flow) if o.failures] == []


def test_the_tests_of_the_main_line_visit_what_does_not_need_a_failure() -> None:
    flow = shipped(FLOWS / "main-line.yaml")
    assert nodes_not_visited(flow, run_tests(flow)) == ["holiday", "trouble"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_prompt_of_a_flow_has_the_audio_of_its_words(path: Path) -> None:
    flow = shipped(path)
    for prompt, wordings in flow.prompts.items():
        assert set(wordings) == {"en", "es", "te"}
        for language, words in wordings.items():
            assert MANIFEST[flow.reference(prompt, language) + ".au"]["text"] == words


def test_the_telephones_own_prompts_have_the_audio_of_their_words() -> None:
    texts = YAML(typ="safe", pure=True).load((PROMPTS / "system.yaml").read_text("utf-8"))
    assert set(texts) == SYSTEM
    for prompt, wordings in texts.items():
        for language, words in wordings.items():
            assert MANIFEST[f"system/{language}/{prompt}.au"]["text"] == words


def test_the_words_of_estimates_are_those_that_are_spoken() -> None:
    for prompt, words in WORDS.items():
        assert MANIFEST[f"system/en/{prompt}.au"]["text"] == words


def test_every_audio_file_is_the_one_of_the_manifest() -> None:
    files = {path.relative_to(PROMPTS).as_posix(): path for path in PROMPTS.rglob("*.au")}
    assert set(files) == set(MANIFEST)
    for name, path in files.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == MANIFEST[name]["sha256"]


def test_every_audio_file_is_u_law_at_8000_hertz_and_neither_silent_nor_cut() -> None:
    for name, record in MANIFEST.items():
        data = (PROMPTS / name).read_bytes()
        magic, offset, size, encoding, rate, channels = (
            data[:4], *(int.from_bytes(data[at : at + 4], "big") for at in range(4, 24, 4))
        )  # fmt: skip
        assert (magic, encoding, rate, channels) == (b".snd", 1, 8000, 1)
        assert size == len(data) - offset
        assert 0.3 < size / rate < 25
        loud = sum((byte & 0x7F) < 0x30 for byte in data[offset:]) / size
        assert 0.05 < loud < 0.9
        assert len(record["text"]) / (size / rate) < 30


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.splitlines()[0])
def test_every_example_of_the_readme_is_a_good_flow(text: str) -> None:
    flow = load_flow(text, "README.md")
    assert all("human" in problem.message for problem in flow.warnings)
    assert not [outcome for outcome in run_tests(flow) if outcome.failures]


def test_the_readme_has_an_example_of_every_verb() -> None:
    text = "\n".join(EXAMPLES)
    assert [verb for verb in VERBS if not re.search(rf"\b{verb}:", text)] == []


def test_every_way_to_hang_up_has_a_result() -> None:
    for path in FILES:
        for node in shipped(path).nodes.values():
            assert not isinstance(node, HangUp) or node.reason in RESULT_OF
