"""Boxes and arrows placed in layers, from the top down.

    1. arrows that lead back are turned round, so that the rest has an order
    2. each box stands one layer below the lowest that leads to it
    3. an arrow over several layers gets a waypoint in each; one that leads back, also beside its ends
    4. layers are sorted by the middle of their neighbours, the fewest crossings win
    5. boxes move towards their neighbours, never over each other (least squares under an order)

Why: a flow is read from its first word to its last, and no program outside Python may be needed to
see it. The same flow gives the same picture.

Sources: Sugiyama, Tagawa and Toda 1981 (the steps); Best and Chakravarti 1990 (pool adjacent
violators, step 5). Units are pixels, y grows downwards.
"""

import itertools
from collections.abc import Sequence

import msgspec

BOX_GAP = 36.0
WAYPOINT_GAP = 18.0
LAYER_GAP = 76.0
MARGIN = 32.0
_SORT_SWEEPS = 24
_MOVE_SWEEPS = 36
_MOVE_BOTH_SIDES = 16
_WAYPOINT_WEIGHT = 8.0


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """What is placed. `ports` are the x offsets from its left edge where arrows leave."""

    name: str
    width: float
    height: float
    ports: tuple[float, ...] = ()


class Arrow(msgspec.Struct, frozen=True, kw_only=True):
    """From a port of one box to the top of another."""

    source: str
    port: int
    target: str


class Point(msgspec.Struct, frozen=True):
    """A place on the picture."""

    x: float
    y: float


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """The points an arrow runs through; between them it bends softly. `back`: it leads upwards."""

    arrow: Arrow
    points: tuple[Point, ...]
    back: bool = False


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """Top left corner of each box, and the arrows."""

    width: float
    height: float
    corners: dict[str, Point]
    routes: tuple[Route, ...]


class _Vertex:
    """A box or a waypoint while it is being placed; `x` is its middle."""

    def __init__(self, layer: int, box: Box | None) -> None:
        self.layer = layer
        self.box = box
        self.width = box.width if box else 0.0
        self.x = 0.0
        self.order = 0
        self.above: list[tuple[_Vertex, float, float]] = []
        self.below: list[tuple[_Vertex, float, float]] = []
        """Neighbour, my offset from my middle, its offset from its middle."""
        self.beside: list[_Vertex] = []
        """Boxes of the same layer that an arrow leading back should stay near."""

    @property
    def weight(self) -> float:
        return 1.0 if self.box else _WAYPOINT_WEIGHT


