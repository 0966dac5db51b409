"""A wrong setting is told by file, line and remedy; a right one becomes a center."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.app.__main__ import callcenter
from callcenter.app.addresses import host_port
from callcenter.app.config import Settings, file_version, load_settings
from callcenter.app.config_check import check_settings, dump
from callcenter.app.config_documents import chat_doors_of, messengers_of
from callcenter.app.config_schema import described_schema
from callcenter.app.toml_lines import Places
from callcenter.domain.center import AgentChoice, Channel, ContactChoice, PhoneProfile, PlanStep
from callcenter.domain.errors import Problem, WrongInput
from callcenter.domain.units import MINUTE, SECOND, QueueId

GOOD = """\
[center]
name = "Example"
timezone = "Europe/Madrid"

[sip]
listen = ["127.0.0.1:5070", "[::1]:5070"]

[[skill]]
name = "sales"

[[calendar]]
name = "office"
open = ["mon-fri 09:00-17:30", "sat 10:00-14:00"]
holidays = ["2026-12-25"]

[[queue]]
id = "sales"
skills = { sales = 2 }
calendar = "office"
[queue.thresholds]
waiting_warn = 3

[[agent]]
id = "ana"
name = "Ana"
password = "secret-of-ana"
skills = { sales = 7 }
phone_profile = "legacy"
capacity = { chat = 2 }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "callcenter.toml"
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path


def problems(folder: Path, text: str, **env: str) -> list[Problem]:
    _, found = check_settings(write(folder, text), env)
    return found


def only(found: list[Problem]) -> Problem:
    assert len(found) == 1, found
    return found[0]


def test_a_good_file_becomes_a_center(tmp_path: Path) -> None:
    center = load_settings(write(tmp_path, GOOD), {}).center()
    (queue,) = center.queues
    assert (queue.id, queue.title, queue.timezone) == ("sales", "sales", "Europe/Madrid")
    assert queue.thresholds.waiting_warn == 3
    (agent,) = center.agents
    assert agent.phone is PhoneProfile.LEGACY
    assert agent.capacity == {Channel.CHAT: 2}
    (calendar,) = center.calendars
    assert [(p.weekday, p.opens, p.closes) for p in calendar.periods] == [
        *((day, 540, 1050) for day in range(5)),
        (5, 600, 840),
    ]


def test_the_center_holds_no_secret(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD), {})
    assert "secret-of-ana" not in repr(settings.center())
    assert "secret-of-ana" not in dump(settings)
    assert "secret-of-ana" in dump(settings, secrets=True)


def test_what_is_handed_to_a_child_is_what_was_read(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD), {})
    assert Settings.model_validate_json(dump(settings, secrets=True)) == settings


CHAT = """
[[chat]]
name = "website"
queue = "sales"
origins = ["https://www.example.com"]
"""


def test_a_chat_becomes_a_door_with_its_limits(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD + CHAT + "idle_minutes = 3\n"), {})
    assert settings.reads
    door = chat_doors_of(settings)["website"]
    assert (door.queue, door.origins) == ("sales", ("https://www.example.com",))
    assert (door.limits.idle, door.limits.away) == (3 * MINUTE, 90 * SECOND)


MESSENGER = """
[[messenger]]
name = "whatsapp"
format = "whatsapp"
queue = "sales"
secret_file = "app-secret"
password = "a token"
"""


