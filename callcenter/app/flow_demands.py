"""What flows ask of a queue, and whether anybody is there who has it.

Why: a queue may be served by many and still by nobody in the language, or with the skill, that one
way through a flow asks for. Those callers wait for nothing, so it is told where the flow asks, with
the people as they are configured; training that only the journal knows of is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from callcenter.control.plan_check import everybody
from callcenter.domain.errors import Problem
from callcenter.ivr.check import reachable, settable
from callcenter.ivr.expression import Literal, Name
from callcenter.ivr.shape import Queue as QueueNode
from callcenter.routing.plan import rings
from callcenter.routing.skills import merge

if TYPE_CHECKING:
    from callcenter.domain.center import Center, Queue
    from callcenter.ivr.shape import Flow

Needs = dict[str, int]


def unserved(center: Center, flow: Flow) -> Iterator[Problem]:
    """Every need beside its queue's own that nobody configured could serve, as warnings."""
    queues = {str(queue.id): queue for queue in center.queues}
    seen = reachable(flow, flow.entry)
    for node in flow.nodes.values():
        queue = queues.get(node.queue) if isinstance(node, QueueNode) else None
        if not isinstance(node, QueueNode) or queue is None or node.name not in seen:
            continue
        if queue.plan.steps and queue.plan.steps[-1].queue:
            continue  # it goes on to others
        if not is_served(queue, {}, center):
            continue  # told of the queue itself
        for needs in demands(flow, node, queue, center.skills):
            if not is_served(queue, needs, center):
                words = ", ".join(f"{skill} {level}" for skill, level in sorted(needs.items()))
                yield Problem(
                    file=flow.file, line=node.line, column=node.column, field=f"nodes.{node.name}",
                    message=f"nobody is configured who could serve queue {queue.id} with {words}",
                    hint="add an agent with these skills, or a step of its plan that drops them",
                    severity="warning",
                )  # fmt: skip


def is_served(queue: Queue, needs: Mapping[str, int], center: Center) -> bool:
    """Can anybody serve one of its rings when a contact needs this too?"""
    asked = msgspec.structs.replace(queue, skills=merge(queue.skills, needs))
    return any(everybody(ring, asked, center, {}) for ring in rings(asked))


def demands(flow: Flow, node: QueueNode, queue: Queue, skills: tuple[str, ...]) -> Iterator[Needs]:
    """What callers who come here may need beside the queue's own: for each language, and for each
    value of a variable, once. Skills that the center does not know are no need."""
    values = settable(flow)
    plain = {name: level for name, level in node.skills.items() if not name.startswith("$")}
    chosen: list[Needs] = [
        {value: level}
        for name, level in node.skills.items()
        if name.startswith("$")
        for value in sorted(values.get(name[1:], ()))
    ]
    level = max(1, queue.language_level)
    chosen += [{language: level} for language in languages(flow, node, queue)]
    told = []
    for one in chosen or [{}]:
        needs = {s: n for s, n in merge(plain, one).items() if s in skills}
        if needs and needs not in told:
            told.append(needs)
            yield needs


def languages(flow: Flow, node: QueueNode, queue: Queue) -> list[str]:
    """The languages that may be asked for here, as far as the flow tells."""
    if node.language is None:
        return list(flow.languages) if queue.language_level and not node.any_language else []
    match node.language.term:
        case Literal(value=str(value)):
            return [value]
        case Name(path=(variable,)):
            return sorted(settable(flow).get(variable, ()))
        case _:
            return []
