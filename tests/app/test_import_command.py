"""`callcenter import asterisk|freeswitch|twilio`, as an operator types it."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from callcenter.app.__main__ import callcenter
from callcenter.app.config_check import check_settings
from callcenter.domain.errors import WrongInput
from tests.app.imports import GOLDEN, write

QUEUES = str(GOLDEN / "queues.conf")


def ran(*words: str) -> Result:
    return CliRunner().invoke(callcenter, ["import", *words])


def test_the_configuration_goes_to_stdout_and_the_report_beside_it(tmp_path: Path) -> None:
    answer = ran("freeswitch", str(GOLDEN / "callcenter.conf.xml"))
    assert answer.exit_code == 0, answer.output
    settings, problems = check_settings(write(tmp_path, "callcenter.toml", answer.stdout), {})
    assert settings is not None
    assert problems == []
    assert "tier-rules-apply = true: taken over as the plan of the queue" in answer.stderr
    assert "2 queues, 3 agents; " in answer.stderr


def test_a_written_file_passes_config_check(tmp_path: Path) -> None:
    output = tmp_path / "imported.toml"
    answer = ran("twilio", str(GOLDEN / "workflow.json"), "-o", str(output))
    assert answer.exit_code == 0, answer.output
    assert "no equivalent" in answer.stdout
    checked = CliRunner().invoke(callcenter, ["config", "check", "-c", str(output)])
    assert checked.exit_code == 0, checked.output


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    output = write(tmp_path, "callcenter.toml", "# mine\n")
    refused = ran("asterisk", QUEUES, "-o", str(output))
    assert (refused.exit_code, output.read_text()) == (1, "# mine\n")
    assert "--force overwrites it" in refused.stderr
    assert ran("asterisk", QUEUES, "-o", str(output), "--force").exit_code == 0
    assert output.read_text().startswith("# Imported from queues.conf")
    assert [path.name for path in tmp_path.iterdir()] == ["callcenter.toml"]


def test_the_report_is_a_document(tmp_path: Path) -> None:
    answer = ran(
        "asterisk", QUEUES, "--json", "--max-penalty", "sales=5", "-o", str(tmp_path / "x")
    )
    document = json.loads(answer.stdout)
    assert (document["queues"], document["agents"]) == (3, 6)
    assert sum(document["counts"].values()) == len(document["report"])
    row = next(row for row in document["report"] if row["setting"] == "servicelevel = 300")
    assert (row["line"], row["section"], row["outcome"]) == (24, "sales", "taken over")
    assert "configuration" in json.loads(ran("asterisk", QUEUES, "--json").stdout)


def test_wrong_use_and_wrong_files_exit_2(tmp_path: Path) -> None:
    assert ran("asterisk", QUEUES, "--max-penalty", "much").exit_code == 2
    assert ran("asterisk", QUEUES, "--max-penalty", "²").exit_code == 2
    assert ran("asterisk").exit_code == 2
    wrong = ran("twilio", str(write(tmp_path, "w.json", "{")))
    assert isinstance(wrong.exception, WrongInput), "which exits 2, with file and line"
    assert isinstance(ran("freeswitch", str(tmp_path / "gone.xml")).exception, WrongInput)
