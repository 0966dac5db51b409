"""`callcenter softphone add NAME`: what must be typed into a phone, and a picture of it.

Why: the hardest minute of a new center is the first phone. The configuration knows everything that
the phone's form asks for; whoever is not in it yet is written to its end, with a password made for
her, in a file of its own. A phone with a camera reads the code instead: a `sip:` address with the
password in it, so it is shown on a terminal only, and not to be kept.

Sources: RFC 3261 19.1 (user, password and transport in a URI).
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from callcenter.app.addresses import host_port
from callcenter.app.config import AgentSettings, Settings, default_file, load_settings
from callcenter.app.run_command import config_option
from callcenter.app.secrets import make_passwords
from callcenter.domain.errors import CallcenterError

USER_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
ROW = """
[[agent]]
id = "{name}"
name = "{title}"
password_file = "secrets/{name}-phone"
skills = {{}}                        # what she can answer: skill = 1 to 10
"""


@click.command()
@config_option
@click.argument("name")
@click.option("--host", default="", help="The name or address phones reach the server by.")
@click.option("--no-code", is_flag=True, help="Print no QR code.")
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
def add(file: Path | None, name: str, host: str, no_code: bool, as_json: bool) -> None:
    """Print the settings of NAME's phone and a QR code; add NAME to the configuration if needed."""
    path = file or default_file()
    settings = load_settings(path)
    agent = settings.agent(name)
    is_new = agent is None
    if agent is None:
        if path is None:
            raise CallcenterError(
                "there is no configuration to add to: `callcenter init` writes one"
            )
        settings, agent = _added(path, name)
    if not agent.password.get_secret_value():
        raise CallcenterError(f"agent {name} has no password: give her a password_file")
    shown = phone_settings(settings, agent, host)
    if as_json:
        click.echo(json.dumps({"added": is_new, **shown}, indent=2))
        return
    if is_new:
        click.echo(f"{name} was added to {path}; she has no skills yet.\n")
    for key, value in shown.items():
        click.echo(f"{key.replace('_', ' '):12}  {value}")
    for line in warnings_of(settings):
        click.echo(f"\nnote: {line}", err=True)
    if not no_code:
        click.echo(f"\n{code(shown['uri'])}")
    if is_new:
        click.echo("then: callcenter config apply")


def phone_settings(settings: Settings, agent: AgentSettings, host: str = "") -> dict[str, Any]:
    """What the phone's form asks for. TLS where the server speaks it, else UDP."""
    sip = settings.sip
    listen, transport = (sip.tls_listen[0], "tls") if sip.tls_listen else (sip.listen[0], "udp")
    bound, port = host_port(listen)
    server = host or sip.domain or sip.advertised_address or bound
    shown = f"[{server}]" if ":" in server else server
    password = agent.password.get_secret_value()
    return {
        "server": shown,
        "port": port,
        "transport": transport,
        "user": agent.id,
        "password": password,
        "uri": f"sip:{agent.id}:{quote(password, safe='')}@{shown}:{port};transport={transport}",
    }


def warnings_of(settings: Settings) -> list[str]:
    """Why a phone on another machine would not come through."""
    bound = host_port((settings.sip.tls_listen or settings.sip.listen)[0])[0]
    if bound.startswith("127.") or bound == "::1":
        return ["the server listens on this machine alone; other phones need another [sip] listen"]
    if bound in ("0.0.0.0", "::") and not (settings.sip.domain or settings.sip.advertised_address):
        return ["say by which name or address phones reach the server: --host, or [sip] domain"]
    return []


def code(uri: str) -> str:
    """A QR code for a terminal."""
    import segno

    drawn = io.StringIO()
    segno.make(uri, micro=False).terminal(out=drawn, compact=True)
    return drawn.getvalue()


def _added(path: Path, name: str) -> tuple[Settings, AgentSettings]:
    """Write her to the end of the file; what does not check out is taken back."""
    if not name or not set(name) <= USER_CHARACTERS:
        raise CallcenterError(f"{name!r} is no SIP user name: use small letters and digits")
    before = path.read_text("utf-8")
    secret = path.parent / "secrets" / f"{name}-phone"
    was_there = secret.exists()
    make_passwords(path.parent / "secrets", [secret.name])
    row = ROW.format(name=name, title=name.title())
    path.write_text(before.rstrip("\n") + "\n" + row, "utf-8")
    try:
        settings = load_settings(path)
    except CallcenterError:
        path.write_text(before, "utf-8")
        if not was_there:
            secret.unlink(missing_ok=True)
        raise
    agent = settings.agent(name)
    assert agent is not None
    return settings, agent
