"""A role's process: `python -m callcenter.app.child ROLE`, started by its holder only.

Why: the first thing a child does is to ask the kernel to be told when its holder dies, so that
nothing is ever orphaned; then it imports its role (the slow part), takes its sockets and waits for
the word to begin. What Twisted and asyncio each believe about signals and child processes is
settled here once: asyncio handles all signals, Twisted none (see `_on_reactor`).
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from callcenter.app.context import HolderLine, RoleContext
from callcenter.app.roles import BY_NAME
from callcenter.domain.errors import CallcenterError, WrongInput

CHILD_VARIABLE = "CALLCENTER_CHILD"
SOCKETS_VARIABLE = "CALLCENTER_SOCKETS"

GC_THRESHOLDS = (50_000, 20, 100)
"""What roles do makes few cycles; looking for them at every 700 allocations costs a fifth of the
time. Media has its own rule."""
_PR_SET_PDEATHSIG = 1


WRONG_INPUT = 2
"""Exit code of a role that cannot start as it is configured: trying again is no use."""


def main() -> None:
    """Run the role named on the command line until SIGTERM."""
    facts = json.loads(os.environ.pop(CHILD_VARIABLE))
    sockets = json.loads(os.environ.pop(SOCKETS_VARIABLE, "{}"))
    sys.exit(live(sys.argv[1], facts, sockets))


def live(role: str, facts: dict[str, Any], sockets: dict[str, int]) -> int:
    """One life of `role` until SIGTERM, in this process. Says plainly why it cannot; exit code."""
    try:
        _run(role, facts, sockets)
    except WrongInput as wrong:
        for problem in wrong.problems:
            print(problem, file=sys.stderr)
        return WRONG_INPUT
    except CallcenterError as failed:
        print(f"{role}: error: {failed}", file=sys.stderr)
        return 1
    return 0


def prepare(role: str) -> ModuleType:
    """Import what a life of `role` needs before it begins: the slow part. Starts nothing."""
    import callcenter.app.config
    import callcenter.app.logs  # noqa: F401

    module = importlib.import_module(BY_NAME[role].module)
    runner = _runner(role, module)
    if runner != "plain":
        with suppress(ImportError):
            import uvloop  # noqa: F401
    if runner == "reactor":
        from twisted.internet import asyncioreactor  # noqa: F401
    return module


def _runner(role: str, module: ModuleType) -> str:
    return getattr(module, "RUNNER", BY_NAME[role].runner)


def _run(role: str, facts: dict[str, Any], sockets: dict[str, int]) -> None:
    die_with(facts["holder"])
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are the holder's: it drains in order
    _log_as(facts)
    module = prepare(role)
    context = _context(facts, sockets)
    context.kept = context.line.begin()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    run: Callable[[Any, RoleContext], None] = _RUNNERS[_runner(role, module)]
    run(module.serve, context)


def die_with(holder: int) -> None:
    """Die with the holder, at once: a drain would end the calls that the next one takes back."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != holder:
        os._exit(1)


def _log_as(facts: dict[str, Any]) -> None:
    from callcenter.app.logs import configure

    configure(role=f"{facts['role']}-{facts['index']}")


def _context(facts: dict[str, Any], sockets: dict[str, int]) -> RoleContext:
    from callcenter.app.config import Settings

    size = os.fstat(facts["settings"]).st_size
    settings = Settings.model_validate_json(os.pread(facts["settings"], size, 0))
    os.close(facts["settings"])
    return RoleContext(
        role=facts["role"],
        index=facts["index"],
        settings=settings,
        sockets={name: socket.socket(fileno=fd) for name, fd in sockets.items()},
        addresses={name: (host, port) for name, (host, port) in facts["addresses"].items()},
        store_url=facts["store_url"],
        state_directory=settings.state_directory,
        epoch=facts["epoch"],
        line=HolderLine(socket.socket(fileno=facts["line"])),
        config_file=Path(facts["config_file"]) if facts["config_file"] else None,
    )


Serve = Callable[[RoleContext, asyncio.Event], Awaitable[None]]


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _on_asyncio(serve: Serve, context: RoleContext) -> None:
    async def story() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        await serve(context, stopping)

    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(story())


def _on_reactor(serve: Serve, context: RoleContext) -> None:
    """Twisted on the same loop. Its signal handlers would take asyncio's wake-up descriptor."""
    loop = _new_loop()
    asyncio.set_event_loop(loop)
    from twisted.internet import asyncioreactor

    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    from twisted.internet import reactor as installed

    reactor: Any = installed
    stopping = asyncio.Event()
    failures: list[BaseException] = []
    tasks: list[asyncio.Task[None]] = []

    async def story() -> None:
        try:
            await serve(context, stopping)
        except BaseException as failure:  # noqa: BLE001 the process ends with it, below
            failures.append(failure)
        finally:
            reactor.stop()

    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    reactor.callWhenRunning(lambda: tasks.append(loop.create_task(story())))
    reactor.run(installSignalHandlers=False)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    if failures:
        raise failures[0]


def _plain(serve: Callable[[RoleContext], None], context: RoleContext) -> None:
    serve(context)


_RUNNERS: dict[str, Callable[[Any, RoleContext], None]] = {
    "asyncio": _on_asyncio,
    "reactor": _on_reactor,
    "plain": _plain,
}


if __name__ == "__main__":
    main()
