"""The deployment files say what the table of roles says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from callcenter.app.roles import BY_NAME, ROLES, STOP_ORDER

ROOT = Path(__file__).resolve().parents[2]


def test_the_deployment_files_are_what_the_table_of_roles_gives() -> None:
    check = subprocess.run(
        [sys.executable, "deploy/generate.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert check.returncode == 0, check.stderr


def test_the_readme_of_deploy_names_every_role() -> None:
    text = (ROOT / "deploy" / "README.md").read_text("utf-8")
    assert [role.name for role in ROLES if f"| `{role.name}` |" not in text] == []


def test_every_role_is_started_after_what_it_stands_on_and_stopped_once() -> None:
    names = [role.name for role in ROLES]
    for role in ROLES:
        assert all(names.index(name) < names.index(role.name) for name in role.after)
    assert sorted(STOP_ORDER) == sorted(BY_NAME)
    assert STOP_ORDER[0] == "frontend"
    assert STOP_ORDER[-1] == "store"
