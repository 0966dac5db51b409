"""How Asterisk's configuration files are written: sections, templates, includes, `+=`, comments.

    [name]               a section; [name](!) a template, [name](a,b) inherits from a and b,
                         [name](+) goes on with a section that is there already
    key = value          or key => value; key += value joins on to the last value of the key
    #include file        reads another file here (a pattern may name several); #tryinclude does not
                         mind when there is none; #exec runs a command: never done here
    ; comment            \\; is a semicolon; ;-- begins a comment of several lines, --; ends it

A section that is named twice without (+) is read once: Asterisk takes the first.

Sources: the head of `main/config.c` (process_text_line) in Asterisk 20 and later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from callcenter.app.importers.report import Report, Setting
from callcenter.domain.errors import Problem

FILE_BYTES_MAX = 4_000_000
FILES_MAX = 100
DEPTH_MAX = 10
SETTINGS_MAX = 200_000

_HEADER = re.compile(r"\[([^\]]*)\]\s*(?:\(([^)]*)\))?\s*(.*)")
_DIRECTIVE = re.compile(r"#\s*(\w+)\s*(.*)")


@dataclass
class Section:
    """One `[name]`, with what it inherited before its own."""

    name: str
    file: str
    line: int
    is_template: bool = False
    settings: list[Setting] = field(default_factory=list)
    used: bool = False
    """A template that somebody inherits from."""
    repeats: Section | None = None
    """The earlier section of this name, which Asterisk takes instead."""

    def mark(self, key: str) -> Setting:
        """A setting of the section's head, for what is said of the whole of it."""
        return Setting(self.file, self.line, self.name, key, "")


def read_files(paths: list[Path], report: Report) -> list[Section]:
    """The sections of these files, in order. What is wrong with them goes into the report."""
    reader = _Reader(report)
    for path in paths:
        reader.read(path, None, 0, None)
    return reader.sections


