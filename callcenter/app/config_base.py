"""The words of the configuration: what an address, a name, a number of seconds looks like.

Why: each form of value is checked and told the same way in whatever table it stands.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from callcenter.app.addresses import host_port, network
from callcenter.domain import center as domain


def _address(text: Any) -> Any:
    if isinstance(text, str):
        host_port(text)
    return text


def _timezone(text: Any) -> Any:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(str(text))
    except (KeyError, ValueError, OSError) as wrong:
        raise ValueError(
            f"unknown time zone {text!r}; write an IANA name such as Europe/Madrid"
        ) from wrong
    return text


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _address_or_none(text: Any) -> Any:
    return _address(text) if text else text


Address = Annotated[str, BeforeValidator(_address)]
Network = Annotated[str, BeforeValidator(network)]
PREFIX = r"^(\+[0-9]{0,15}|[0-9]{1,15})$"
CALLER = r"^[A-Za-z0-9+._*#-]{0,40}$"
HOST_OR_NOTHING = r"^[A-Za-z0-9.:\[\]-]{0,253}$"
ADDRESS_OR_NOTHING = r"^([A-Za-z0-9.-]+:[0-9]{1,5})?$"
DUTY_NUMBER = r"^(\+?[0-9]{3,15})?$"
Prefix = Annotated[str, Field(pattern=PREFIX)]
Timezone = Annotated[str, BeforeValidator(_timezone)]
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
NAME_OR_NOTHING = r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,63})?$"
STORE_URL = r"^(embedded|(unix|redis|rediss)://.+)$"
MEDIA_URL = r"^(embedded|ng://.+:\d+)$"
IMAP_URL = r"^(|imaps?://[^/@]+)$"
SMTP_URL = r"^(|smtp(s|\+starttls)?://[^/@]+)$"
HTTP_URL = r"^(|https?://[^\s@]+)$"
ORIGIN = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$"
PORTS = r"^\d+-\d+$"
DAY = r"^\d{4}-\d\d-\d\d$"
EXTENSION = r"^[0-9]{0,10}$"
FORMS = {
    EXTENSION: "must be up to ten digits",
    NAME: "must be a name: letters, digits and . _ - (64 at most)",
    NAME_OR_NOTHING: "must be a name: letters, digits and . _ - (64 at most)",
    STORE_URL: "must be embedded, unix:///path, redis://host:port or rediss://host:port",
    MEDIA_URL: "must be embedded or ng://host:port",
    IMAP_URL: "must be imaps://host:port or imap://host:port",
    SMTP_URL: "must be smtp://host:port, smtp+starttls://host:port or smtps://host:port",
    HTTP_URL: "must be an address, such as https://host/path",
    ORIGIN: "must be https://host, with :port where it has one, and nothing after it",
    PORTS: "must be first-last, such as 30000-34999",
    DAY: "must be a day, such as 2026-12-25",
    PREFIX: "must be the beginning of numbers, such as +1555, 0 or +",
    CALLER: "must be a number or name of at most 40 letters, digits and + . _ * # -",
}
"""What each pattern asks for, in words."""

Name = Annotated[str, Field(pattern=NAME)]
Extension = Annotated[str, Field(pattern=EXTENSION)]
"""Up to ten digits; empty for none."""
Proficiency = Annotated[int, Field(ge=1, le=domain.PROFICIENCY_MAX)]
Skills = dict[Name, Proficiency]

Capacity = dict[domain.Channel, Annotated[int, Field(ge=0, le=100)]]


class Table(BaseModel):
    """One table of the file. Unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def unknown(kind: str, name: str, known: set[str]) -> tuple[str, str]:
    """Message and remedy where a name is not there: the one that is meant, or all there are."""
    close = difflib.get_close_matches(name, sorted(known), 1)
    if close:
        return f"no {kind} {name!r}", f"did you mean {close[0]!r}?"
    listed = ", ".join(sorted(known)) or "none is defined"
    return f"no {kind} {name!r}", f"known: {listed}"