def test_a_messengers_secret_reaches_a_child_and_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "app-secret").write_text("the app's secret\n")
    (tmp_path / "app-secret").chmod(0o600)
    settings = load_settings(write(tmp_path, GOOD + MESSENGER), {})
    found = messengers_of(settings)["whatsapp"]
    assert (found.secret, found.token) == (b"the app's secret", "a token")
    assert not chat_doors_of(settings)["whatsapp"].pages
    assert "app's secret" not in dump(settings)
    assert "a token" not in dump(settings)
    assert Settings.model_validate_json(dump(settings, secrets=True)) == settings


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ("", "messenger.0.secret", "is required"),
        ('secret = "s"\nurl = "gate.example"', "messenger.0.url", "must be an address"),
        ('secret = "s"\nformat = "pigeon"', "messenger.0.format", "must be one of"),
    ],
)
def test_what_is_wrong_with_a_messenger_is_told(
    tmp_path: Path, line: str, field: str, message: str
) -> None:
    keys = {"secret_file", *(one.partition(" ")[0] for one in line.splitlines())}
    kept = [one for one in MESSENGER.splitlines() if one.partition(" ")[0] not in keys]
    found = only(problems(tmp_path, GOOD + "\n".join([*kept, line, ""])))
    assert (found.field, message in found.message) == (field, True), found


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ('queue = "sail"', "chat.0.queue", "no queue 'sail'"),
        ('mailbox = "office"', "chat.0.mailbox", "no mailbox 'office'"),
        ('origins = ["www.example.com"]', "chat.0.origins.0", "must be https://host"),
        ('origins = ["https://a.example/page"]', "chat.0.origins.0", "must be https://host"),
        ('file_types = ["exe"]', "chat.0.file_types.0", "must be one of"),
        ("skills = { sails = 2 }", "chat.0.skills.sails", "no skill 'sails'"),
        ('rules = [{ queue = "sail" }]', "chat.0.rules.0.queue", "no queue 'sail'"),
    ],
)
def test_what_is_wrong_with_a_chat_is_told(
    tmp_path: Path, line: str, field: str, message: str
) -> None:
    key = line.partition(" ")[0]
    kept = [one for one in CHAT.splitlines() if not one.startswith(key)]
    found = only(problems(tmp_path, GOOD + "\n".join([*kept, line, ""])))
    assert (found.field, message in found.message) == (field, True), found


def test_without_a_file_it_binds_loopback_only(tmp_path: Path) -> None:
    settings = load_settings(None, {})
    addresses = (*settings.sip.listen, settings.web.listen, settings.media.events_listen)
    assert {host_port(address)[0] for address in addresses} == {"127.0.0.1"}


def test_an_unknown_key_is_told_with_its_line_and_what_was_meant(tmp_path: Path) -> None:
    found = only(problems(tmp_path, GOOD.replace("calendar = ", "calender = ")))
    assert found.file.endswith("callcenter.toml")
    assert (found.line, found.column) == (19, 1)
    assert found.field == "queue.0.calender"
    assert found.hint == "did you mean calendar?"


def test_an_unknown_table_is_told(tmp_path: Path) -> None:
    found = only(problems(tmp_path, GOOD + "\n[[agents]]\nid = 'x'\n"))
    assert (found.line, found.hint) == (31, "did you mean agent?")


@pytest.mark.parametrize(
    ("line", "wrong", "place", "message"),
    [
        ('timezone = "Europe/Madrid"', 'timezone = "Europe/Madird"', 3, "unknown time zone"),
        ("skills = { sales = 2 }", "skills = { sales = 11 }", 18, "must be at most 10"),
        ("skills = { sales = 7 }", "skills = { sails = 7 }", 27, "no skill 'sails'"),
        ('calendar = "office"', 'calendar = "offiec"', 19, "no calendar 'offiec'"),
        ('id = "sales"', 'id = "sa les"', 17, "must be a name: letters, digits"),
        ('listen = ["127.0.0.1:5070"', 'listen = ["127.0.0.1"', 6, "write it as host:port"),
        ("mon-fri 09:00-17:30", "mon-fri 9-26", 13, "is not a period"),
        ("waiting_warn = 3", 'waiting_warn = "many"', 21, "must be a whole number"),
    ],
)
def test_each_wrong_value_is_told_at_its_line(
    tmp_path: Path, line: str, wrong: str, place: int, message: str
) -> None:
    assert line in GOOD
    found = only(problems(tmp_path, GOOD.replace(line, wrong)))
    assert found.line == place
    assert message in found.message


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("waiting_warn", "waiting_worn").replace('name = "Ana"', "nam = 'Ana'")
    assert [p.line for p in problems(tmp_path, text)] == [21, 25]


