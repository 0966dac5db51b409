"""A known customer, and the table they are imported from.

What happens here: a CSV file with a header is read as a whole. `customer_number` is required and
unique; `phone`, `name`, `language`, `tier` and `region` are known columns; any other column is kept
as a field a flow can ask for. Every wrong line is told with its number; a wrong file is not taken.

Why: a flow that greets a caller by what we know must read it from the center's own table, never
from a constant, and half a table is worse than the old one.

Sources: RFC 4180 (CSV); ITU-T E.164 (at most 15 digits).
"""

import csv
import io
import re

import msgspec

from callcenter.domain.errors import Problem, WrongInput

KNOWN = ("customer_number", "phone", "name", "language", "tier", "region")
E164_DIGITS_MAX = 15
PHONE_DIGITS_MIN = 3
TAIL_DIGITS = 9
"""Enough of a number's end to know it again without its country code."""
VALUE_CHARACTERS_MAX = 500

_SEPARATORS = re.compile(r"[\s().\-/]+")


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `phones` are digits only; the first is the main one."""

    number: str
    phones: tuple[str, ...] = ()
    name: str = ""
    language: str = ""
    tier: str = ""
    region: str = ""
    fields: dict[str, str] = {}
    """The other columns of the table."""

    def facts(self) -> dict[str, str]:
        """What a flow may ask for, by column name."""
        known = {
            "customer_number": self.number,
            "name": self.name,
            "language": self.language,
            "tier": self.tier,
            "region": self.region,
        }
        return {**self.fields, **known}


def digits_of(phone: str) -> str:
    """A phone number as digits: separators, a leading `+` or `00` removed.

    Empty when it holds anything else, or is too short or too long to be a number.
    """
    plain = _SEPARATORS.sub("", phone.strip())
    plain = plain.removeprefix("+") if plain.startswith("+") else plain.removeprefix("00")
    if not plain.isascii() or not plain.isdigit():
        return ""
    return plain if PHONE_DIGITS_MIN <= len(plain) <= E164_DIGITS_MAX else ""


def tail_of(digits: str) -> str:
    """The end of a number, by which it is known without its country code."""
    return digits[-TAIL_DIGITS:]


def read_customers(text: str, file: str) -> list[Customer]:
    """The customers in `text`. Raises `WrongInput` with every wrong line."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header = [name.strip().lower().replace(" ", "_") for name in next(reader, [])]
    problems = _header_problems(header, file)
    if problems:
        raise WrongInput(problems)
    found: list[Customer] = []
    lines: dict[str, int] = {}
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            line = reader.line_num
            wrong = _row_problems(header, row, lines, file, line)
            problems += wrong
            if not wrong:
                customer = _customer(header, row)
                lines[customer.number] = line
                found.append(customer)
    except csv.Error as error:
        problems.append(Problem(file=file, line=reader.line_num, message=str(error)))
    if problems:
        raise WrongInput(problems)
    return found


def _header_problems(header: list[str], file: str) -> list[Problem]:
    if "customer_number" not in header:
        known = ", ".join(KNOWN)
        message = "the first line has no column 'customer_number'"
        return [Problem(file=file, line=1, message=message, hint=f"known columns: {known}")]
    doubled = sorted({name for name in header if header.count(name) > 1})
    return [
        Problem(file=file, line=1, field=name, message="this column is there twice")
        for name in doubled
    ]


def _row_problems(
    header: list[str], row: list[str], lines: dict[str, int], file: str, line: int
) -> list[Problem]:
    def wrong(message: str, field: str = "", hint: str = "") -> Problem:
        return Problem(file=file, line=line, field=field, message=message, hint=hint)

    if len(row) != len(header):
        return [wrong(f"{len(row)} values for {len(header)} columns")]
    cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
    problems = []
    number = cells["customer_number"]
    if not number:
        problems.append(wrong("is empty", "customer_number"))
    elif number in lines:
        problems.append(wrong(f"{number!r} is also on line {lines[number]}", "customer_number"))
    problems += [
        wrong(f"{phone!r} is not a phone number", "phone", "write it as +34 600 123 456")
        for phone in _split(cells.get("phone", ""))
        if not digits_of(phone)
    ]
    problems += [
        wrong(f"longer than {VALUE_CHARACTERS_MAX} characters", name)
        for name, value in cells.items()
        if len(value) > VALUE_CHARACTERS_MAX
    ]
    return problems


def _split(phones: str) -> list[str]:
    return [phone for phone in re.split(r"[;|]", phones) if phone.strip()]


def _customer(header: list[str], row: list[str]) -> Customer:
    cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
    return Customer(
        number=cells["customer_number"],
        phones=tuple(digits_of(phone) for phone in _split(cells.get("phone", ""))),
        name=cells.get("name", ""),
        language=cells.get("language", ""),
        tier=cells.get("tier", ""),
        region=cells.get("region", ""),
        fields={k: v for k, v in cells.items() if k not in KNOWN and k},
    )
