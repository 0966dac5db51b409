"""All flows of a center, by name and revision; replaced as a whole or not at all.

Why: files change while calls are running. A call keeps the revision it began with, so a replaced
revision stays in the library as long as it is among the last `REVISIONS_MAX` of its flow. A
library never changes: `replace` gives a new one, or says what is wrong and the old one goes on.
"""

from collections.abc import Callable, Mapping

from callcenter.domain.errors import Problem, WrongInput
from callcenter.ivr.flow import load_flow
from callcenter.ivr.shape import Flow, Known

REVISIONS_MAX = 20
FLOWS_MAX = 200


class Library:
    """Flows that calls can begin with, and the revisions that running calls still need."""

    def __init__(
        self,
        flows: Mapping[str, Flow] | None = None,
        earlier: Mapping[str, tuple[Flow, ...]] | None = None,
    ) -> None:
        """`earlier` holds older revisions by name, the oldest first."""
        self._flows = dict(flows or {})
        self._revisions = dict(earlier or {})
        for flow in self._flows.values():
            self._revisions[flow.name] = _kept(self._revisions.get(flow.name, ()), flow)

    @property
    def flows(self) -> dict[str, Flow]:
        """The present revision of each flow, by name."""
        return dict(self._flows)

    @property
    def names(self) -> frozenset[str]:
        """Names of all flows that a call can begin with."""
        return frozenset(self._flows)

    @property
    def revisions(self) -> dict[str, Flow]:
        """Every revision that a running call may have begun with, by its hash."""
        return {flow.revision: flow for kept in self._revisions.values() for flow in kept}

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is not wrong but should be looked at."""
        return tuple(problem for flow in self._flows.values() for problem in flow.warnings)

    def get(self, name: str, revision: str = "") -> Flow | None:
        """A flow as it is now, or in the revision that a call began with."""
        if not revision:
            return self._flows.get(name)
        return next((f for f in self._revisions.get(name, ()) if f.revision == revision), None)

    def replace(self, files: Mapping[str, str], known: Known | None = None) -> "Library":
        """A library of exactly these `files` (path -> text) that keeps earlier revisions.

        Raises:
            WrongInput: with the problems of all files. The present library is untouched.
        """
        return self.with_flows(load_files(files, known))

    def with_flows(self, flows: Mapping[str, Flow]) -> "Library":
        """A library of exactly these checked `flows` that keeps earlier revisions."""
        return Library(flows, self._revisions)


def _kept(revisions: tuple[Flow, ...], flow: Flow) -> tuple[Flow, ...]:
    """`revisions` with `flow` as the youngest."""
    others = [other for other in revisions if other.revision != flow.revision]
    return (*others, flow)[-REVISIONS_MAX:]


def load_files(
    files: Mapping[str, str],
    known: Known | None = None,
    load: Callable[[str, str, Known | None], Flow] = load_flow,
) -> dict[str, Flow]:
    """Check several files together: each by itself with `load`, then their names and numbers.

    Raises:
        WrongInput: with every problem of every file.
    """
    flows: dict[str, Flow] = {}
    problems: list[Problem] = []
    numbers: dict[str, str] = {}
    for file, text in sorted(files.items()):
        try:
            flow = load(text, file, known)
        except WrongInput as error:
            problems += error.problems
            continue
        if flow.name in flows:
            problems.append(_twice(file, "flow", flow.name, flows[flow.name].file))
        for number in flow.numbers:
            if number in numbers:
                problems.append(_twice(file, "number", number, numbers[number]))
            numbers[number] = file
        flows[flow.name] = flow
    if len(files) > FLOWS_MAX:
        problems.append(Problem(file="", message=f"more than {FLOWS_MAX} flow files"))
    if any(problem.severity == "error" for problem in problems):
        raise WrongInput(problems)
    return flows


def _twice(file: str, what: str, name: str, other: str) -> Problem:
    return Problem(file=file, field=what, message=f"{what} {name!r} also stands in {other}")
