"""From a file and the environment to `Settings`, or to every problem with place and remedy.

Why: `config check`, `run` and `doctor` must judge a file alike, and a person should see all of its
problems at once, not the first. Nothing here starts or opens anything but the files named.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from callcenter.app.addresses import host_port
from callcenter.app.config import Settings
from callcenter.app.config_base import FORMS, Table, unknown
from callcenter.app.config_dialling import dialling_problems
from callcenter.app.config_documents import ChatSettings, MessengerSettings
from callcenter.app.config_tls import tls_problems
from callcenter.app.flow_files import flow_paths
from callcenter.app.toml_lines import KeyPath, Places
from callcenter.control.configuration import problems_of, warnings_of
from callcenter.domain.errors import Problem

ENV_PREFIX = "CALLCENTER__"
SECRET_BYTES_MAX = 4096

_SECRET_FILES = {
    ("trunk", "password_file"),
    ("agent", "password_file"),
    ("agent", "web_password_file"),
    ("mailbox", "password_file"),
    ("fax_source", "password_file"),
    ("messenger", "password_file"),
    ("messenger", "secret_file"),
}


_WORDS = {
    "string": "must be text, in quotes",
    "int": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "path": "must be a path, in quotes",
    "model": "must be a table",
    "dict": "must be a table",
    "tuple": "must be a list, in [ ]",
    "too_short": "needs at least {min_length}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "literal": "must be one of {expected}",
    "enum": "must be one of {expected}",
}
"""What is wrong with a value, by the first letters of its kind of error; the first that fits."""


def check_settings(
    path: Path | None, env: Mapping[str, str]
) -> tuple[Settings | None, list[Problem]]:
    """The settings (none if any problem is an error) and everything found on the way."""
    reader = _Reader(path, env)
    return reader.settings(), reader.problems


class _Reader:
    """One reading of one file."""

    def __init__(self, path: Path | None, env: Mapping[str, str]) -> None:
        self.file = path
        self.env = env
        self.folder = (path.parent if path else Path.cwd()).resolve()
        self.problems: list[Problem] = []
        self._places = Places("")
        self._from_env: dict[KeyPath, str] = {}

    def settings(self) -> Settings | None:
        data = self._read()
        if data is None:
            return None
        self._overlay_environment(data)
        self._read_secrets(data)
        try:
            settings = Settings.model_validate(data)
        except ValidationError as wrong:
            for error in wrong.errors():
                self._tell_validation(error)
            return None
        settings = _absolute(settings, self.folder)
        for path, message, hint in cross_checks(settings):
            self.tell(path, message, hint)
        if not self.problems:
            self._tell_center(settings)
        self._check_modes(data)
        return None if any(p.severity == "error" for p in self.problems) else settings

    def _tell_center(self, settings: Settings) -> None:
        """What control would say of the center, at the queue or agent that it names."""
        center = settings.center()
        rows = [("queue", n, f"queue {row.id}: ") for n, row in enumerate(settings.queues)]
        rows += [("agent", n, f"agent {row.id}: ") for n, row in enumerate(settings.agents)]
        told = [(words, "error") for words in problems_of(center)]
        told += [(words, "warning") for words in warnings_of(center)]
        for words, severity in told:
            place: KeyPath = next(
                ((table, n) for table, n, head in rows if words.startswith(head)), ()
            )
            message, _, hint = words.rpartition("; ")
            self.tell(
                place + _within_plan(settings, place, words),
                message or hint, hint if message else "", severity,
            )  # fmt: skip

    def tell(self, path: KeyPath, message: str, hint: str = "", severity: str = "error") -> None:
        """Note a problem at the place of `path`."""
        line, column = self._places.find(path)
        file = str(self.file or "defaults")
        for length in range(len(path), 0, -1):
            if name := self._from_env.get(path[:length]):
                file, line, column = f"${name}", 0, 0
                break
        field = ".".join(str(p) for p in path)
        self.problems.append(
            Problem(
                file=file, line=line, column=column, field=field,
                message=message, hint=hint, severity=severity,
            )
        )  # fmt: skip

    def _read(self) -> dict[str, Any] | None:
        if self.file is None:
            return {}
        try:
            text = self.file.read_text("utf-8")
        except UnicodeDecodeError as wrong:
            self.tell((), f"not UTF-8 text: {wrong.reason}", "save it as UTF-8")
            return None
        except OSError as wrong:
            hint = "`callcenter init` writes one" if isinstance(wrong, FileNotFoundError) else ""
            self.tell((), f"cannot be read: {wrong.strerror}", hint)
            return None
        self._places = Places(text)
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as wrong:
            line, column = getattr(wrong, "lineno", 0), getattr(wrong, "colno", 0)
            message = str(wrong)
            if not line and "(at line " in message:
                message, _, place = message.partition(" (at line ")
                line, column = (int(n) for n in place.rstrip(")").split(", column "))
            self.problems.append(
                Problem(
                    file=str(self.file), line=line, column=column,
                    message=f"not TOML: {message}", hint="see https://toml.io",
                )
            )  # fmt: skip
            return None

    def _overlay_environment(self, data: dict[str, Any]) -> None:
        for name in sorted(self.env):
            if not name.startswith(ENV_PREFIX):
                continue
            path: KeyPath = tuple(
                int(p) if p.isdigit() else p.lower() for p in name[len(ENV_PREFIX) :].split("__")
            )
            self._from_env[path] = name
            if not _put(data, path, _env_value(self.env[name])):
                self.tell(path, "does not name a setting", "see `callcenter config schema`")

    def _read_secrets(self, data: dict[str, Any]) -> None:
        for table, key in _SECRET_FILES:
            rows = data.get(table)
            for index, row in enumerate(rows if isinstance(rows, list) else []):
                if isinstance(row, dict) and isinstance(row.get(key), str):
                    self._read_secret(row, (table, index, key))

    def _read_secret(self, row: dict[str, Any], path: KeyPath) -> None:
        key = str(path[-1])
        target = key.removesuffix("_file")
        if target in row:
            self.tell(path, f"{target} and {key} are both given", f"keep only {key}")
            return
        file = self._secret_path(row[key])
        try:
            if file.stat().st_mode & 0o007:
                self.tell(path, f"{file} can be read by everybody", f"chmod 600 {file}")
            secret = file.read_bytes()[:SECRET_BYTES_MAX].decode("utf-8").strip()
        except (OSError, UnicodeDecodeError) as wrong:
            reason = getattr(wrong, "strerror", None) or "not text"
            self.tell(path, f"{file} cannot be read: {reason}", "write the secret there, mode 600")
            return
        if not secret:
            self.tell(path, f"{file} is empty", "write the secret there")
        row[target] = secret

    def _secret_path(self, name: str) -> Path:
        beside = self.folder / name
        credentials = self.env.get("CREDENTIALS_DIRECTORY")
        if not beside.exists() and credentials and (Path(credentials) / name).exists():
            return Path(credentials) / name
        return beside

    def _check_modes(self, data: dict[str, Any]) -> None:
        inline = [
            (table, index, key)
            for table, file_key in sorted(_SECRET_FILES)
            for index, row in enumerate(data.get(table, ()))
            for key in [file_key.removesuffix("_file")]
            if key in row and file_key not in row
        ]
        if self.file and inline and self.file.stat().st_mode & 0o077:
            self.tell(
                inline[0], "a password stands in a file that others can read",
                f"chmod 600 {self.file}, or use {inline[0][2]}_file", severity="warning",
            )  # fmt: skip

    def _tell_validation(self, error: Any) -> None:
        path: KeyPath = tuple(error["loc"])
        kind, given = error["type"], error.get("input")
        if kind == "extra_forbidden":
            known = _keys_of(path[:-1])
            close = difflib.get_close_matches(str(path[-1]), known, 1)
            hint = f"did you mean {close[0]}?" if close else "known here: " + ", ".join(known)
            self.tell(path, "unknown key", hint)
        elif kind == "missing":
            self.tell(path, "is required", _example(path))
        else:
            secret = any(w in str(path[-1] if path else "") for w in ("password", "secret"))
            shown = "" if secret or isinstance(given, dict | list) else f" (got {given!r})"
            self.tell(path, _words(error) + shown)


_STEP = re.compile(r"plan: step (\d+) ")


def _within_plan(settings: Settings, place: KeyPath, words: str) -> KeyPath:
    """The step that `words` about a queue's plan are about, as the rest of its path."""
    if place[:1] != ("queue",) or ": plan: " not in words:
        return ()
    steps = settings.queues[int(place[1])].plan.steps
    named = _STEP.search(words)
    overflow = next((n for n, step in enumerate(steps) if step.queue), None)
    number = int(named[1]) - 1 if named else overflow if "overflow" in words else None
    if number is None:
        return ("plan",)
    return ("plan", "steps", number, *(("queue",) if "overflow" in words else ()))


