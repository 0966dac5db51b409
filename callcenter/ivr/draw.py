"""A flow as a picture: SVG for people, Mermaid for documents.

Why: the file is the graph, so its picture is made from the file and cannot be out of date. Exits
stand as chips on the lower edge of their box, where no arrow can hide them; exits that lead to the
same node share one. The SVG needs nothing around it: its own style, light and dark.
"""

import itertools
import re
from collections.abc import Iterator
from html import escape

import msgspec

from callcenter.ivr import shape
from callcenter.ivr.layout import Arrow, Box, Picture, Point, Route, place
from callcenter.ivr.shape import HANGUPS, AnyNode, Flow

TEXT_MAX = 46
_NAME_WIDTH = 7.9
_TEXT_WIDTH = 6.1
_CHIP_WIDTH = 6.0
_PADDING = 14.0
_CHIP_HEIGHT = 18.0
_CHIP_GAP = 6.0
_LINE = 16.0
_HEADER = 46.0

_STYLE = """
.flow{font-family:ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,"Noto Sans",sans-serif}
.back{fill:#fbfbfd}.title{font-size:17px;font-weight:650;fill:#1b1f2a}
.note{font-size:11px;fill:#667085}
.box{fill:#fff;stroke-width:1.5}.name{font-size:13px;font-weight:650;fill:#1b1f2a}
.verb{font-size:11px;fill:#475467}.words{font-size:10.5px;font-style:italic;fill:#667085}
.chip{stroke-width:1}.label{font-size:10.5px;fill:#344054}
.way{fill:none;stroke:#98a2b3;stroke-width:1.5}.way.error{stroke:#d92d20;stroke-dasharray:5 4}
g.arrow:hover .way{stroke:#155eef;stroke-width:2.5}.tip{fill:#98a2b3}
.speak{stroke:#2e90fa}.speak .chip,.speak.band{fill:#e8f3ff}
.ask{stroke:#7a5af8}.ask .chip,.ask.band{fill:#f0ecff}
.decide{stroke:#eaaa08}.decide .chip,.decide.band{fill:#fef6dc}
.wait{stroke:#12b76a}.wait .chip,.wait.band{fill:#dff7ea}
.end{stroke:#667085}.end .chip,.end.band{fill:#eef0f4}
.band{stroke:none}text{stroke:none}
@media (prefers-color-scheme:dark){
.back{fill:#12151c}.title,.name{fill:#f2f4f7}.note,.words{fill:#98a2b3}.verb{fill:#cbd2dd}
.box{fill:#1c212b}.label{fill:#e4e7ec}.way{stroke:#667085}.tip{fill:#667085}
.speak .chip,.speak.band{fill:#133457}.ask .chip,.ask.band{fill:#2d2363}
.decide .chip,.decide.band{fill:#4a3a08}.wait .chip,.wait.band{fill:#0d3f2a}
.end .chip,.end.band{fill:#2b313d}}
"""


class _Exit(msgspec.Struct, frozen=True):
    """Ways out of a node that lead to the same one."""

    labels: tuple[str, ...]
    target: str
    error: bool = False

    @property
    def label(self) -> str:
        return "" if self.labels == ("next",) else _short(" · ".join(self.labels), 44)

    @property
    def width(self) -> float:
        return len(self.label) * _CHIP_WIDTH + 12 if self.label else 0.0


class _Card(msgspec.Struct, frozen=True, kw_only=True):
    """A node as drawn."""

    node: AnyNode
    kind: str
    verb: str
    words: str
    exits: tuple[_Exit, ...]
    width: float
    height: float

    def chips_left(self) -> Iterator[tuple[_Exit, float]]:
        """Each exit and the x of its chip, centered as a row."""
        total = sum(e.width for e in self.exits) + _CHIP_GAP * max(0, len(self.exits) - 1)
        x = (self.width - total) / 2
        for exit_ in self.exits:
            yield exit_, x
            x += exit_.width + _CHIP_GAP

    def box(self) -> Box:
        ports = tuple(x + exit_.width / 2 for exit_, x in self.chips_left())
        return Box(name=self.node.name, width=self.width, height=self.height, ports=ports)


