"""A flow file becomes a checked `Flow`, or a list of everything that is wrong with it.

Why: there is one way in. The command line, the hot reload and the front end take flows only from
here, so none of them can hold a flow that would leave a caller in silence.
"""

import msgspec

from callcenter.domain.errors import Problem, WrongInput
from callcenter.ivr.check import check_graph, check_names
from callcenter.ivr.read import read_flow
from callcenter.ivr.shape import Flow, Known, revision_of

__all__ = ["Flow", "Known", "load_flow", "revision_of"]


def load_flow(text: str, file: str, known: Known | None = None) -> Flow:
    """Read and check one flow file; its warnings are in `Flow.warnings`.

    Raises:
        WrongInput: with every problem found. Nothing else is raised, whatever the text.
    """
    reading = read_flow(text, file)
    problems = [*reading.problems, *check_names(reading, known or Known())]
    if not _errors(problems):
        problems += check_graph(reading.flow)
    problems.sort(key=lambda problem: (problem.line, problem.column))
    if _errors(problems):
        raise WrongInput(problems)
    warnings = tuple(problem for problem in problems if problem.severity != "error")
    return msgspec.structs.replace(reading.flow, warnings=warnings)


def _errors(problems: list[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)
