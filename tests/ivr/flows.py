"""Small flows that the tests of this room are told with."""

from callcenter.domain.errors import Problem, WrongInput
from callcenter.ivr.flow import load_flow
from callcenter.ivr.shape import Flow, Known

EXITS = "answered: end, timeout: end, full: end, unstaffed: end, closed: end, left: end"

HEAD = """\
flow: try
entry: start
languages: [en, es]
prompts:
  hello: { en: Hello., es: Hola. }
  ask: { en: Press 1 or 2., es: Oprima 1 o 2. }
  sorry: { en: Sorry?, es: ¿Perdone? }
  wait: { en: Thank you for waiting., es: Gracias por esperar. }
  number: { en: Your number please., es: Su número por favor. }
"""


def flow_of(nodes: str, rest: str = "", head: str = HEAD) -> Flow:
    """A flow with these nodes, and `end`."""
    return load_flow(f"{head}{rest}nodes:\n{nodes}\n  end: {{ hangup: normal }}\n", "try.yaml")


def problems_of(text: str, known: Known | None = None) -> list[Problem]:
    """Everything the check says about a file, warnings too."""
    try:
        return list(load_flow(text, "try.yaml", known).warnings)
    except WrongInput as wrong:
        return wrong.problems