class _Reader:
    def __init__(self, report: Report) -> None:
        self.sections: list[Section] = []
        self._report = report
        self._reading: list[Path] = []
        self._files = 0
        self._settings = 0

    def read(self, path: Path, section: Section | None, depth: int, by: Setting | None) -> None:
        """Read one file; `section` is the one an include stands in, `by` the include."""
        text = self._text(path, depth, by)
        if text is None:
            return
        self._reading.append(path.resolve())
        comment = 0
        for number, raw in enumerate(text.splitlines(), 1):
            line, comment = _without_comments(raw, comment)
            line = line.strip()
            if not line:
                continue
            if line[0] == "[":
                section = self._header(path, number, line) or section
            elif line[0] == "#":
                self._directive(path, number, line, section, depth)
            else:
                self._variable(path, number, line, section)
        if comment:
            self._tell(path, 0, "", "a comment begun with ;-- never ends", "end it with --;")
        self._reading.pop()

    def _text(self, path: Path, depth: int, by: Setting | None) -> str | None:
        self._files += 1
        reason = ""
        if depth > DEPTH_MAX:
            reason = f"includes go deeper than {DEPTH_MAX} files"
        elif self._files > FILES_MAX:
            reason = f"more than {FILES_MAX} files are included"
        elif path.resolve() in self._reading:
            reason = "it includes itself"
        else:
            try:
                if not path.is_file():
                    raise FileNotFoundError(2, "there is no such file")
                if path.stat().st_size <= FILE_BYTES_MAX:
                    return path.read_text("utf-8", "replace").removeprefix("\ufeff")
                reason = f"it is larger than {FILE_BYTES_MAX // 1_000_000} MB"
            except OSError as wrong:
                reason = wrong.strerror or str(wrong)
        place = (Path(by.file), by.line) if by else (path, 0)
        words = f"{path} cannot be read: {reason}" if by else f"cannot be read: {reason}"
        self._tell(*place, by.key if by else "", words, "correct the path, or take the line out")
        return None

    def _header(self, path: Path, number: int, line: str) -> Section | None:
        found = _HEADER.fullmatch(line)
        if found is None:
            self._tell(path, number, line[:40], "a section is not closed", "write [name]")
            return None
        name, options, rest = found[1].strip(), found[2] or "", found[3]
        if rest:
            self._tell(path, number, f"[{name}]", f"{rest[:40]!r} stands behind the section",
                       "give it a line of its own")  # fmt: skip
        made = Section(name, str(path), number)
        earlier = next((s for s in self.sections if s.name.lower() == name.lower()), None)
        for option in filter(None, (part.strip() for part in options.split(","))):
            if option == "+":
                if earlier is None:
                    self._tell(path, number, f"[{name}](+)", "there is no such section before it",
                               "take (+) away, or put the section first")  # fmt: skip
                    return made
                return earlier
            if option == "!":
                made.is_template = True
            else:
                self._inherit(made, option)
        made.repeats = earlier
        self.sections.append(made)
        return made

    def _inherit(self, section: Section, name: str) -> None:
        parent = next((s for s in self.sections if s.name.lower() == name.lower()), None)
        if parent is None:
            known = ", ".join(s.name for s in self.sections) or "none"
            self._tell(Path(section.file), section.line, f"[{section.name}]",
                       f"it inherits from {name!r}, which is not before it", f"before it: {known}")  # fmt: skip
            return
        parent.used = True
        section.settings += [
            msgspec.structs.replace(setting, section=section.name) for setting in parent.settings
        ]

    def _directive(
        self, path: Path, number: int, line: str, section: Section | None, depth: int
    ) -> None:
        found = _DIRECTIVE.fullmatch(line)
        word, target = (found[1].lower(), found[2].strip(' "<>')) if found else ("", "")
        name = section.name if section else ""
        by = Setting(str(path), number, name, f"#{word}", target)
        if word == "exec":
            self._report.none(
                by, "commands are never run; put what it prints into a file and include that"
            )
        elif word in ("include", "tryinclude") and target:
            self._include(path, by, section, depth, must=word == "include")
        else:
            self._tell(path, number, line[:40], "is no directive",
                       "write #include, #tryinclude or #exec, and a file")  # fmt: skip

    def _include(
        self, path: Path, by: Setting, section: Section | None, depth: int, *, must: bool
    ) -> None:
        pattern = Path(by.value)
        if any(sign in by.value for sign in "*?["):
            base = Path(pattern.anchor) if pattern.is_absolute() else path.parent
            relative = str(pattern.relative_to(pattern.anchor)) if pattern.anchor else by.value
            try:
                files = sorted(base.glob(relative))[: FILES_MAX + 1]
            except ValueError:
                self._tell(path, by.line, by.key, f"{by.value!r} is no pattern of file names",
                           "write * for part of a name, or name the files")  # fmt: skip
                return
        else:
            files = [path.parent / pattern]
        if not must:
            files = [file for file in files if file.is_file()]
        self._report.taken(by, f"{len(files)} file{'' if len(files) == 1 else 's'} read here")
        for file in files:
            self.read(file, section, depth + 1, by)

    def _variable(self, path: Path, number: int, line: str, section: Section | None) -> None:
        key, sign, value = line.partition("=")
        if not sign or not key.strip():
            self._tell(path, number, line[:40], "is neither a section nor a setting",
                       "write key = value")  # fmt: skip
            return
        if section is None:
            self._tell(path, number, key.strip(), "stands before any section",
                       "put it below a [section]")  # fmt: skip
            return
        self._settings += 1
        if self._settings > SETTINGS_MAX:
            if self._settings == SETTINGS_MAX + 1:
                self._tell(path, number, "", f"there are more than {SETTINGS_MAX} settings",
                           "import it in parts")  # fmt: skip
            return
        joins = key.endswith("+")
        key = key.removesuffix("+").strip()
        value = value.removeprefix(">").strip()
        made = Setting(str(path), number, section.name, key, value)
        if joins and self._join(section, made):
            return
        section.settings.append(made)

    def _join(self, section: Section, more: Setting) -> bool:
        """`+=`: the last value of the key goes on. False when there is none yet."""
        for index in range(len(section.settings) - 1, -1, -1):
            last = section.settings[index]
            if last.key == more.key:
                joined = msgspec.structs.replace(last, value=last.value + more.value)
                section.settings[index] = joined
                self._report.taken(
                    msgspec.structs.replace(more, key=f"{more.key} +="),
                    f"the end of {last.key} of line {last.line}",
                )
                return True
        return False

    def _tell(self, path: Path, line: int, field: str, message: str, hint: str = "") -> None:
        self._report.problems.append(
            Problem(file=str(path), line=line, field=field, message=message, hint=hint)
        )


def _without_comments(line: str, depth: int) -> tuple[str, int]:
    """What of a line is no comment; `depth` counts the ;-- that are open."""
    kept, at = "", 0
    while at < len(line):
        if depth:
            end, begin = line.find("--;", at), line.find(";--", at)
            if begin >= 0 and (end < 0 or begin < end) and line[begin + 3 : begin + 4] != "-":
                depth, at = depth + 1, begin + 3
            elif end >= 0:
                depth, at = depth - 1, end + 3
            else:
                break
        elif line.startswith("\\;", at):
            kept, at = kept + ";", at + 2
        elif line.startswith(";--", at) and line[at + 3 : at + 4] != "-":
            depth, at = 1, at + 3
        elif line[at] == ";":
            break
        else:
            kept, at = kept + line[at], at + 1
    return kept, depth
