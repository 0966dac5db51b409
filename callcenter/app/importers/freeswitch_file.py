"""How FreeSWITCH's XML is written: elements with attributes, and X-PRE-PROCESS before all of it.

    <X-PRE-PROCESS cmd="set" data="name=value"/>     from here on $${name} is value
    <X-PRE-PROCESS cmd="include" data="dir/*.xml"/>  these files stand here; so does <include>
    <X-PRE-PROCESS cmd="exec" …/>                    runs a command: never done here

Why: an XML file may ask its reader to fetch other documents and to grow without end. So a document
type is refused before anything is declared in it, entities but the five of XML are unknown, and
files, depth and elements have limits.

Sources: expat; `preprocess` in FreeSWITCH's switch_xml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from callcenter.app.importers.report import Report, Setting
from callcenter.domain.errors import Problem

FILE_BYTES_MAX = 4_000_000
FILES_MAX = 100
DEPTH_MAX = 10
ELEMENTS_MAX = 200_000
NESTED_MAX = 50
VALUE_MAX = 10_000

_GLOBAL = re.compile(r"\$\$\{([^{}]+)\}")
_TRANSPARENT = ("include", "document", "section")


@dataclass(eq=False)
class Element:
    """One element, where it begins."""

    name: str
    attributes: dict[str, str]
    file: str
    line: int
    children: list[Element] = field(default_factory=list)

    def setting(self, section: str, key: str, value: str) -> Setting:
        """A setting that stands in this element."""
        return Setting(self.file, self.line, section, key, value)

    def all(self, name: str) -> list[Element]:
        """The children of this name, in order."""
        return [child for child in self.children if child.name == name]


class _Refused(Exception):
    """What a file must not hold; the text says so, with the remedy behind `; `."""


class Reader:
    """Reads a file and what it includes. What is wrong goes into the report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._globals: dict[str, str] = {}
        self._files = 0
        self._elements = 0
        self._reading: list[Path] = []

    def read(self, path: Path, depth: int = 0, by: Element | None = None) -> Element | None:
        """The root of a file; None after telling what is wrong with it."""
        data = self._bytes(path, depth, by)
        if data is None:
            return None
        self._reading.append(path.resolve())
        root = Element("", {}, str(path), 1)
        stack, parser = [root], expat.ParserCreate()
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.EntityDeclHandler = _no_doctype

        def begins(name: str, attributes: dict[str, str]) -> None:
            self._elements += 1
            if self._elements > ELEMENTS_MAX or len(stack) > NESTED_MAX:
                raise _Refused("there are too many elements in it; import it in parts")
            known = {key: self._known(value) for key, value in attributes.items()}
            element = Element(name, known, str(path), parser.CurrentLineNumber)
            stack[-1].children.append(element)
            stack.append(element)
            if name == "X-PRE-PROCESS":
                stack[-2].children[-1:] = self._preprocess(path, element, depth)

        def ends(_name: str) -> None:
            stack.pop()

        parser.StartElementHandler, parser.EndElementHandler = begins, ends
        try:
            parser.Parse(data, True)
        except expat.ExpatError as wrong:
            self._tell(path, wrong.lineno, "", f"is not XML: {expat.ErrorString(wrong.code)}",
                       "mend it there; `xmllint` shows more")  # fmt: skip
            return None
        except (LookupError, ValueError):
            self._tell(path, 1, "encoding", "is in an encoding that is not known here",
                       "save it as UTF-8")  # fmt: skip
            return None
        except _Refused as refused:
            message, _, hint = str(refused).partition("; ")
            self._tell(path, parser.CurrentLineNumber, "", message, hint)
            return None
        finally:
            self._reading.pop()
        return root

    def _bytes(self, path: Path, depth: int, by: Element | None) -> bytes | None:
        self._files += 1
        if depth > DEPTH_MAX or self._files > FILES_MAX:
            reason = f"more than {FILES_MAX} files, or {DEPTH_MAX} deep, are included"
        elif path.resolve() in self._reading:
            reason = "it includes itself"
        else:
            try:
                if not path.is_file():
                    raise FileNotFoundError(2, "there is no such file")
                if path.stat().st_size <= FILE_BYTES_MAX:
                    return path.read_bytes()
                reason = f"it is larger than {FILE_BYTES_MAX // 1_000_000} MB"
            except OSError as wrong:
                reason = wrong.strerror or str(wrong)
        place = (Path(by.file), by.line) if by else (path, 0)
        words = f"{path} cannot be read: {reason}" if by else f"cannot be read: {reason}"
        self._tell(*place, "", words, "correct the path, or take the element out")
        return None

    def _known(self, text: str) -> str:
        """`$${name}` replaced where it was set; as it is elsewhere."""
        made = _GLOBAL.sub(lambda found: self._globals.get(found[1], found[0]), text)
        if len(made) > VALUE_MAX:
            raise _Refused(f"a value has more than {VALUE_MAX} characters; shorten it")
        return made

    def _preprocess(self, path: Path, element: Element, depth: int) -> list[Element]:
        """What stands in the place of a directive."""
        command = element.attributes.get("cmd", "").lower()
        data = element.attributes.get("data", "")
        told = element.setting("", f"X-PRE-PROCESS {command}", data)
        if command == "set" and "=" in data:
            name, _, value = data.partition("=")
            self._globals[name] = value
            self._report.taken(told, f"the value of $${{{name}}} from here on")
        elif command == "include":
            try:
                files = self._included(path, data)
            except ValueError:
                self._tell(path, element.line, "", f"{data!r} is no pattern of file names",
                           "write * for part of a name, or name the files")  # fmt: skip
                return []
            self._report.taken(told, f"{len(files)} file{'' if len(files) == 1 else 's'} read here")
            roots = [root for file in files if (root := self.read(file, depth + 1, element))]
            return [child for root in roots for child in root.children]
        elif command.startswith(("exec", "stun", "env")):
            self._report.none(told, "nothing is run or asked; write its value into the file")
        else:
            self._report.none(told, "this directive is not known")
        return []

    def _included(self, path: Path, data: str) -> list[Path]:
        pattern = Path(data)
        if not any(sign in data for sign in "*?["):
            return [path.parent / pattern]
        base = Path(pattern.anchor) if pattern.is_absolute() else path.parent
        relative = str(pattern.relative_to(pattern.anchor)) if pattern.anchor else data
        return sorted(base.glob(relative))[: FILES_MAX + 1]

    def _tell(self, path: Path, line: int, field: str, message: str, hint: str = "") -> None:
        self._report.problems.append(
            Problem(file=str(path), line=line, field=field, message=message, hint=hint)
        )


def _no_doctype(*_: object) -> None:
    raise _Refused("a document type is not read: it can name other files; take <!DOCTYPE …> out")


def configurations(root: Element, name: str) -> list[Element]:
    """The `<configuration name=…>` elements, wherever they stand."""
    found: list[Element] = []
    for child in root.children:
        if child.name == "configuration" and child.attributes.get("name") == name:
            found.append(child)
        elif child.name in _TRANSPARENT:
            found += configurations(child, name)
    return found


def flat(element: Element, name: str) -> list[Element]:
    """The children of this name, those in an `<include>` too."""
    found: list[Element] = []
    for child in element.children:
        if child.name == name:
            found.append(child)
        elif child.name == "include":
            found += flat(child, name)
    return found