def _words(error: Any) -> str:
    """What is wrong with a value, in our words and not in those of the library that checks it."""
    kind, facts = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(facts["error"])
    if kind == "string_pattern_mismatch":
        return FORMS[facts["pattern"]]
    words = next((w for name, w in _WORDS.items() if kind.startswith(name)), "cannot be taken")
    return words.format(**facts)


def _example(path: KeyPath) -> str:
    """How a missing key could be written."""
    model = _table_at(path[:-1])
    field = model.model_fields.get(str(path[-1])) if model else None
    examples = field.examples if field else None
    return f"write {path[-1]} = {json.dumps(examples[0])}" if examples else ""


def _env_value(text: str) -> Any:
    """TOML where it looks like a list, a table or a quoted string; the plain text otherwise."""
    if text[:1] in '[{"':
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _put(data: Any, path: KeyPath, value: Any) -> bool:
    for part in path[:-1]:
        if isinstance(part, int):
            if not isinstance(data, list) or part >= len(data):
                return False
            data = data[part]
        elif isinstance(data, dict):
            data = data.setdefault(part, {})
        else:
            return False
    if isinstance(data, dict) and isinstance(path[-1], str):
        data[path[-1]] = value
        return True
    return False


def _keys_of(path: KeyPath) -> list[str]:
    """The keys that may stand in the table at `path`."""
    model = _table_at(path)
    fields = model.model_fields if model else {}
    return [field.alias or name for name, field in fields.items()]


