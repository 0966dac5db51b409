"""What a condition may ask of a queue: how long somebody would wait who went there now.

    queue.sales.expected_wait > 300     of the queue `sales`, in whole seconds
    queue.expected_wait > 300           of the only queue that the flow leads to
    queue.sales.promised_wait           four of five wait no longer

Why: a caller is offered something else before she waits, not after. Nothing is known where too few
calls were seen, nobody follows the center, or the front end has just started; the value is `null`
then, and no comparison with a number holds: the flow goes on at what it does without.

A name in a condition has only letters, digits and `_`: anything else in a queue's id is written as
`_`, and one is put before a digit at the beginning.
"""

import re
from collections.abc import Mapping

from callcenter.ivr.expression import Value
from callcenter.ivr.shape import Flow, Queue, When

ROOT = "queue"
FIELDS = ("expected_wait", "promised_wait")

Waits = Mapping[str, Mapping[str, int]]
"""Word of a queue to its fields, in seconds; what is not known is not there."""


def word_of(queue: str) -> str:
    """A queue's id as it is written in a condition."""
    word = re.sub(r"\W", "_", queue, flags=re.ASCII)
    return f"_{word}" if word[:1].isdigit() else word


def queues_of(flow: Flow) -> tuple[str, ...]:
    """Words of the queues that a flow leads to, each once."""
    found = (word_of(node.queue) for node in flow.nodes.values() if isinstance(node, Queue))
    return tuple(dict.fromkeys(found))


def asked_by(node: When, flow: Flow) -> tuple[str, ...]:
    """Words of the queues that the conditions of a node ask about."""
    paths = (name.path[1:] for case in node.cases for name in case.condition.names
             if name.path[0] == ROOT)  # fmt: skip
    words = (path[0] if len(path) > 1 else only_of(flow) for path in paths)
    return tuple(dict.fromkeys(word for word in words if word))


def only_of(flow: Flow) -> str:
    """The queue that is meant without a name; empty where there is none, or more than one."""
    queues = queues_of(flow)
    return queues[0] if len(queues) == 1 else ""


def seen_as(waits: Waits, flow: Flow) -> dict[str, Value]:
    """What conditions see as `queue`."""
    named: dict[str, Value] = {word: dict(fields) for word, fields in waits.items()}
    return {**named, **waits.get(only_of(flow), {})}
