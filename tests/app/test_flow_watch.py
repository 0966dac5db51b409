"""Changed flows are taken as a whole; a mistake changes nothing; old revisions are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callcenter.app.flow_watch import KEPT_MAX, FlowWatch, keep
from callcenter.domain.center import Center, Number, Queue
from callcenter.domain.errors import WrongInput
from callcenter.domain.units import QueueId
from callcenter.ivr.flow import load_flow
from callcenter.ivr.shape import Flow, Known


def center_of(*flows: str, queues: tuple[str, ...] = ()) -> Center:
    """A number for each flow."""
    return Center(
        numbers=tuple(Number(number=name, flow=name) for name in flows),
        queues=tuple(Queue(id=QueueId(name), title=name) for name in queues),
    )


CENTER = center_of("main")
BOTH = center_of("main", "other")
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
TO_SALES = """
flow: main
entry: sales
languages: [en]
nodes:
  sales: { queue: sales, answered: end, timeout: end, full: end, unstaffed: end, closed: end, left: end }
  end: { hangup: normal }
"""


def write(directory: Path, name: str, text: str) -> None:
    """A new content at a new time."""
    put(directory, name, FLOW.format(name=name, text=text))
    audio = directory / "prompts" / name / "en"
    audio.mkdir(parents=True, exist_ok=True)
    (audio / "hello.au").write_bytes(b".snd")


def put(directory: Path, name: str, text: str) -> None:
    path = directory / f"{name}.yaml"
    path.write_text(text, "utf-8")
    stamp = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(stamp, stamp))


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    folder = tmp_path / "flows"
    folder.mkdir()
    write(folder, "main", "Hello.")
    return folder


@pytest.fixture
def watch(flows: Path, tmp_path: Path) -> FlowWatch:
    made = FlowWatch(flows, tmp_path / "kept")
    made.load(CENTER)
    return made


def revision(watch: FlowWatch, name: str = "main") -> str:
    return watch.library.flows[name].revision


class Reading:
    """Reads flows, and remembers which files."""

    def __init__(self) -> None:
        self.files: list[str] = []

    def __call__(self, text: str, file: str, known: Known | None) -> Flow:
        self.files.append(Path(file).name)
        return load_flow(text, file, known)


def test_flows_and_audio_are_found_by_name(watch: FlowWatch) -> None:
    assert watch.library.names == {"main"}
    assert watch.audio["main/en/hello"].endswith("prompts/main/en/hello.au")
    assert "music/default" in watch.audio


def test_nothing_changed_is_nothing_taken(watch: FlowWatch) -> None:
    assert not watch.changed(CENTER)


def test_a_changed_flow_is_taken_and_the_old_revision_stays(watch: FlowWatch, flows: Path) -> None:
    before = revision(watch)
    write(flows, "main", "Good morning.")
    assert watch.changed(CENTER)
    assert revision(watch) != before
    assert {before, revision(watch)} <= set(watch.revisions)


def test_a_mistake_in_one_file_changes_none(watch: FlowWatch, flows: Path) -> None:
    before = watch.library
    write(flows, "main", "Better.")
    put(flows, "other", "flow: other\nentry: nowhere\n")
    assert not watch.changed(BOTH)
    assert watch.library is before
    assert watch.refused == {"wrong": 1}
    assert not watch.changed(BOTH), "the same mistake is told once"
    assert watch.refused == {"wrong": 1}


@pytest.mark.parametrize("how", ["deleted", "renamed"])
def test_a_flow_whose_file_is_gone_goes_on_and_so_do_the_others(
    watch: FlowWatch, flows: Path, how: str
) -> None:
    write(flows, "other", "Hello.")
    assert watch.changed(BOTH)
    before = watch.library
    write(flows, "main", "Good morning.")
    if how == "deleted":
        (flows / "other.yaml").unlink()
    else:
        (flows / "other.yaml").rename(flows / "another.yaml")
    assert not watch.changed(BOTH)
    assert watch.library is before
    assert watch.refused == {"gone": 1}
    write(flows, "other", "Hello.")
    assert watch.changed(BOTH), "the second half of a save in two steps"
    assert revision(watch) != before.flows["main"].revision


def test_a_file_may_go_once_no_number_starts_it(watch: FlowWatch, flows: Path) -> None:
    write(flows, "other", "Hello.")
    assert watch.changed(BOTH)
    (flows / "other.yaml").unlink()
    assert watch.changed(CENTER)
    assert watch.library.names == {"main"}
    assert not watch.refused


def test_a_center_that_no_longer_fits_its_flows_leaves_them_as_they_are(
    tmp_path: Path,
) -> None:
    put(tmp_path, "main", TO_SALES)
    watch = FlowWatch(tmp_path, tmp_path / "kept")
    watch.load(center_of("main", queues=("sales",)))
    before = watch.library
    assert not watch.changed(center_of("main", queues=("support",)))
    assert watch.library is before
    assert watch.refused == {"wrong": 1}


def test_a_center_that_fits_again_is_told_nothing(tmp_path: Path) -> None:
    put(tmp_path, "main", TO_SALES)
    watch = FlowWatch(tmp_path, tmp_path / "kept")
    watch.load(center_of("main", queues=("sales",)))
    assert not watch.changed(center_of("main", queues=("support",)))
    assert watch.changed(center_of("main", queues=("support", "sales")))
    assert watch.refused == {"wrong": 1}


def test_a_later_life_still_has_the_revisions_of_running_calls(
    watch: FlowWatch, flows: Path, tmp_path: Path
) -> None:
    before = revision(watch)
    write(flows, "main", "Good morning.")
    later = FlowWatch(flows, tmp_path / "kept")
    later.load(CENTER)
    assert later.revisions[before].name == "main"
    assert revision(later) != before
    assert later.revisions.get("0123456789abcdef") is None
    assert later.revisions.get("../flows/main") is None


def test_an_old_revision_is_read_when_a_call_names_it_and_only_then(
    watch: FlowWatch, flows: Path, tmp_path: Path
) -> None:
    old = revision(watch)
    write(flows, "main", "Good morning.")
    assert watch.changed(CENTER)
    reading = Reading()
    later = FlowWatch(flows, tmp_path / "kept", reading)
    later.load(CENTER)
    assert reading.files == ["main.yaml"]
    assert later.revisions[old].revision == old
    assert reading.files == ["main.yaml", f"{old}.yaml"]


def test_a_reload_reads_only_the_changed_text(flows: Path, tmp_path: Path) -> None:
    write(flows, "other", "Hello.")
    reading = Reading()
    watch = FlowWatch(flows, tmp_path / "kept", reading)
    watch.load(BOTH)
    for number in range(3):
        reading.files.clear()
        write(flows, "main", f"Good morning {number}.")
        assert watch.changed(BOTH)
        assert reading.files == ["main.yaml"]


def test_a_flow_that_no_number_starts_is_left_alone(watch: FlowWatch, flows: Path) -> None:
    put(flows, "draft", "flow: draft\nentry: nowhere\n")
    assert not watch.changed(CENTER)
    assert not watch.refused


def test_a_wrong_flow_at_the_very_first_start_is_said_with_its_place(tmp_path: Path) -> None:
    put(tmp_path, "main", "flow: main\nentry: nowhere\n")
    with pytest.raises(WrongInput, match=r"main\.yaml"):
        FlowWatch(tmp_path, tmp_path / "kept").load(CENTER)


def test_a_flow_that_is_not_named_like_its_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "main", FLOW.format(name="mian", text="Hello."))
    with pytest.raises(WrongInput, match=r"main\.yaml:1: error: flow: 'mian'.*flow: main"):
        FlowWatch(tmp_path, tmp_path / "kept").load(CENTER)


@pytest.mark.parametrize("broken", ["garbage: [", "", "flow: main\nentry: nowhere\n", None])
def test_a_flow_that_is_wrong_at_a_restart_goes_on_as_it_was_kept_last(
    watch: FlowWatch, flows: Path, tmp_path: Path, broken: str | None
) -> None:
    write(flows, "other", "Hello.")
    write(flows, "main", "Good morning.")
    assert watch.changed(BOTH)
    before = revision(watch)
    write(flows, "other", "Good evening.")
    if broken is None:
        (flows / "main.yaml").unlink()
    else:
        put(flows, "main", broken)
    later = FlowWatch(flows, tmp_path / "kept")
    later.load(BOTH)
    assert revision(later) == before
    assert revision(later, "other") != revision(watch, "other"), "the good file is taken"
    assert later.refused == {"gone" if broken is None else "wrong": 1}


def test_a_flow_that_does_not_fit_at_a_restart_goes_on_too(tmp_path: Path) -> None:
    put(tmp_path, "main", TO_SALES)
    FlowWatch(tmp_path, tmp_path / "kept").load(center_of("main", queues=("sales",)))
    later = FlowWatch(tmp_path, tmp_path / "kept")
    later.load(center_of("main", queues=("support",)))
    assert later.library.names == {"main"}
    assert later.refused == {"wrong": 1}


def test_a_number_whose_flow_was_never_there_takes_none_of_the_others_away(
    flows: Path, tmp_path: Path
) -> None:
    watch = FlowWatch(flows, tmp_path / "kept")
    watch.load(BOTH)
    assert watch.library.names == {"main"}
    assert watch.refused == {"gone": 1}


def test_a_text_that_is_taken_back_is_the_youngest_revision_again(tmp_path: Path) -> None:
    keep(tmp_path, {"first": "flow: main"})
    for number in range(KEPT_MAX - 1):
        keep(tmp_path, {f"later{number}": "flow: main"})
    keep(tmp_path, {"first": "flow: main"})
    keep(tmp_path, {"one": "", "more": ""})
    kept = {path.stem for path in tmp_path.glob("*.yaml")}
    assert len(kept) == KEPT_MAX
    assert "first" in kept
    assert "later0" not in kept


def test_a_spoilt_kept_revision_is_not_taken_for_the_real_one(
    watch: FlowWatch, tmp_path: Path
) -> None:
    path = tmp_path / "kept" / f"{revision(watch)}.yaml"
    path.write_text(FLOW.format(name="main", text="Changed by hand."))
    later = FlowWatch(tmp_path / "nothing", tmp_path / "kept")
    assert later.revisions.get(path.stem) is None
