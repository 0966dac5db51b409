"""However often the intake and the store die: 300 mails, none lost, none doubled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_300_mails_through_an_intake_that_dies_at_every_step() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.mail", "--mails", "300", "--seed", "7"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lost 0, doubled 0, not queued 0" in done.stdout
    assert " 0 deaths" not in done.stdout