def _table_at(path: KeyPath) -> type[Table] | None:
    """What describes the table at `path`, if one of our own stands there."""
    model: Any = Settings
    for part in path:
        if isinstance(part, int):
            continue
        field = next(
            (f for n, f in model.model_fields.items() if part in (n, f.alias)),
            None,
        )
        if field is None:
            return None
        model = field.annotation
        inner = [a for a in getattr(model, "__args__", ()) if isinstance(a, type)]
        model = next((a for a in inner if issubclass(a, Table)), model)
        if not (isinstance(model, type) and issubclass(model, Table)):
            return None
    return model  # type: ignore[no-any-return]


def _absolute(settings: Settings, folder: Path) -> Settings:
    """Every path made absolute, from the file's folder."""
    store = settings.store
    if store.directory is not None:
        directory = Path(os.path.abspath(folder / store.directory))
        store = store.model_copy(update={"directory": directory})

    def resolve(row: Any) -> Any:
        files = {
            key: Path(os.path.abspath(folder / path))
            for key in ("certificate_file", "key_file", "authorities_file")
            if (path := getattr(row, key, None)) is not None
        }
        return row.model_copy(update=files)

    return settings.model_copy(
        update={
            "certificates": tuple(resolve(row) for row in settings.certificates),
            "trunks": tuple(resolve(row) for row in settings.trunks),
            "store": store,
            "state_directory": Path(os.path.abspath(folder / settings.state_directory)),
            "flows_directory": Path(os.path.abspath(folder / settings.flows_directory)),
        }
    )


