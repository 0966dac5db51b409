"""A mutant outside of any function: its module is imported anew, with everything that uses it."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
from collections.abc import Sequence
from types import ModuleType

import pytest

from tests.mutation.mutants import ROOMS_TESTS, ROOT, Mutant, mutants

CPU_SECONDS_MAX = 120
MEMORY_MAX = 3 << 30


class Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutant's code for the mutant's module."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.module = mutant.file.removesuffix(".py").replace("/", ".")

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        return importlib.util.spec_from_loader(name, self, origin=str(ROOT / self.mutant.file))

    def exec_module(self, module: ModuleType) -> None:
        exec(self.mutant.code, module.__dict__)


def meet_afresh(planted: Mutant) -> None:
    """All tests of the rooms; ends the process with pytest's exit code."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    sys.dont_write_bytecode = True
    sys.meta_path.insert(0, Planted(planted))
    os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *ROOMS_TESTS])))


if __name__ == "__main__":
    meet_afresh(mutants(ROOT / sys.argv[1])[int(sys.argv[2]) - 1])
