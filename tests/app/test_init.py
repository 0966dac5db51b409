"""The first file a person sees works as it is."""

from __future__ import annotations

import os
import re
from pathlib import Path

from click.testing import CliRunner

from callcenter.app.__main__ import callcenter
from callcenter.app.config import load_settings
from callcenter.app.config_check import check_settings
from callcenter.app.secrets import make_passwords
from callcenter.care.customer import read_customers
from callcenter.domain.center import PhoneProfile


def test_what_init_writes_passes_its_own_check(tmp_path: Path) -> None:
    answer = CliRunner().invoke(callcenter, ["init", str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    settings, problems = check_settings(tmp_path / "callcenter.toml", {})
    assert problems == []
    assert settings is not None
    assert {a.id: len(a.password.get_secret_value()) for a in settings.agents} == {
        "ana": 20,
        "ben": 20,
    }
    assert [n.flow for n in settings.numbers] == sorted(
        p.stem for p in settings.flows_directory.glob("*.yaml")
    )


def test_only_the_owner_can_read_a_password(tmp_path: Path) -> None:
    CliRunner().invoke(callcenter, ["init", str(tmp_path)])
    secrets = list((tmp_path / "secrets").iterdir())
    assert len(secrets) == 4
    assert {os.stat(path).st_mode & 0o777 for path in secrets} == {0o600}


def test_nothing_is_made_that_nobody_reads(tmp_path: Path) -> None:
    CliRunner().invoke(callcenter, ["init", str(tmp_path)])
    text = (tmp_path / "callcenter.toml").read_text("utf-8")
    made = [f"secrets/{path.name}" for path in (tmp_path / "secrets").iterdir()]
    assert [name for name in made if f'"{name}"' not in text] == []
    assert {path.name for path in tmp_path.iterdir()} == {
        "callcenter.toml", "customers.csv", "secrets",
    }  # fmt: skip
    for untrue in ("recording", "go out here"):
        assert untrue not in text


def test_init_ends_with_commands_that_work_as_they_are_printed(tmp_path: Path) -> None:
    told = CliRunner().invoke(callcenter, ["init", str(tmp_path)]).output
    settings = load_settings(tmp_path / "callcenter.toml", {})
    assert str(tmp_path.resolve()) in told
    assert f"server {settings.sip.listen[0]}, user ana" in told
    assert f"http://{settings.web.listen}/desk" in told
    for line in ("callcenter config check", "callcenter doctor", "callcenter run"):
        assert f"  {line}" in told
    assert "dial *11" in told
    match = re.search(r"=\$\(cat (\S+)\) callcenter softphone --user (\w+) call (\d+)", told)
    assert match
    file, user, number = match.groups()
    agent = settings.agent(user)
    assert agent is not None
    assert agent.phone_profile is PhoneProfile.LEGACY, "pyVoIP knows the oldest digest only"
    assert agent.password.get_secret_value() == (tmp_path / file).read_text().strip()
    assert number in {n.number for n in settings.numbers}


def test_the_readme_prints_the_same_commands(tmp_path: Path) -> None:
    told = CliRunner().invoke(callcenter, ["init", str(tmp_path)]).output
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    for line in re.findall(
        r"^  (?:SOFTPHONE_PASSWORD=\S+ \S+ )?callcenter [^#\n]+", told, re.MULTILINE
    ):
        assert line.strip() in readme


def test_the_sample_of_customers_can_be_imported_and_is_never_overwritten(tmp_path: Path) -> None:
    CliRunner().invoke(callcenter, ["init", str(tmp_path)])
    file = tmp_path / "customers.csv"
    assert len(read_customers(file.read_text("utf-8"), "customers.csv")) == 2
    file.write_text("customer_number\n7\n")
    CliRunner().invoke(callcenter, ["init", str(tmp_path), "--force"])
    assert file.read_text() == "customer_number\n7\n"


def test_a_configuration_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "callcenter.toml").write_text("# mine\n")
    answer = CliRunner().invoke(callcenter, ["init", str(tmp_path)])
    assert answer.exit_code == 1
    assert "--force" in answer.output
    assert (tmp_path / "callcenter.toml").read_text() == "# mine\n"


def test_a_password_is_made_once(tmp_path: Path) -> None:
    assert len(make_passwords(tmp_path, ["ana-phone"])) == 1
    before = (tmp_path / "ana-phone").read_text()
    assert make_passwords(tmp_path, ["ana-phone"]) == []
    assert (tmp_path / "ana-phone").read_text() == before
    assert len(before.strip()) == 20


def test_help_lists_every_command_without_importing_them() -> None:
    answer = CliRunner().invoke(callcenter, ["--help"])
    assert answer.exit_code == 0
    for command in ("demo", "run", "init", "doctor", "config", "flow", "softphone"):
        assert command in answer.output
