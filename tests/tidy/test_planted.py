"""The house rules catch what they are for: each planted source is found, each honest one is not."""

from __future__ import annotations

import pytest

from tests.tidy.outside import outside_in
from tests.tidy.shortcuts import is_suspect_name, shortcuts_in, words_of

SHORTCUTS = [
    "if demo_mode: pass",
    "if settings.is_demo: pass",
    "if DEMO_CENTER: pass",
    "class DemoStore: pass",
    "def start(demo=False): pass",
    "start(for_demo=True)",
    "import callcenter.app.demo.center",
    "from callcenter.app import demo",
    "from callcenter.app.demo import center",
    "from x import y as demo_y",
    "class InMemoryStore: pass",
    "store = memory_store()",
    "MemoryStore()",
    "import fakeredis",
    "from unittest import mock",
    "self.in_process = True",
    "inProcessFrontend()",
    "short_circuit(call)",
    "take_shortcut()",
    "under_test = 1",
    "testing = 1",
    "if is_test(): pass",
    "os.environ.get('CALLCENTER_DEMO')",
    "'PYTEST_CURRENT_TEST' in os.environ",
    "os.getenv('TEST_MODE')",
    "os.environ['ENV'] == 'test'",
    "if env == 'testing': pass",
    "'pytest' in sys.modules",
    "x = sys.modules",
    "sys.gettrace()",
    "if url == 'memory': pass",
    "if url.startswith('memory://'): pass",
    "connect('sqlite://:memory:') if url == ':memory:' else None",
    "importlib.import_module('callcenter.app.demo.center')",
    "f'{room}.demo'",
    "x = b'demo'",
    "match kind:\n    case 'demo': pass",
    "match kind:\n    case demo_kind: pass",
    "name.startswith('demo-')",
    "help = 'start one with `callcenter demo`, not in demo mode'",
]
HONEST = [
    '"""As the demo and the tests do."""',
    "def f():\n    '''Tests hear it too.'''",
    "class A:\n    limit: int\n    '''Asked for by a test.'''",
    "view = memoryview(data)",
    "maxmemory_policy = 'noeviction'",
    "latest = contest = attestation",
    "memory_percent = used_memory / store_limit",
    "main_process = in_progress = None",
    "headers = {'Cache-Control': 'no-store'}",
    "from callcenter.frontend import memory",
    "help = 'start one with `callcenter demo` or `callcenter run`'",
    "x = 'the store keeps its memory below the limit'",
]


@pytest.mark.parametrize("source", SHORTCUTS)
def test_a_planted_shortcut_is_caught(source: str) -> None:
    assert shortcuts_in(source)


@pytest.mark.parametrize("source", HONEST)
def test_an_honest_source_is_not_taken_for_a_shortcut(source: str) -> None:
    assert shortcuts_in(source) == []


def test_where_flows_are_tested_the_word_is_allowed_and_nothing_else() -> None:
    assert shortcuts_in("def read_tests(test): return 'tests'", has_tests=True) == []
    assert shortcuts_in("if under_test: pass", has_tests=True)
    assert shortcuts_in("'PYTEST_CURRENT_TEST' in os.environ", has_tests=True)
    assert shortcuts_in("if is_demo: pass", has_tests=True)


def test_names_are_cut_into_their_words() -> None:
    assert words_of("isDemo_MODE") == ["is", "demo", "mode"]
    assert words_of("HTTPServer2") == ["http", "server", "2"]
    assert is_suspect_name("demomode")
    assert not is_suspect_name("latest")


OUTSIDE = [
    "from datetime import datetime\ndatetime.now()",
    "from datetime import datetime as d\nd.now()",
    "from datetime import datetime as d, UTC\nd.now(UTC)",
    "import datetime as dt\ndt.datetime.utcnow()",
    "import datetime\nread = datetime.datetime.now",
    "from datetime import date as day\nday.today()",
    "from datetime import datetime\nclock = datetime\nclock.now()",
    "from datetime import datetime\na = datetime\nb = a\nread = b.now",
    "from datetime import datetime\ngetattr(datetime, 'now')()",
    "import numpy as np\nnp.datetime64('now')",
    "import numpy\nnumpy.random.rand()",
    "import numpy as np\nnp.random.default_rng()",
    "import numpy as np\nnp.random.default_rng(None)",
    "import numpy as np\nchance = np.random\nchance.rand()",
    "from numpy import random",
    "from numpy import random as r\nr.rand()",
    "from numpy.random import default_rng as new\nnew()",
    "import secrets",
    "from secrets import token_hex as h",
    "import uuid as u\nu.uuid4()",
    "from uuid import uuid4",
    "import time as t",
    "from time import monotonic",
    "import random",
    "from os import urandom",
    "from urllib import request",
    "import urllib.request",
    "open('x')",
    "o = open\no('x')",
    "import io\nio.open('x')",
    "print('x')",
    "__import__('time')",
    "self.clock.now()",
    "day.today()",
]
COMPUTING = [
    "def f(now): return now + 1",
    "self.hands.now",
    "from datetime import datetime, UTC\ndatetime.fromtimestamp(now, UTC)",
    "import numpy as np\nchance = np.random.default_rng(SEED)",
    "import numpy as np\nchance = np.random.default_rng(seed=7)",
    "import numpy as np\ndef f(chance: np.random.Generator) -> None: pass",
    "import numpy as np\nnp.datetime64('2026-01-01')",
    "from urllib.parse import quote",
    "class Hours:\n    open: str",
    "def react(self, input, now): handler(self, input)",
    "live.today(queue)",
]


@pytest.mark.parametrize("source", OUTSIDE)
def test_a_planted_clock_or_chance_is_caught(source: str) -> None:
    assert outside_in(source)


@pytest.mark.parametrize("source", COMPUTING)
def test_what_computes_from_its_arguments_is_left_alone(source: str) -> None:
    assert outside_in(source) == []
