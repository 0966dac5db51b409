"""`callcenter bench`: the figures of the README, made again on this machine.

Why: see `callcenter.app.bench`. Each subcommand prints a table, or one JSON document with
`--json`; `--raw FILE` keeps every single measurement.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

AGENTS_BESIDE_CALLS = 1.3
"""Agents per talking caller, so that a free one is always there."""


@click.group()
def bench() -> None:
    """Measure: cost per call, latency, media, routing, parsing, start."""


def show(title: str, rows: list[dict[str, Any]], *, as_json: bool, raw: Path | None) -> None:
    """Print rows as a table or as JSON; raw results go to a file."""
    if raw:
        raw.write_text(json.dumps(rows), "utf-8")
    plain = [{k: v for k, v in row.items() if k != "raw"} for row in rows]
    if as_json:
        click.echo(json.dumps({"bench": title, "rows": plain}))
        return
    table = Table(title=title)
    names = [n for n in plain[0] if not isinstance(plain[0][n], dict)]
    for name in names:
        table.add_column(name)
    for row in plain:
        table.add_row(*(str(row[name]) for name in names))
    console = Console(width=160)
    console.print(table)
    for row in plain:
        for name, value in row.items():
            if isinstance(value, dict):
                console.print(f"{name}: {value}")


def progress(text: str, *, as_json: bool) -> None:
    """Say what is being measured; standard output stays clean for JSON."""
    click.echo(text, err=as_json)


@bench.command()
@click.option("--seconds", default=15.0, show_default=True, help="Measured window of each run.")
@click.option("--raw", type=click.Path(path_type=Path), help="Keep every call in this file.")
@click.option("--json", "as_json", is_flag=True)
def calls(seconds: float, raw: Path | None, as_json: bool) -> None:
    """CPU per whole queue call at 30 and at 750 concurrent, and 100 calls a second."""
    from callcenter.app.bench.calls import one_run

    rows = []
    for name, rate, hold in (
        ("30 concurrent", 15.0, 2.0),
        ("750 concurrent", 25.0, 30.0),
        ("100 calls/s", 100.0, 1.0),
    ):
        progress(f"{name}: {rate:g} calls/s held {hold:g} s …", as_json=as_json)
        agents = int(rate * hold * AGENTS_BESIDE_CALLS) + 20
        run = asyncio.run(one_run(rate=rate, hold=hold, seconds=seconds, agents=agents))
        rows.append({"load": name, "rate": rate, **run})
    show("cost of one queue call", rows, as_json=as_json, raw=raw)


@bench.command()
@click.option("--seconds", default=15.0, show_default=True, help="Measured window of each run.")
@click.option("--raw", type=click.Path(path_type=Path), help="Keep every call in this file.")
@click.option("--json", "as_json", is_flag=True)
def latency(seconds: float, raw: Path | None, as_json: bool) -> None:
    """How soon an agent's phone rings: free agents, and agents freed by their BYE."""
    from callcenter.app.bench.calls import one_run

    rows = []
    for rate in (30.0, 100.0):
        progress(f"free agents at {rate:g} calls/s …", as_json=as_json)
        run = asyncio.run(one_run(rate=rate, hold=1.0, seconds=seconds, agents=int(rate * 2) + 20))
        rows.append({"load": f"free agents, {rate:g}/s", **run})
        progress(f"freed agents at {rate:g} calls/s …", as_json=as_json)
        busy = max(2, int(rate * 0.9))
        run = asyncio.run(
            one_run(rate=rate, hold=1.0, seconds=seconds, agents=busy, agent_ends=True)
        )
        rows.append({"load": f"freed agents, {rate:g}/s", **run})
    show("from queued or freed to the INVITE", rows, as_json=as_json, raw=raw)


def _module(name: str) -> Any:
    return importlib.import_module(f"callcenter.app.bench.{name}")


def _register(name: str, text: str) -> None:
    @bench.command(name=name, help=text)
    @click.option("--json", "as_json", is_flag=True)
    def run(as_json: bool) -> None:
        document = _module(name).main(as_json)
        if as_json:
            click.echo(json.dumps(document))


_register("media", "CPU per bridged call-minute and playout jitter of one media worker.")
_register("route", "Cost of one routing decision at several sizes, beside a naive scan.")
_register("store", "From command to event seen, commands a second, and recovery of a large center.")
