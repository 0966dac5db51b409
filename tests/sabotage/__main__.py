"""`make sabotage`: plant every defect in a copy of the tree and show which test catches it.

    python -m tests.sabotage [NAME ...]

Exits with 1 when a defect survives and with 2 when the named tests fail without any.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.sabotage.defects import (
    ROOT,
    Defect,
    Verdict,
    copy_tree,
    defects,
    run_tests,
    try_defect,
)

OUTPUT_LINES = 15
"""What is shown of a run that should have failed."""


def main(names: list[str]) -> int:
    """Try the defects of these names, or all."""
    chosen = [defect for defect in defects() if not names or defect.name in names]
    if not chosen:
        print(f"no such defect; there are {', '.join(d.name for d in defects())}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        tree = copy_tree(ROOT, Path(folder))
        return try_all(chosen, tree) if sound(chosen, tree) else 2


def sound(chosen: list[Defect], tree: Path) -> bool:
    """Whether every named test passes while nothing is planted."""
    tests = sorted({test for defect in chosen for test in defect.tests})
    print(f"{len(tests)} tests without a defect: ", end="", flush=True)
    outcome = run_tests(tree, tests)
    well = outcome.ran == set(tests) and not outcome.failed
    print("all pass" if well else f"they do not pass\n{outcome.output}")
    return well


def try_all(chosen: list[Defect], tree: Path) -> int:
    """The table, line by line as it is found out."""
    wide = max(len(defect.name) for defect in chosen)
    survivors = 0
    print(f"\n{'':7}  {'defect':{wide}}  {'seconds':>7}  result")
    for number, defect in enumerate(chosen, 1):
        print(f"[{number:2}/{len(chosen):2}]  {defect.name:{wide}}  ", end="", flush=True)
        verdict, seconds, output = try_defect(defect, tree)
        by = " and ".join(test.rpartition("::")[2] for test in defect.tests)
        print(f"{seconds:7.1f}  {verdict.value} by {by}")
        if verdict is not Verdict.CAUGHT:
            survivors += 1
            print(f"         {defect.breaks}\n" + _end_of(output))
    print(f"\n{len(chosen) - survivors} of {len(chosen)} planted defects were caught.")
    return 1 if survivors else 0


def _end_of(output: str) -> str:
    return "\n".join(f"         | {line}" for line in output.splitlines()[-OUTPUT_LINES:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