def draw_mermaid(flow: Flow) -> str:
    """The flow as a Mermaid flowchart."""
    ids = {name: f"n{number}" for number, name in enumerate(flow.nodes)}
    lines = ["flowchart TD"]
    for name, node in flow.nodes.items():
        _, verb, _ = _describe(flow, node)
        label = f"<b>{_mermaid(name)}</b><br/>{_mermaid(verb)}"
        opens, closes = ("([", "])") if isinstance(node, shape.HangUp) else ("(", ")")
        if isinstance(node, shape.Queue):
            opens, closes = "[[", "]]"
        elif isinstance(node, shape.When | shape.Hours | shape.Lookup):
            opens, closes = "{{", "}}"
        lines.append(f'  {ids[name]}{opens}"{label}"{closes}')
    for name, node in flow.nodes.items():
        for exit_ in _exits(node):
            line = "-.->" if exit_.error else "-->"
            label = f'|"{_mermaid(exit_.label)}"|' if exit_.label else ""
            lines.append(f"  {ids[name]} {line}{label} {ids[exit_.target]}")
    return "\n".join(lines) + "\n"


def draw_svg(flow: Flow) -> str:
    """The flow as an SVG document."""
    order = [flow.entry, *(name for name in flow.nodes if name != flow.entry)]
    cards = {name: _card(flow, flow.nodes[name]) for name in order}
    arrows = [
        Arrow(source=name, port=port, target=exit_.target)
        for name, card in cards.items()
        for port, exit_ in enumerate(card.exits)
    ]
    picture = place([card.box() for card in cards.values()], arrows)
    title = f"{flow.title or flow.name}"
    note = f"{flow.name} · revision {flow.revision} · {', '.join(flow.languages)}"
    if flow.on_error:
        note += f" · on error: {flow.on_error}"
    width = max(picture.width, 64 + len(note) * _TEXT_WIDTH)
    return "".join(
        [
            _opening(width, picture.height + _HEADER, title),
            f'<text class="title" x="32" y="30">{escape(title)}</text>',
            f'<text class="note" x="32" y="48">{escape(note)}</text>',
            f'<g transform="translate({(width - picture.width) / 2:.1f},{_HEADER:.0f})">',
            *(_arrow(route, cards) for route in picture.routes),
            *(_box(card, picture) for card in cards.values()),
            "</g></svg>\n",
        ]
    )


def _opening(width: float, height: float, title: str) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="img" {size}>'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
        f'<rect class="back" width="{width:.0f}" height="{height:.0f}"/>'
    )


def _arrow(route: Route, cards: dict[str, _Card]) -> str:
    exit_ = cards[route.arrow.source].exits[route.arrow.port]
    words = f"{route.arrow.source}: {', '.join(exit_.labels)} → {exit_.target}"
    kind = "way error" if exit_.error else "way"
    return (
        f'<g class="arrow"><title>{escape(words)}</title>'
        f'<path class="{kind}" d="{_path(route)}" marker-end="url(#tip)"/></g>'
    )


def _path(route: Route) -> str:
    """Soft bends between the points, always entering and leaving upright."""
    points = route.points
    parts = [f"M{points[0].x:.1f} {points[0].y:.1f}"]
    last = len(points) - 2
    for number, (a, b) in enumerate(itertools.pairwise(points)):
        if abs(a.x - b.x) < 0.5 and not (route.back and number in (0, last)):
            parts.append(f"L{b.x:.1f} {b.y:.1f}")
            continue
        pull_a, pull_b = _pulls(a, b, first=number == 0, last=number == last, back=route.back)
        parts.append(f"C{a.x:.1f} {pull_a:.1f} {b.x:.1f} {pull_b:.1f} {b.x:.1f} {b.y:.1f}")
    return " ".join(parts)


def _pulls(a: Point, b: Point, *, first: bool, last: bool, back: bool) -> tuple[float, float]:
    """Heights of the two control points of a bend."""
    if back and first:
        low = max(a.y, b.y) + 42
        return low, low
    if back and last:
        high = min(a.y, b.y) - 42
        return high, high
    middle = (a.y + b.y) / 2
    return middle, middle