def place(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> Picture:
    """Place the boxes; the first one is where the reader begins."""
    return _Placing(boxes, arrows).picture()


class _Placing:
    def __init__(self, boxes: Sequence[Box], arrows: Sequence[Arrow]) -> None:
        self.boxes = {box.name: box for box in boxes}
        self.arrows = [a for a in arrows if a.source != a.target]
        self.loops = [a for a in arrows if a.source == a.target]
        self.back = _leading_back(list(self.boxes), self.arrows)
        layers = _layers(list(self.boxes), self.arrows, self.back)
        self.vertices = {name: _Vertex(layers[name], box) for name, box in self.boxes.items()}
        depth = max(layers.values(), default=0) + 1
        self.layers: list[list[_Vertex]] = [[] for _ in range(depth)]
        for vertex in self.vertices.values():
            self.layers[vertex.layer].append(vertex)
        self.chains = [self._chain(number, arrow) for number, arrow in enumerate(self.arrows)]

    def picture(self) -> Picture:
        self._sort()
        self._move()
        tops = self._tops()
        corners = {
            name: Point(vertex.x - vertex.width / 2, tops[vertex.layer])
            for name, vertex in self.vertices.items()
        }
        routes = [self._route(number, tops) for number in range(len(self.arrows))]
        routes += [self._loop(arrow, corners) for arrow in self.loops]
        right = max((p.x for route in routes for p in route.points), default=0.0)
        right = max([right, *(corners[name].x + box.width for name, box in self.boxes.items())])
        bottom = max(corners[name].y + box.height for name, box in self.boxes.items())
        return Picture(
            width=right + MARGIN,
            height=bottom + MARGIN + (LAYER_GAP / 2 if self.back else 0),
            corners=corners,
            routes=tuple(routes),
        )

    def _chain(self, number: int, arrow: Arrow) -> list[_Vertex]:
        """The vertices an arrow runs through, from the upper box to the lower one."""
        source, target = self.vertices[arrow.source], self.vertices[arrow.target]
        port = self._port(arrow)
        if number not in self.back:
            middle = [self._waypoint(n) for n in range(source.layer + 1, target.layer)]
            self._link([source, *middle, target], port, 0.0)
            return [source, *middle, target]
        beside = [self._waypoint(n) for n in range(target.layer, source.layer + 1)]
        self._link(beside, 0.0, 0.0)
        beside[0].beside.append(target)
        beside[-1].beside.append(source)
        return beside

    def _waypoint(self, layer: int) -> _Vertex:
        vertex = _Vertex(layer, None)
        self.layers[layer].append(vertex)
        return vertex

    def _link(self, chain: list[_Vertex], first: float, last: float) -> None:
        for upper, lower in itertools.pairwise(chain):
            here = first if upper is chain[0] else 0.0
            there = last if lower is chain[-1] else 0.0
            upper.below.append((lower, here, there))
            lower.above.append((upper, there, here))

    def _port(self, arrow: Arrow) -> float:
        box = self.boxes[arrow.source]
        return box.ports[arrow.port] - box.width / 2

    # Step 4

    def _sort(self) -> None:
        self._number()
        best, order = self._crossings(), self._snapshot()
        for sweep in range(_SORT_SWEEPS):
            down = sweep % 2 == 0
            for layer in self.layers if down else reversed(self.layers):
                layer.sort(key=lambda vertex: self._middle(vertex, down))
                for number, vertex in enumerate(layer):
                    vertex.order = number
            crossings = self._crossings()
            if crossings < best:
                best, order = crossings, self._snapshot()
        self.layers = order
        self._number()

    def _number(self) -> None:
        for layer in self.layers:
            for number, vertex in enumerate(layer):
                vertex.order = number

    def _snapshot(self) -> list[list[_Vertex]]:
        return [list(layer) for layer in self.layers]

    def _middle(self, vertex: _Vertex, down: bool) -> float:
        neighbours = vertex.above if down else vertex.below
        if not neighbours:
            near = [other.order + 0.6 for other in vertex.beside]
            return sum(near) / len(near) if near else float(vertex.order)
        places = [other.order + _share(other, there) for other, _, there in neighbours]
        return sum(places) / len(places)

    def _crossings(self) -> int:
        count = 0
        for layer in self.layers:
            ends = [
                (upper.order + _share(upper, here), lower.order)
                for upper in layer
                for lower, here, _ in upper.below
            ]
            ends.sort()
            targets = [lower for _, lower in ends]
            count += _inversions(targets)
        return count

    # Step 5

    def _move(self) -> None:
        for layer in self.layers:
            self._settle(layer, [0.0] * len(layer))
        for sweep in range(_MOVE_SWEEPS):
            down = sweep % 2 == 0
            for layer in self.layers if down else reversed(self.layers):
                self._settle(layer, [self._wish(vertex, sweep) for vertex in layer])
        left = min(v.x - v.width / 2 for layer in self.layers for v in layer)
        for layer in self.layers:
            for vertex in layer:
                vertex.x += MARGIN - left

    def _wish(self, vertex: _Vertex, sweep: int) -> float:
        """Where a vertex would stand if it were alone: by one side first, by both at the end."""
        if sweep >= _MOVE_SWEEPS - _MOVE_BOTH_SIDES:
            neighbours = vertex.above + vertex.below
        else:
            neighbours = vertex.above if sweep % 2 == 0 else vertex.below
        neighbours = [*neighbours, *((other, 0.0, 0.0) for other in vertex.beside)]
        if not neighbours:
            return vertex.x
        weights = [other.weight for other, _, _ in neighbours]
        places = [other.x + there - here for other, here, there in neighbours]
        return sum(w * p for w, p in zip(weights, places, strict=True)) / sum(weights)

    def _settle(self, layer: list[_Vertex], wishes: list[float]) -> None:
        """Nearest places to the wishes that keep order and distance (pool adjacent violators)."""
        offsets = [0.0]
        for left, right in itertools.pairwise(layer):
            gap = BOX_GAP if left.box and right.box else WAYPOINT_GAP
            offsets.append(offsets[-1] + (left.width + right.width) / 2 + gap)
        pools: list[list[float]] = []
        for vertex, wish, offset in zip(layer, wishes, offsets, strict=True):
            pools.append([wish - offset, vertex.weight, 1])
            while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
                mean, weight, size = pools.pop()
                before = pools[-1]
                total = before[1] + weight
                pools[-1] = [
                    (before[0] * before[1] + mean * weight) / total,
                    total,
                    before[2] + size,
                ]
        places = [mean for mean, _, size in pools for _ in range(int(size))]
        for vertex, place_, offset in zip(layer, places, offsets, strict=True):
            vertex.x = place_ + offset

    # The picture

    def _tops(self) -> list[float]:
        tops, y = [], MARGIN
        for layer in self.layers:
            tops.append(y)
            y += self._layer_height(layer) + LAYER_GAP
        return tops

    @staticmethod
    def _layer_height(layer: list[_Vertex]) -> float:
        return max((vertex.box.height for vertex in layer if vertex.box), default=0.0)

    def _route(self, number: int, tops: list[float]) -> Route:
        arrow, chain = self.arrows[number], self.chains[number]
        source, target = self.vertices[arrow.source], self.vertices[arrow.target]
        bottom = tops[source.layer] + self.boxes[arrow.source].height
        start = Point(source.x + self._port(arrow), bottom)
        end = Point(target.x, tops[target.layer])
        between: list[Point] = []
        back = number in self.back
        for vertex in reversed(chain) if back else chain[1:-1]:
            top = Point(vertex.x, tops[vertex.layer])
            low = Point(
                vertex.x, tops[vertex.layer] + self._layer_height(self.layers[vertex.layer])
            )
            between += [low, top] if back else [top, low]
        return Route(arrow=arrow, points=(start, *between, end), back=back)

    def _loop(self, arrow: Arrow, corners: dict[str, Point]) -> Route:
        box, corner = self.boxes[arrow.source], corners[arrow.source]
        start = Point(corner.x + box.ports[arrow.port], corner.y + box.height)
        side = corner.x + box.width + WAYPOINT_GAP
        end = Point(corner.x + box.width / 2, corner.y)
        middle = (Point(side, corner.y + box.height), Point(side, corner.y))
        return Route(arrow=arrow, points=(start, *middle, end), back=True)


def _share(vertex: _Vertex, offset: float) -> float:
    """Where on a box an arrow stands, as a part of one place in the order."""
    return offset / vertex.width * 0.9 if vertex.width else 0.0


def _inversions(values: list[int]) -> int:
    """Pairs in the wrong order, by merging."""
    if len(values) < 2:
        return 0
    middle = len(values) // 2
    left, right = values[:middle], values[middle:]
    count = _inversions(left) + _inversions(right)
    merged: list[int] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
            count += len(left) - i
    values[:] = merged + left[i:] + right[j:]
    return count


def _leading_back(names: list[str], arrows: Sequence[Arrow]) -> set[int]:
    """Numbers of the arrows that close a circle, walking from the first box in order."""
    outgoing: dict[str, list[tuple[int, str]]] = {name: [] for name in names}
    for number, arrow in enumerate(arrows):
        outgoing[arrow.source].append((number, arrow.target))
    back: set[int] = set()
    state: dict[str, int] = {}  # 1: on the path, 2: done
    for start in names:
        stack = [(start, iter(outgoing[start]))] if start not in state else []
        state.setdefault(start, 1)
        while stack:
            name, rest = stack[-1]
            number, target = next(rest, (-1, ""))
            if number < 0:
                state[name] = 2
                stack.pop()
            elif target not in state:
                state[target] = 1
                stack.append((target, iter(outgoing[target])))
            elif state[target] == 1:
                back.add(number)
    return back


def _layers(names: list[str], arrows: Sequence[Arrow], back: set[int]) -> dict[str, int]:
    """Longest way from above for each box; what nothing leads to stands just above what follows."""
    outgoing: dict[str, list[str]] = {name: [] for name in names}
    incoming = dict.fromkeys(names, 0)
    for number, arrow in enumerate(arrows):
        if number not in back:
            outgoing[arrow.source].append(arrow.target)
            incoming[arrow.target] += 1
    layers = dict.fromkeys(names, 0)
    ready = [name for name in names if incoming[name] == 0]
    while ready:
        name = ready.pop()
        for target in outgoing[name]:
            layers[target] = max(layers[target], layers[name] + 1)
            incoming[target] -= 1
            if incoming[target] == 0:
                ready.append(target)
    led_to = {arrow.target for number, arrow in enumerate(arrows) if number not in back}
    for name in names[1:]:
        if name not in led_to and outgoing[name]:
            layers[name] = min(layers[target] for target in outgoing[name]) - 1
    return layers