def test_an_extension_is_nobody_elses(tmp_path: Path) -> None:
    text = GOOD.replace('name = "Ana"', 'name = "Ana"\nextension = "301"')
    center = load_settings(write(tmp_path, text), {}).center()
    assert center.agents[0].extension == "301"
    both = text.replace('id = "sales"', 'id = "sales"\nextension = "301"')
    found = only(problems(tmp_path, both))
    assert found.message == "'301' is a name, a number or an extension already"
    letters = text.replace('"301"', '"x1"')
    assert only(problems(tmp_path, letters)).line == 26


def test_a_name_given_twice_is_told(tmp_path: Path) -> None:
    found = only(problems(tmp_path, GOOD + '\n[[skill]]\nname = "sales"\n'))
    assert (found.line, found.message) == (32, "'sales' is given twice")


def test_what_is_not_toml_is_told_with_its_line(tmp_path: Path) -> None:
    found = only(problems(tmp_path, "[center\nname = 1\n"))
    assert found.line == 1
    assert "not TOML" in found.message


def test_a_file_that_is_not_there_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="callcenter init"):
        load_settings(tmp_path / "none.toml", {})


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    env = {
        "CALLCENTER__SIP__REALM": "elsewhere",
        "CALLCENTER__SIP__LISTEN": '["127.0.0.1:6060"]',
        "CALLCENTER__AGENT__0__PASSWORD": "1234",
        "CALLCENTER__STORE__ACCEPT_LOSS_SECONDS": "2",
        "CALLCENTER_OTHER": "not ours",
    }
    settings = load_settings(write(tmp_path, GOOD), env)
    assert settings.sip.realm == "elsewhere"
    assert settings.sip.listen == ("127.0.0.1:6060",)
    assert settings.agents[0].password.get_secret_value() == "1234"
    assert settings.store.accept_loss_seconds == 2


def test_phones_hash_with_md5_unless_all_of_them_know_better(tmp_path: Path) -> None:
    def digest(value: str) -> tuple[str, ...]:
        env = {"CALLCENTER__SIP__DIGEST": value} if value else {}
        return load_settings(write(tmp_path, GOOD), env).sip.digest

    assert digest("") == ("MD5",)
    assert digest('["SHA-256", "MD5"]') == ("SHA-256", "MD5")
    for wrong in ("[]", '["SHA-1"]'):
        with pytest.raises(WrongInput, match=r"sip\.digest"):
            digest(wrong)


def test_an_unknown_variable_is_told_by_its_name(tmp_path: Path) -> None:
    found = only(problems(tmp_path, GOOD, CALLCENTER__SIP__RELAM="x"))
    assert found.file == "$CALLCENTER__SIP__RELAM"
    assert found.hint == "did you mean realm?"


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "ana"
    secret.write_text("from-a-file\n")
    secret.chmod(0o600)
    text = GOOD.replace('password = "secret-of-ana"', 'password_file = "ana"')
    settings = load_settings(write(tmp_path, text), {})
    assert settings.agents[0].password.get_secret_value() == "from-a-file"


def test_a_secret_everybody_can_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "ana"
    secret.write_text("from-a-file")
    secret.chmod(0o644)
    text = GOOD.replace('password = "secret-of-ana"', 'password_file = "ana"')
    found = only(problems(tmp_path, text))
    assert (found.line, found.hint) == (26, f"chmod 600 {secret}")


def test_a_secret_that_is_missing_is_told(tmp_path: Path) -> None:
    text = GOOD.replace('password = "secret-of-ana"', 'password_file = "nowhere"')
    assert "cannot be read" in only(problems(tmp_path, text)).message


