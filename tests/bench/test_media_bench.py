"""The media bench measures a small load, and its generator is a stranger to the engine."""

import ast
from pathlib import Path

from callcenter.app.bench import media, rtp_load


def test_a_small_load_is_heard_whole_and_measured() -> None:
    result = media.main(True, calls=3, hold=3, seconds=1.0)
    bridged, both = result["bridged"], result["with_hold"]
    assert bridged["heard_share"] > 0.9
    assert bridged["deaf_phones"] == both["deaf_phones"] == both["hold"]["deaf_phones"] == 0
    assert bridged["cpu_seconds_per_call_minute"] > 0
    assert 0 < bridged["delay_ms"]["p50"] < 50
    assert set(result) == {"cores", "bridged", "with_hold", "stolen_share", "void", "ok"}


def test_the_generator_shares_no_code_with_what_it_measures() -> None:
    tree = ast.parse(Path(rtp_load.__file__).read_text())
    names = [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
        )
    ]
    assert names
    assert not [name for name in names if name.startswith("callcenter")]


def test_a_generator_that_strayed_makes_the_run_void() -> None:
    part = {
        "heard_share": 1.0, "deviation_ms": {"p50": 0, "p99": 1, "max": 2}, "delay_ms": {"p50": 0, "p99": 1, "max": 2},
        "longest_gap_ms": 21, "deaf_phones": 0, "own_deviation_ms": {"p50": 0, "p99": 3.1, "max": 9},
    }  # fmt: skip
    assert media.phase_report(1, 0, part, None, 0.1, 10)["void"]
    part["own_deviation_ms"] = {"p50": 0, "p99": 2.9, "max": 9}
    assert not media.phase_report(1, 0, part, None, 0.1, 10)["void"]
