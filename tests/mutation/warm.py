"""A process in which the tests are collected, and known by the lines that they reach."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

import coverage
import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.mutants import ROOMS_TESTS, ROOT, Mutant, files

MEMORY_MAX = 3 << 30
SECONDS_MORE = 3.0
TIMES_LONGER = 8.0
"""A test that takes so much longer than without the mutant runs for ever."""


class Warm:
    """Runs `then` with what meets a mutant, once the tests have been run."""

    def __init__(self, then: Callable[[Callable[[Mutant], None]], None]) -> None:
        self._then = then
        self._items: dict[str, pytest.Item] = {}
        self._seconds: dict[str, float] = {}
        self._reached: dict[str, dict[int, list[str]]] = {}
        self._functions: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        self._caches: list[Any] = []

    def run(self) -> None:
        """Collects, runs once, then meets mutants."""
        pytest.main(["-q", "-s", "-p", "no:cacheprovider", *ROOMS_TESTS], [self])

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In the place of pytest's own loop."""
        self._find_functions()
        self._watch(session.items)
        gc.freeze()
        self._then(self.meet)
        return True

    def _watch(self, items: list[pytest.Item]) -> None:
        """Run each once: how long it takes and which lines it reaches."""
        cover = coverage.Coverage(
            data_file=None, config_file=False, include=[str(path) for path in files()]
        )
        cover.start()
        for item in items:
            cover.switch_context(item.nodeid)
            self._forget()
            begin = time.process_time()
            failed = [r for r in runtestprotocol(item, nextitem=None, log=False) if r.failed]
            assert not failed, f"{item.nodeid} fails without any mutant"
            self._items[item.nodeid] = item
            self._seconds[item.nodeid] = time.process_time() - begin
        cover.stop()
        data = cover.get_data()
        for path in files():
            self._reached[str(path)] = data.contexts_by_lineno(str(path))

    def _find_functions(self) -> None:
        for one in gc.get_objects():
            if isinstance(one, FunctionType):
                code = one.__code__
                key = (code.co_filename, code.co_qualname, code.co_firstlineno)
                self._functions[key].append(one)
            elif hasattr(type(one), "cache_clear"):
                self._caches.append(one)

    def _forget(self) -> None:
        """Nothing that was found before the mutant, or by another test, is remembered."""
        for cache in self._caches:
            cache.cache_clear()

    def tests_for(self, mutant: Mutant) -> list[str]:
        """Those that reach the line, quick ones first. Lines of a statement before and after the
        changed one count where Python reports another line of it."""
        reached = self._reached[str(ROOT / mutant.file)]
        found = {test for line in mutant.lines for test in reached.get(line, ())}
        return sorted((test for test in found if test), key=lambda test: self._seconds[test])

    def meet(self, mutant: Mutant) -> None:
        """Plants it in this process and runs what reaches it; ends the process."""
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
        tests = self.tests_for(mutant)
        if not (mutant.function and tests):  # used when its module is imported, or by nobody
            afresh = ["-m", "tests.mutation.afresh", mutant.file, str(mutant.number)]
            os.execv(sys.executable, [sys.executable, *afresh])
        self._plant(mutant)
        for test in tests:
            patience = SECONDS_MORE + TIMES_LONGER * self._seconds[test]
            signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_VIRTUAL, patience)
            item = self._items[test]
            if hasattr(item, "_initrequest"):
                item._initrequest()
            if any(report.failed for report in runtestprotocol(item, nextitem=None, log=False)):
                os._exit(1)
        os._exit(0)

    def _plant(self, mutant: Mutant) -> None:
        changed = _named(mutant.code, mutant.function)
        key = (str(ROOT / mutant.file), mutant.function, changed.co_firstlineno)
        living = self._functions[key]
        assert living, f"no living function for {mutant}"
        for function in living:
            function.__code__ = changed
        self._forget()


def _named(code: CodeType, name: str) -> CodeType:
    """The code of a function somewhere inside."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == name:
                return constant
            if name.startswith(constant.co_qualname + "."):
                return _named(constant, name)
    raise LookupError(name)
