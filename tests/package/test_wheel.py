"""The wheel alone is a whole product: installed outside the checkout it runs the demo."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT
from tests.ports import free_ports

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [
            sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target),
            str(ROOT),
        ],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    (made,) = target.glob("*.whl")
    return made


def test_the_wheel_holds_flows_prompts_music_and_pages(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(n.endswith("shipped/ivr_flows/main-line.yaml") for n in names)
    assert any("shipped/ivr_flows/prompts/" in n and n.endswith(".au") for n in names)
    assert any("media/audio/music" in n and n.endswith(".au") for n in names)
    assert any(n.endswith(("static/wall.html", "static/index.html")) for n in names)
    assert not any(n.startswith("tests/") for n in names)


def test_the_installed_wheel_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), str(wheel)],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    sip, web = free_ports(2)
    done = subprocess.run(
        [
            sys.executable, "-m", "callcenter", "demo", "--json", "--duration", "12", "--seed", "5",
            "--sip", f"127.0.0.1:{sip}", "--web", f"127.0.0.1:{web}",
        ],
        capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(place), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["lost"] == 0
    assert summary["answered"] >= 1
    assert summary["placed"] == summary["known"]
