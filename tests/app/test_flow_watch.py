"""Changed flows are taken as a whole; a mistake changes nothing; old revisions are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callcenter.app.flow_watch import FlowWatch
from callcenter.domain.center import Center, Number
from callcenter.domain.errors import WrongInput

CENTER = Center(
    numbers=tuple(Number(number=name, flow=name) for name in ("main", "other")),
)
FLOW = """
flow: {name}
schema: 1
entry: greet
languages: [en]
prompts:
  hello: {{ en: "{text}" }}
nodes:
  greet: {{ say: hello, next: end }}
  end: {{ hangup: normal }}
"""


def write(directory: Path, name: str, text: str) -> None:
    """A new content at a new time."""
    path = directory / f"{name}.yaml"
    path.write_text(FLOW.format(name=name, text=text), "utf-8")
    audio = directory / "prompts" / name / "en"
    audio.mkdir(parents=True, exist_ok=True)
    (audio / "hello.au").write_bytes(b".snd")
    stamp = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(stamp, stamp))


@pytest.fixture
def watch(tmp_path: Path) -> FlowWatch:
    flows = tmp_path / "flows"
    flows.mkdir()
    write(flows, "main", "Hello.")
    made = FlowWatch(flows, tmp_path / "kept")
    made.load(CENTER)
    return made


def test_flows_and_audio_are_found_by_name(watch: FlowWatch) -> None:
    assert watch.library.names == {"main"}
    assert watch.audio()["main/en/hello"].endswith("prompts/main/en/hello.au")
    assert "music/default" in watch.audio()


def test_nothing_changed_is_nothing_taken(watch: FlowWatch) -> None:
    assert not watch.changed(CENTER)


def test_a_changed_flow_is_taken_and_the_old_revision_stays(
    watch: FlowWatch, tmp_path: Path
) -> None:
    before = watch.library.flows["main"].revision
    write(tmp_path / "flows", "main", "Good morning.")
    assert watch.changed(CENTER)
    after = watch.library.flows["main"].revision
    assert after != before
    assert {before, after} <= set(watch.revisions)


def test_a_mistake_in_one_file_changes_none(watch: FlowWatch, tmp_path: Path) -> None:
    before = watch.library
    write(tmp_path / "flows", "main", "Better.")
    (tmp_path / "flows" / "other.yaml").write_text("flow: other\nentry: nowhere\n", "utf-8")
    assert not watch.changed(CENTER)
    assert watch.library is before
    assert watch.rejected == 1
    assert not watch.changed(CENTER), "the same mistake is told once"


def test_a_later_life_still_has_the_revisions_of_running_calls(
    watch: FlowWatch, tmp_path: Path
) -> None:
    before = watch.library.flows["main"].revision
    write(tmp_path / "flows", "main", "Good morning.")
    later = FlowWatch(tmp_path / "flows", tmp_path / "kept")
    later.load(CENTER)
    assert before in later.revisions
    assert later.library.flows["main"].revision != before


def test_a_flow_that_no_number_starts_is_left_alone(watch: FlowWatch, tmp_path: Path) -> None:
    (tmp_path / "flows" / "draft.yaml").write_text("flow: draft\nentry: nowhere\n", "utf-8")
    assert not watch.changed(CENTER)
    assert watch.rejected == 0


def test_a_wrong_flow_at_the_start_is_said_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text("flow: main\nentry: nowhere\n", "utf-8")
    with pytest.raises(WrongInput, match=r"main\.yaml"):
        FlowWatch(tmp_path, tmp_path / "kept").load(CENTER)
