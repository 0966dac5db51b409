"""`callcenter sip trace CALL`: the messages of one call, as a ladder or word for word.

Why: the front end keeps its last messages; it is asked over a socket in the state directory, which
only the server's user may open.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from callcenter.app.config import default_file, load_settings
from callcenter.app.run_command import config_option
from callcenter.domain.errors import CallcenterError


@click.group()
def sip() -> None:
    """What passed over the wire in a call."""


@sip.command()
@config_option
@click.argument("call")
@click.option("--full", is_flag=True, help="Print each message word for word.")
@click.option("--json", "as_json", is_flag=True, help="Print the messages as JSON.")
def trace(file: Path | None, call: str, full: bool, as_json: bool) -> None:
    """Show the messages of CALL: a contact's id, or a Call-ID."""
    from callcenter.adapters.sip_watch import ask
    from callcenter.sip.ladder import draw, steps

    settings = load_settings(file or default_file())
    try:
        seen = ask(settings.state_directory, call)
    except OSError as wrong:
        raise CallcenterError(
            f"no front end answers in {settings.state_directory}: {wrong.strerror or wrong}; "
            "does the server run here, as this user, with [sip] trace_messages above 0?"
        ) from wrong
    if not seen:
        raise CallcenterError(
            f"nothing is kept of {call!r}; the id stands in the sheet of the contact, and only the "
            "last messages are kept ([sip] trace_messages)"
        )
    found = steps(seen)
    if as_json:
        rows = [step._asdict() | {"text": one.data.decode("utf-8", "replace")}
                for step, one in zip(found, sorted(seen, key=lambda s: s.at), strict=True)]  # fmt: skip
        click.echo(json.dumps({"call": call, "messages": rows}, indent=2, ensure_ascii=False))
        return
    began = datetime.fromtimestamp(found[0].at).astimezone()
    click.echo(f"{call}, from {began:%Y-%m-%d %H:%M:%S %Z}\n")
    click.echo("\n".join(draw(found)))
    if full:
        for step, one in zip(found, sorted(seen, key=lambda s: s.at), strict=True):
            way = "to" if step.sent else "from"
            click.echo(f"\n--- {step.at - found[0].at:.3f} {way} {step.peer}\n")
            click.echo(one.data.decode("utf-8", "replace"))