def _box(card: _Card, picture: Picture) -> str:
    corner = picture.corners[card.node.name]
    middle = card.width / 2
    parts = [
        f'<g class="{card.kind}" transform="translate({corner.x:.1f},{corner.y:.1f})">',
        f"<title>{escape(card.node.name)}</title>",
        f'<rect class="box" width="{card.width:.1f}" height="{card.height:.1f}" rx="9"/>',
        (
            f'<text class="name" x="{middle:.1f}" y="20" text-anchor="middle">'
            f"{escape(card.node.name)}</text>"
        ),
        (
            f'<text class="verb" x="{middle:.1f}" y="37" text-anchor="middle">'
            f"{escape(card.verb)}</text>"
        ),
    ]
    if card.words:
        parts.append(
            f'<text class="words" x="{middle:.1f}" y="53" text-anchor="middle">'
            f"{escape(card.words)}</text>"
        )
    for exit_, x in card.chips_left():
        if exit_.label:
            parts.append(_chip(exit_, x, card.height - _CHIP_HEIGHT - 6))
    return "".join(parts) + "</g>"


def _chip(exit_: _Exit, x: float, y: float) -> str:
    return (
        f'<rect class="chip" x="{x:.1f}" y="{y:.1f}" width="{exit_.width:.1f}" '
        f'height="{_CHIP_HEIGHT:.0f}" rx="9"/>'
        f'<text class="label" x="{x + exit_.width / 2:.1f}" y="{y + 12.5:.1f}" '
        f'text-anchor="middle">{escape(exit_.label)}</text>'
    )


def _card(flow: Flow, node: AnyNode) -> _Card:
    kind, verb, words = _describe(flow, node)
    exits = _exits(node)
    chips = sum(exit_.width for exit_ in exits) + _CHIP_GAP * max(0, len(exits) - 1)
    inner = max(
        len(node.name) * _NAME_WIDTH, len(verb) * _TEXT_WIDTH, len(words) * _TEXT_WIDTH, chips, 84
    )
    height = 46.0 + (_LINE if words else 0)
    if any(exit_.label for exit_ in exits):
        height += _CHIP_HEIGHT + 6
    return _Card(
        node=node,
        kind=kind,
        verb=_short(verb, TEXT_MAX),
        words=words,
        exits=exits,
        width=inner + 2 * _PADDING,
        height=height,
    )


def _exits(node: AnyNode) -> tuple[_Exit, ...]:
    by_target: dict[str, list[str]] = {}
    for label, target in node.exits():
        by_target.setdefault(target, []).append(label)
    exits = [_Exit(tuple(labels), target) for target, labels in by_target.items()]
    if node.on_error:
        exits.append(_Exit(("on_error",), node.on_error, error=True))
    return tuple(exits)


def _describe(flow: Flow, node: AnyNode) -> tuple[str, str, str]:
    """Kind (for its colour), what it does, and the words it begins with."""
    if isinstance(node, shape.Spoken):
        prompt = flow.prompts[node.prompts[0]][flow.languages[0]] if node.prompts else ""
        words = f"“{_short(prompt, TEXT_MAX)}”" if prompt else ""
        names = ", ".join(node.prompts)
        if isinstance(node, shape.Digits):
            span = f"{node.minimum}–{node.maximum}"
            return "ask", f"digits {span} as {node.variable}", words
        if isinstance(node, shape.Menu):
            return "ask", f"menu {names}", words
        if isinstance(node, shape.Voicemail):
            return "wait", f"voicemail {node.queue}".strip(), words
        if isinstance(node, shape.Callback):
            return "wait", f"callback {node.queue}".strip(), words
        return "speak", f"say {names}", words
    if isinstance(node, shape.Queue):
        priority = "" if node.priority is None else f", priority {node.priority}"
        asked = [f"{name} ≥ {level}" for name, level in node.skills.items()]
        asked += [f"agent {node.agent.text}"] if node.agent else []
        return "wait", f"queue {node.queue}{priority}", ", ".join(asked)
    if isinstance(node, shape.HangUp):
        word = next(word for word, reason in HANGUPS.items() if reason is node.reason)
        return "end", f"hang up, {word}", ""
    if isinstance(node, shape.Hours):
        return "decide", f"hours of {node.calendar}", ""
    if isinstance(node, shape.Lookup):
        return "decide", f"lookup by {node.by}", ""
    if isinstance(node, shape.Set):
        return "decide", "set " + ", ".join(f"{k} = {v}" for k, v in node.values.items()), ""
    return "decide", "when", ""


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _mermaid(text: str) -> str:
    """Text that Mermaid takes as text: everything but plain words as character codes."""
    return re.sub(r"[^\w .,…·≥–-]", lambda match: f"#{ord(match[0])};", text)