def test_credentials_of_the_service_manager_are_found(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "ana").write_text("from-systemd")
    (credentials / "ana").chmod(0o400)
    text = GOOD.replace('password = "secret-of-ana"', 'password_file = "ana"')
    settings = load_settings(write(tmp_path, text), {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert settings.agents[0].password.get_secret_value() == "from-systemd"


def test_a_password_in_a_readable_file_is_warned_about(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    path.chmod(0o644)
    settings, found = check_settings(path, {})
    assert settings is not None
    assert (only(found).severity, only(found).line) == ("warning", 26)


def test_the_same_center_has_the_same_version(tmp_path: Path) -> None:
    one = load_settings(write(tmp_path, GOOD), {}).center()
    other = load_settings(write(tmp_path, GOOD.replace('name = "Example"', "name = 'Example'")), {})
    changed = load_settings(write(tmp_path, GOOD.replace("sales = 7", "sales = 8")), {})
    assert file_version(one) == file_version(other.center())
    assert file_version(one) != file_version(changed.center())


def test_a_number_names_a_flow_that_exists(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "main.yaml").write_text("")
    text = 'flows_directory = "flows"\n[[number]]\nnumber = "100"\nflow = "mian"\n'
    found = only(problems(tmp_path, text))
    assert (found.line, found.hint) == (4, "did you mean 'main'?")


def test_places_are_found_through_strings_arrays_and_comments() -> None:
    places = Places(
        'a = """\n[not.a.table]\nb = 1\n"""\n'
        "list = [ # ] a comment\n  1,\n]\n"
        "[table.inner]\n'quoted key' = \"]\"\nx.y = 1\n"
    )
    assert places.find(("a",)) == (1, 1)
    assert places.find(("b",)) == (0, 0)
    assert places.find(("list",)) == (5, 1)
    assert places.find(("table", "inner", "quoted key")) == (9, 1)
    assert places.find(("table", "inner", "x", "y", "z")) == (10, 1)


def test_a_row_has_the_same_number_in_a_message_and_in_the_environment(tmp_path: Path) -> None:
    row = GOOD.replace('name = "Ana"', "nam = 'Ana'")
    assert only(problems(tmp_path, row)).field == "agent.0.nam"
    found = only(problems(tmp_path, GOOD, CALLCENTER__AGENT__0__ROLE="boss"))
    assert found.file == "$CALLCENTER__AGENT__0__ROLE"
    assert found.field == "agent.0.role"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[[queue]]\ntitle = 'x'\n", "is required", 'write id = "sales"'),
        ("[[number]]\nflow = 'main-line'\n", "is required", 'write number = "100"'),
        ("[[trunk]]\nname = 'x'\n", "is required", 'write address = "198.51.100.20:5060"'),
        ("store = 1\n", "must be a table", ""),
        ("[store]\nurl = 7\n", "must be text, in quotes (got 7)", ""),
        ("[store]\nurl = 'x'\n", "must be embedded, unix:///path", ""),
        ("[media]\nrtp_ports = '5'\n", "must be first-last, such as 30000-34999", ""),
        ("[[agent]]\nid = 'a'\nrole = 'x'\n", "must be one of 'agent' or 'supervisor'", ""),
        ("[[agent]]\nid = 'a'\nphone_profile = 'x'\n", "must be one of 'standard' or", ""),
        ("[[agent]]\nid = 'a'\ncapacity = 5\n", "must be a table", ""),
        ("[[queue]]\nid = 'a'\nunstaffed_exit = 'x'\n", "must be true or false", ""),
        ("[center]\nreasons = 5\n", "must be a list", ""),
        ("state_directory = 5\n", "must be a path", ""),
        ("[sip]\ndigest = []\n", "needs at least 1", ""),
        ("[store]\naccept_loss_seconds = 0\n", "must be more than 0", ""),
        ("[store]\naccept_loss_seconds = 'x'\n", "must be a number", ""),
        ("[[calendar]]\nname = 'a'\nholidays = ['x']\n", "must be a day, such as", ""),
        ("agent = 5\n", "must be a list", ""),
    ],
)
def test_a_wrong_value_is_told_in_our_words(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    found = only(problems(tmp_path, text))
    assert found.message.startswith(message)
    assert found.hint == hint
    assert found.line > 0
    for word in ("Settings", "instance", "pattern", "pydantic", "valid"):
        assert word not in str(found).replace(str(tmp_path), "")


@pytest.mark.parametrize("listen", ["192.0.2.10:5060", "0.0.0.0:5060", "[::]:5060"])
def test_audio_that_phones_elsewhere_cannot_reach_is_told(tmp_path: Path, listen: str) -> None:
    text = f'[sip]\nlisten = ["127.0.0.1:5060", "{listen}"]\n[media]\naddress = "127.0.0.1"\n'
    found = only(problems(tmp_path, text))
    assert (found.line, found.field) == (4, "media.address")
    assert listen in found.message
    assert "the machine's own address" in found.hint
    assert problems(tmp_path, text.replace('"127.0.0.1"\n', '"192.0.2.10"\n')) == []
    assert problems(tmp_path, text + 'url = "ng://127.0.0.1:2223"\n') == []


def test_a_flow_file_may_end_in_yml(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "main.yml").write_text("")
    text = 'flows_directory = "flows"\n[[number]]\nnumber = "100"\nflow = "main"\n'
    assert problems(tmp_path, text) == []


FLOWS = 'flows_directory = "flows"\n[[number]]\nnumber = "100"\nflow = "main"\n'
TO_SALES = """\
flow: main
entry: sales
languages: [en]
nodes:
  sales: { queue: sales, answered: end, timeout: end, full: end, unstaffed: end, closed: end, left: end }
  end: { hangup: normal }
"""


def check(folder: Path, text: str, **flows: str) -> Result:
    """`config check` of a file with these flows beside it."""
    (folder / "flows").mkdir(exist_ok=True)
    for name, flow in flows.items():
        (folder / "flows" / f"{name}.yaml").write_text(flow)
    return CliRunner().invoke(callcenter, ["config", "check", "-c", str(write(folder, text))])


def test_the_check_lays_the_flows_beside_the_center(tmp_path: Path) -> None:
    answer = check(tmp_path, FLOWS, main=TO_SALES)
    assert answer.exit_code == 2
    assert "flows/main.yaml:5:19: error: nodes.sales.queue: unknown queue 'sales'" in answer.output
    assert ": ok, " not in answer.output
    assert check(tmp_path, FLOWS + '[[queue]]\nid = "sales"\n').exit_code == 0


def test_a_broken_flow_that_a_number_starts_fails_the_check(tmp_path: Path) -> None:
    answer = check(tmp_path, FLOWS, main="garbage: [")
    assert answer.exit_code == 2
    assert "main.yaml:1:" in answer.output
    assert "error" in answer.output


def test_a_broken_flow_that_no_number_starts_is_a_warning(tmp_path: Path) -> None:
    fitting = FLOWS + '[[queue]]\nid = "sales"\n'
    answer = check(tmp_path, fitting, main=TO_SALES, draft="garbage: [")
    assert answer.exit_code == 0
    assert "draft.yaml:1:" in answer.output
    assert "warning" in answer.output


def test_a_flow_that_is_not_named_like_its_file_fails_the_check(tmp_path: Path) -> None:
    fitting = FLOWS + '[[queue]]\nid = "sales"\n'
    answer = check(tmp_path, fitting, main=TO_SALES.replace("flow: main", "flow: mian"))
    assert answer.exit_code == 2
    assert "(flow: main)" in answer.output


def test_every_setting_has_a_text_and_the_schema_says_it() -> None:
    schema = described_schema()
    silent = [
        f"{table}.{name}"
        for table, described in [("the file", schema), *schema["$defs"].items()]
        for name, setting in described.get("properties", {}).items()
        if len(setting.get("description", "")) < 5
    ]
    assert silent == []
    assert "WebSettings" in schema["$defs"]
    assert schema["properties"]["queue"]["description"] == "Waiting lines."


PLANNED = (
    GOOD.replace(
        "[queue.thresholds]\nwaiting_warn = 3\n",
        """\
agent_choice = "least_skilled"
[[queue.plan.steps]]
after_seconds = 30
lower = { sales = 1 }
raise_priority = 2
[[queue.plan.steps]]
after_seconds = 300
exit = "timeout"
""",
    ).replace("[sip]", 'contact_choice = "strict"\nconcurrency = { voice = ["chat"] }\n\n[sip]')
    + 'occupancy_max = 85\nsite = "north"\n'
)


def test_a_plan_in_the_file_becomes_the_plan_of_the_queue(tmp_path: Path) -> None:
    center = load_settings(write(tmp_path, PLANNED), {}).center()
    queue, ana = center.queues[0], center.agents[0]
    assert queue.agent_choice is AgentChoice.LEAST_SKILLED
    assert queue.plan.steps == (
        PlanStep(after_seconds=30, lower={"sales": 1}, raise_priority=2),
        PlanStep(after_seconds=300, exit="timeout"),
    )
    assert (ana.occupancy_max, ana.site) == (85, "north")
    assert center.contact_choice is ContactChoice.STRICT
    assert center.concurrency == {Channel.VOICE: (Channel.CHAT,)}


def test_a_queue_may_ring_several_agents_at_once(tmp_path: Path) -> None:
    text = PLANNED.replace('"least_skilled"', '"ring_all"\nring_width = 3')
    (queue,) = load_settings(write(tmp_path, text), {}).center().queues
    assert (queue.agent_choice, queue.ring_width) == (AgentChoice.RING_ALL, 3)
    wrong = only(problems(tmp_path, text.replace("ring_width = 3", "ring_width = 51")))
    assert (wrong.field, wrong.line) == (
        "queue.0.ring_width",
        text.splitlines().index("ring_width = 3") + 1,
    )


def test_a_queue_may_ask_for_a_language_and_wait_for_one_agent(tmp_path: Path) -> None:
    text = PLANNED.replace('"least_skilled"', '"least_skilled"\nlanguage_level = 4').replace(
        "[[queue.plan.steps]]", "[queue.plan]\nsticky_seconds = 60\n[[queue.plan.steps]]", 1
    )
    (queue,) = load_settings(write(tmp_path, text), {}).center().queues
    assert (queue.language_level, queue.plan.sticky_seconds) == (4, 60)
    assert queue.plan.version != load_settings(write(tmp_path, PLANNED), {}).center().queues[0].plan.version  # fmt: skip
    for name, wrong in (("sticky_seconds = 60", "3601"), ("language_level = 4", "11")):
        found = only(problems(tmp_path, text.replace(name, f"{name.split(' = ')[0]} = {wrong}")))
        assert found.line == text.splitlines().index(name) + 1


def test_another_plan_has_another_version_and_no_plan_has_none(tmp_path: Path) -> None:
    versions = [
        load_settings(write(tmp_path, text), {}).center().queues[0].plan.version
        for text in (PLANNED, PLANNED, PLANNED.replace("= 300", "= 301"), GOOD)
    ]
    assert versions[0] == versions[1] != versions[2]
    assert [len(version) for version in versions] == [8, 8, 8, 0]


def test_a_wrong_plan_is_told_at_its_step_with_the_remedy(tmp_path: Path) -> None:
    found = problems(tmp_path, PLANNED.replace("= 300", "= 30"))
    wrong = next(problem for problem in found if problem.severity == "error")
    assert PLANNED.splitlines()[wrong.line - 1 :][:2] == [
        "[[queue.plan.steps]]",
        "after_seconds = 300",
    ]
    assert wrong.field == "queue.0.plan.steps.1"
    assert "plan: step 2 (after 30 s): must come later than 30 s" in wrong.message


OVERFLOWING = PLANNED.replace('exit = "timeout"', 'queue = "help"').replace(
    "[[agent]]", '[[queue]]\nid = "help"\nskills = { sales = 1 }\n\n[[agent]]', 1
)


def test_a_plan_may_end_in_another_queue(tmp_path: Path) -> None:
    sales, _ = load_settings(write(tmp_path, OVERFLOWING), {}).center().queues
    assert sales.plan.steps[1] == PlanStep(after_seconds=300, queue=QueueId("help"))


@pytest.mark.parametrize(
    ("was", "put", "message", "hint"),
    [
        ('queue = "help"', 'queue = "hlep"', "no queue 'hlep'", "did you mean 'help'?"),
        (
            'queue = "help"', 'queue = "sales"', "overflow goes to the queue itself",
            "name another one",
        ),
        (
            "skills = { sales = 1 }",
            'plan.steps = [{ after_seconds = 9, queue = "sales" }]',
            "overflow goes round: sales -> help -> sales", "end it with an exit",
        ),
        ('queue = "help"', 'queue = "help"\nexit = "left"', "does more than one thing", "earlier"),
    ],
)  # fmt: skip
def test_overflow_that_leads_nowhere_is_refused_at_its_line(
    tmp_path: Path, was: str, put: str, message: str, hint: str
) -> None:
    text = OVERFLOWING.replace(was, put)
    found = problems(tmp_path, text)
    wrong = next(problem for problem in found if problem.severity == "error")
    assert wrong.field.startswith("queue.0.plan.steps.1")
    assert text.splitlines()[wrong.line - 1].startswith(("queue = ", "[[queue.plan.steps]]"))
    assert message in wrong.message
    assert hint in wrong.hint


def test_overflow_to_people_who_take_no_calls_is_warned_of(tmp_path: Path) -> None:
    mails_only = '[[agent]]\nid = "ben"\nskills = { mail = 5 }\ncapacity = { voice = 0 }\n'
    text = OVERFLOWING.replace("skills = { sales = 1 }", "skills = { mail = 1 }")
    text = text.replace("[[skill]]", '[[skill]]\nname = "mail"\n\n[[skill]]', 1)
    warning = only(problems(tmp_path, text + mails_only))
    assert warning.severity == "warning"
    assert warning.field == "queue.0.plan.steps.1.queue"
    assert "overflow goes to 'help', where nobody takes voice" in warning.message
    assert "capacity" in warning.hint


def test_a_queue_that_nobody_could_serve_is_warned_of(tmp_path: Path) -> None:
    warning = only(problems(tmp_path, GOOD.replace("sales = 7", "")))
    assert warning.severity == "warning"
    assert "nobody is configured who could serve it" in warning.message
    assert "skills" in warning.hint


def test_a_skill_may_ask_for_a_certificate(tmp_path: Path) -> None:
    text = GOOD.replace('name = "sales"\n', 'name = "sales"\ncertified = true\n', 1)
    warning = only(problems(tmp_path, text))
    assert warning.severity == "warning"
    assert "nobody has a certificate for sales" in warning.message
    assert "callcenter agent train" in warning.hint
    (tmp_path / "good.toml").write_text(text)
    (tmp_path / "good.toml").chmod(0o600)
    assert load_settings(tmp_path / "good.toml", {}).center().certified == ("sales",)


FAX = (
    GOOD
    + """\
[[number]]
number = "300"
fax = "sales"
[fax]
sub_addresses = { 4711 = "sales" }
ports = "36000-36009"
"""
)


def test_a_number_may_take_faxes_and_nothing_else(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, FAX), {})
    assert settings.takes_faxes
    assert settings.reads
    [number] = settings.center().numbers
    assert (number.number, number.flow, number.fax) == ("300", "", "sales")


@pytest.mark.parametrize(
    ("was", "put", "field", "message"),
    [
        ('fax = "sales"', 'fax = "sails"', "number.0.fax", "no queue"),
        ('fax = "sales"', 'guests = true', "number.0.flow", "no flow"),
        ('4711 = "sales"', '4711 = "x"', "fax.sub_addresses.4711", "no queue"),
        ('4711 = "sales"', 'abc = "sales"', "fax.sub_addresses.abc", "no sub-address"),
        ("36000-36009", "36000-35000", "fax.ports", "the range is empty"),
        ("36000-36009", "34000-36009", "fax.ports", "overlaps with [media] rtp_ports"),
    ],
)  # fmt: skip
def test_a_wrong_fax_setting_is_told_at_its_field(
    was: str, put: str, field: str, message: str, tmp_path: Path
) -> None:
    found = [p for p in problems(tmp_path, FAX.replace(was, put)) if p.severity == "error"]
    wrong = only(found)
    assert wrong.field == field
    assert message in wrong.message
    assert wrong.hint