def cross_checks(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    """What only shows when tables are laid beside each other: path, message, remedy."""
    yield from _duplicates(settings)
    yield from _extensions(settings)
    yield from _skills(settings)
    calendars = {c.name for c in settings.calendars}
    for index, queue in enumerate(settings.queues):
        if queue.calendar and queue.calendar not in calendars:
            yield ("queue", index, "calendar"), *unknown("calendar", queue.calendar, calendars)
    yield from _overflow(settings)
    yield from _callbacks(settings)
    yield from dialling_problems(settings)
    yield from _mailboxes(settings)
    yield from _chats(settings)
    flows = {path.stem for path in flow_paths(settings.flows_directory)}
    for index, number in enumerate(settings.numbers):
        if number.flow not in flows and not (number.fax and not number.flow):
            yield ("number", index, "flow"), *unknown("flow", number.flow, flows)
    yield from _fax(settings)
    first, last = settings.media.port_range
    if not (1024 <= first < last <= 65535) or (last - first) < 3 * settings.media.workers:
        yield (
            ("media", "rtp_ports"), "the range is empty or too small",
            "two ports per leg, between 1024 and 65535, such as 30000-34999",
        )  # fmt: skip
    yield from _deaf_media(settings)
    yield from tls_problems(settings)
    for index, trunk in enumerate(settings.trunks):
        if trunk.discover and trunk.transport != "udp":
            yield ("trunk", index, "discover"), "is for a line over UDP", 'write transport = "udp"'
        if trunk.register_seconds and not (trunk.username and trunk.password.get_secret_value()):
            yield (
                ("trunk", index, "register_seconds"), "there is no account to register",
                "write username and password_file",
            )  # fmt: skip
    for index, agent in enumerate(settings.agents):
        if not set(agent.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-"):
            yield ("agent", index, "id"), "is not a SIP user name", "use small letters and digits"


def _fax(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    queues: set[str] = {queue.id for queue in settings.queues}
    for index, number in enumerate(settings.numbers):
        if number.fax and number.fax not in queues:
            yield ("number", index, "fax"), *unknown("queue", number.fax, queues)
    for address, queue in settings.fax.sub_addresses.items():
        place = ("fax", "sub_addresses", address)
        if queue not in queues:
            yield place, *unknown("queue", queue, queues)
        if not address.isdecimal() or len(address) > 20:
            yield place, "is no sub-address", "up to twenty digits"
    seen: set[str] = set()
    for index, source in enumerate(settings.fax_sources):
        here = ("fax_source", index)
        if source.queue not in queues:
            yield (*here, "queue"), *unknown("queue", source.queue, queues)
        if len(source.password.get_secret_value()) < 16:
            yield (*here, "password"), "is too short to sign with", "16 letters or more"
        if source.form == "phaxio" and not source.url.startswith(("https://", "http://")):
            message = "is signed, too, and has to be known"
            yield (*here, "url"), message, "write the address that is entered at the provider"
        if source.name in seen:
            yield (*here, "name"), "is given twice", "each source has a name of its own"
        seen.add(source.name)
    lines = {trunk.name for trunk in settings.trunks}
    if settings.fax.trunk and settings.fax.trunk not in lines:
        yield ("fax", "trunk"), *unknown("trunk", settings.fax.trunk, lines)
    first, last = settings.fax.port_range
    if not (1024 <= first < last <= 65535):
        yield ("fax", "ports"), "the range is empty", "two ports per fax, such as 36000-36199"
    media_first, media_last = settings.media.port_range
    if first <= media_last and media_first <= last:
        yield (
            ("fax", "ports"), "the range overlaps with [media] rtp_ports",
            f"take ports outside {media_first}-{media_last}",
        )  # fmt: skip


def _overflow(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    queues: set[str] = {queue.id for queue in settings.queues}
    for index, queue in enumerate(settings.queues):
        for number, step in enumerate(queue.plan.steps):
            if step.queue and step.queue not in queues:
                place = ("queue", index, "plan", "steps", number, "queue")
                yield place, *unknown("queue", step.queue, queues)


def _callbacks(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    """A line that is not there, or may not dial: nobody would ever be offered a callback."""
    lines = {trunk.name: trunk for trunk in settings.trunks}
    for index, queue in enumerate(settings.queues):
        name = queue.callback.trunk
        if name and name not in lines:
            yield ("queue", index, "callback", "trunk"), *unknown("trunk", name, set(lines))
        elif name and not lines[name].dial:
            hint = f'add dial = ["+1"] to [[trunk]] {name}: the numbers that it may call'
            yield ("queue", index, "callback", "trunk"), f"{name!r} may dial no number", hint


def _mailboxes(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    queues: set[str] = {queue.id for queue in settings.queues}
    known = {skill.name for skill in settings.skills}
    seen: set[str] = set()
    for index, box in enumerate(settings.mailboxes):
        if box.queue not in queues:
            yield ("mailbox", index, "queue"), *unknown("queue", box.queue, queues)
        for number, rule in enumerate(box.rules):
            place = ("mailbox", index, "rules", number)
            if rule.queue and rule.queue not in queues:
                yield (*place, "queue"), *unknown("queue", rule.queue, queues)
            for skill in set(rule.skills) - known:
                yield (*place, "skills", skill), *unknown("skill", skill, known)
        for address in box.addresses:
            if address.lower() in seen:
                message = f"{address!r} is given twice"
                yield ("mailbox", index, "addresses"), message, "each address has one mailbox"
            seen.add(address.lower())
        if (box.smtp or box.acknowledge) and not box.addresses:
            message = "nobody knows whom its answers are from"
            yield (
                ("mailbox", index, "addresses"),
                message,
                'write addresses = ["office@example.com"]',
            )
        if box.acknowledge and not box.smtp:
            message = "there is no mail server that would send it"
            yield ("mailbox", index, "acknowledge"), message, 'write smtp = "smtp://127.0.0.1:25"'
        if not box.imap and not settings.intake.lmtp_listen:
            message = "nothing brings mails to it"
            yield (
                ("mailbox", index), message,
                'write [intake] lmtp_listen = "127.0.0.1:2424", or imap = "imaps://host:993"',
            )  # fmt: skip
        if box.imap and not (box.username and (box.password.get_secret_value() or box.token_file)):
            message = "there is no account to fetch it with"
            yield (
                ("mailbox", index, "imap"),
                message,
                "write username, and password_file or token_file",
            )


def _chats(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    queues: set[str] = {queue.id for queue in settings.queues}
    boxes = {box.name: box for box in settings.mailboxes}
    known = {skill.name for skill in settings.skills}
    doors: list[tuple[KeyPath, ChatSettings | MessengerSettings]] = [
        *((("chat", n), chat) for n, chat in enumerate(settings.chats)),
        *((("messenger", n), one) for n, one in enumerate(settings.messengers)),
    ]
    for place, door in doors:
        if door.queue not in queues:
            yield (*place, "queue"), *unknown("queue", door.queue, queues)
        for number, rule in enumerate(door.rules):
            if rule.queue and rule.queue not in queues:
                yield (*place, "rules", number, "queue"), *unknown("queue", rule.queue, queues)
            for skill in set(rule.skills) - known:
                yield (*place, "rules", number, "skills", skill), *unknown("skill", skill, known)
    for index, one in enumerate(settings.messengers):
        place = ("messenger", index)
        if not one.secret.get_secret_value():
            yield (
                (*place, "secret"),
                "is required",
                "write secret_file: requests are signed with it",
            )
        if one.name in boxes or one.name in {chat.name for chat in settings.chats}:
            yield (*place, "name"), f"{one.name!r} is a mailbox or chat already", "names are unique"
    for index, chat in enumerate(settings.chats):
        place = ("chat", index)
        if chat.mailbox and chat.mailbox not in boxes:
            yield (*place, "mailbox"), *unknown("mailbox", chat.mailbox, set(boxes))
        elif chat.mailbox and not boxes[chat.mailbox].smtp:
            message = f"nothing sends the mails of {chat.mailbox!r}"
            yield (*place, "mailbox"), message, 'give the mailbox smtp = "smtp://127.0.0.1:25"'
        if chat.name in boxes:
            yield (*place, "name"), f"{chat.name!r} is a mailbox already", "names are unique"


def _deaf_media(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    """Phones elsewhere can register, but their audio never arrives."""
    second = settings.media.address6
    if second and not _is_ipv6(second):
        yield (
            ("media", "address6"), f"{second} is no IPv6 address",
            'write the machine\'s own, such as address6 = "2001:db8::10"',
        )  # fmt: skip
    if settings.media.url != "embedded" or not _is_loopback(settings.media.address):
        return
    outside = [a for a in settings.sip.listen if not _is_loopback(host_port(a)[0])]
    if outside:
        yield (
            ("media", "address"),
            f"is {settings.media.address}: phones that reach {outside[0]} would hear nothing",
            'write the machine\'s own address, such as [media] address = "192.0.2.10"',
        )


def _is_ipv6(host: str) -> bool:
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host == "::1" or host.startswith("127.")


def _duplicates(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    named: list[tuple[str, str, list[str]]] = [
        ("queue", "id", [q.id for q in settings.queues]),
        ("skill", "name", [s.name for s in settings.skills]),
        ("agent", "id", [a.id for a in settings.agents]),
        ("calendar", "name", [c.name for c in settings.calendars]),
        ("number", "number", [n.number for n in settings.numbers]),
        ("trunk", "name", [t.name for t in settings.trunks]),
        ("dialling", "name", [r.name for r in settings.dialling]),
        ("duty", "name", [d.name for d in settings.duties]),
        ("mailbox", "name", [m.name for m in settings.mailboxes]),
        ("chat", "name", [chat.name for chat in settings.chats]),
        ("messenger", "name", [one.name for one in settings.messengers]),
    ]
    for table, key, values in named:
        for index, value in enumerate(values):
            if value in values[:index]:
                yield (table, index, key), f"{value!r} is given twice", "names are unique"


def _extensions(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    """Whoever dials one means one: agents, queues, their ids and numbers that can be called."""
    taken = {agent.id for agent in settings.agents} | {queue.id for queue in settings.queues}
    taken |= {number.number for number in settings.numbers}
    tables: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("agent", settings.agents), ("queue", settings.queues),
    )  # fmt: skip
    for table, rows in tables:
        for index, row in enumerate(rows):
            if row.extension and row.extension in taken:
                words = f"{row.extension!r} is a name, a number or an extension already"
                yield (table, index, "extension"), words, "extensions are unique"
            taken.add(row.extension)


def _skills(settings: Settings) -> Iterator[tuple[KeyPath, str, str]]:
    known = {s.name for s in settings.skills}
    holders: list[tuple[str, tuple[Any, ...]]] = [
        ("queue", settings.queues),
        ("agent", settings.agents),
        ("mailbox", settings.mailboxes),
        ("chat", settings.chats),
        ("messenger", settings.messengers),
    ]
    for table, rows in holders:
        for index, row in enumerate(rows):
            for skill in row.skills:
                if skill not in known:
                    yield (table, index, "skills", skill), *unknown("skill", skill, known)


def dump(settings: Settings, *, secrets: bool = False) -> str:
    """The settings as JSON; secrets as stars unless asked for (only to hand to a child)."""
    plain = settings.model_dump(mode="json", by_alias=True)
    if secrets:
        named = (
            ("trunk", settings.trunks), ("agent", settings.agents), ("mailbox", settings.mailboxes),
            ("messenger", settings.messengers),
        )  # fmt: skip
        for table, rows in named:
            for shown, row in zip(plain[table], rows, strict=True):
                for key in ("password", "web_password", "secret"):
                    if hasattr(row, key):
                        shown[key] = getattr(row, key).get_secret_value()
    return json.dumps(plain, ensure_ascii=False, indent=2)
