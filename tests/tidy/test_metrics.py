"""Every figure that is exported is documented, and what is documented is exported."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "callcenter"
NAME = re.compile(r"callcenter_[a-z]+(?:_[a-z]+)*")
ENDINGS = re.compile(r"_(total|bucket|count|sum)$")


def exported() -> set[str]:
    """Families named in the code; the client library adds `_total` to its counters by itself."""
    texts = (path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    quoted = (name for text in texts for name in re.findall(rf'"({NAME.pattern})"', text))
    return {name.removesuffix("_total") for name in quoted}


def documented() -> set[str]:
    """Families named in the chapter about metrics."""
    text = (PACKAGE / "web" / "README.md").read_text("utf-8")
    chapter = text.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    return {name.removesuffix("_total") for name in re.findall(r"`(callcenter_\w+)", chapter)}


def test_names_in_the_code_are_the_names_in_the_readme() -> None:
    assert len(exported()) > 30
    assert exported() == documented()


def test_alert_rules_ask_for_figures_that_exist() -> None:
    text = (ROOT / "deploy" / "alerts.yaml").read_text("utf-8")
    asked = {ENDINGS.sub("", name) for name in NAME.findall(text)}
    assert len(asked) >= 10
    assert asked <= exported()
