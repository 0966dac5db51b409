"""The picture of a flow."""

import itertools
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.ivr.draw import draw_mermaid, draw_svg
from callcenter.ivr.flow import load_flow
from callcenter.ivr.layout import BOX_GAP, Arrow, Box, place
from callcenter.ivr.shape import Flow
from tests.ivr.flows import flow_of

_SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def main_line() -> Flow:
    path = Path(__file__).parents[2] / "ivr_flows" / "main-line.yaml"
    return load_flow(path.read_text("utf-8"), path.name)


def test_the_svg_shows_every_node_and_every_way(main_line: Flow) -> None:
    root = ET.fromstring(draw_svg(main_line))
    names = {e.text for e in root.iter(f"{_SVG}text") if e.get("class") == "name"}
    assert names == set(main_line.nodes)
    titles = "\n".join(e.text or "" for e in root.iter(f"{_SVG}title"))
    for name, node in main_line.nodes.items():
        for label, target in node.exits():
            assert any(
                line.startswith(f"{name}: ") and label in line and line.endswith(f"→ {target}")
                for line in titles.splitlines()
            )


def test_the_same_flow_gives_the_same_picture(main_line: Flow) -> None:
    assert draw_svg(main_line) == draw_svg(main_line)


def test_the_mermaid_text_names_every_node_and_way(main_line: Flow) -> None:
    lines = draw_mermaid(main_line).splitlines()
    assert lines[0] == "flowchart TD"
    assert sum("<b>" in line for line in lines) == len(main_line.nodes)
    assert '  n1(' in "\n".join(lines)  # fmt: skip
    assert any("-.->" in line for line in lines)


def test_what_an_author_wrote_cannot_become_markup() -> None:
    nodes = '  start: { when: [ { if: "customer.x == \'<script>&\\"\'", next: end } ], else: end }'
    flow = flow_of(nodes)
    svg = draw_svg(flow)
    assert "<script>" not in svg
    ET.fromstring(svg)
    assert "<script" not in draw_mermaid(flow)


def test_a_circle_and_a_loop_on_itself_are_drawn() -> None:
    nodes = """\
  start: { menu: ask, keys: { "1": start, "2": more }, no_input: end, no_match: start }
  more: { menu: ask, keys: { "1": start }, no_input: end, no_match: more }"""
    root = ET.fromstring(draw_svg(flow_of(nodes)))
    assert len([e for e in root.iter(f"{_SVG}path") if e.get("class") == "way"]) == 6


_graphs = st.integers(1, 14).flatmap(
    lambda n: st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30).map(
        lambda edges: (n, edges)
    )
)


@settings(max_examples=50, deadline=None)
@given(_graphs)
def test_boxes_never_lie_over_each_other(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = graph
    boxes = [
        Box(name=str(n), width=60.0 + 10 * n, height=40.0, ports=(20.0, 40.0)) for n in range(count)
    ]
    arrows = [Arrow(source=str(a), port=(a + b) % 2, target=str(b)) for a, b in edges]
    picture = place(boxes, arrows)
    assert len(picture.routes) == len(arrows)
    for one, other in itertools.combinations(boxes, 2):
        a, b = picture.corners[one.name], picture.corners[other.name]
        beside = (
            a.x + one.width + BOX_GAP <= b.x + 0.01 or b.x + other.width + BOX_GAP <= a.x + 0.01
        )
        assert a.y != b.y or beside
        if a.y != b.y:
            assert abs(a.y - b.y) >= 40.0
    for box in boxes:
        corner = picture.corners[box.name]
        assert corner.x >= 0
        assert corner.x + box.width <= picture.width
        assert corner.y + box.height <= picture.height
