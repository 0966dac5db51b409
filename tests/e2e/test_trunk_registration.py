"""Our account is registered with a provider's registrar that is not ours (sipp), and renewed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.harness import Center, eventually
from tests.ports import free_ports

pytestmark = pytest.mark.e2e

SCENARIO = Path(__file__).with_name("registrar.xml")


def test_sipp_takes_our_registration_and_its_renewal(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    (tmp_path / "center").mkdir()
    center = Center(
        tmp_path / "center",
        f'[[trunk]]\nname = "provider"\naddress = "127.0.0.1:{port}"\nusername = "acme"\n'
        'password = "s3cret-of-the-line"\nregister_seconds = 600\n',
    )
    sipp = subprocess.Popen(
        ["sipp", "-sf", str(SCENARIO), "-i", "127.0.0.1", "-p", str(port), "-m", "1", "-nostdin",
         "-trace_err", "-error_file", str(tmp_path / "errors")],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        center.start()

        def registered() -> bool:
            found = center.metrics()
            return any(
                n == 1 for name, n in found.items()
                if name.startswith("callcenter_trunk_registered{") and 'trunk="provider"' in name
            )  # fmt: skip

        eventually(registered, 40, "the figure does not say that it stands")
        eventually(lambda: sipp.poll() is not None, 60, "it was not renewed before it ended")
        errors = tmp_path / "errors"
        assert sipp.returncode == 0, errors.read_text("utf-8") if errors.exists() else "no words"
        assert registered()
        log = center.log.read_text("utf-8", "replace")
        assert "s3cret" not in log
        assert "Traceback" not in log
    finally:
        center.stop()
        if sipp.poll() is None:
            sipp.kill()
        sipp.wait()
