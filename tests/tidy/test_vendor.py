"""What others wrote is shipped exactly as noted, and asks for nothing outside."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "callcenter/web/static/vendor"


def test_every_vendored_module_is_the_one_that_was_noted() -> None:
    noted = tomllib.loads((VENDOR / "vendor.toml").read_text("utf-8"))
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in VENDOR.glob("*.mjs")}
    assert found == {name: entry["sha256"] for name, entry in noted.items()}


def test_no_vendored_module_imports_by_a_bare_name_or_from_outside() -> None:
    for path in VENDOR.glob("*.mjs"):
        names = re.findall(r'(?:from|import)\s*"([^"]+)"', path.read_text("utf-8"))
        assert all(name.startswith("./") for name in names), path.name


def test_each_licence_is_shipped() -> None:
    assert {p.name for p in VENDOR.glob("LICENSE.*")} == {
        "LICENSE.preact",
        "LICENSE.htm",
        "LICENSE.signals",
    }
