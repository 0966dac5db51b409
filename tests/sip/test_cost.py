"""What a call costs, counted in function calls: the same on every machine, however busy."""

import sys
from collections import Counter
from types import FrameType

from callcenter.domain.units import SECOND
from tests.sip.stage import stage

LEG_CALLS_MAX = 800
"""Python functions entered by one endpoint for INVITE, 180, 200, ACK, BYE, 200: about 0.2 ms."""


def test_a_whole_call_costs_few_function_calls_in_each_endpoint() -> None:
    scene = stage()
    for _ in range(2):
        scene.set_up()
        scene.out.bye(scene.now)
        scene.step(60 * SECOND)
    entered: Counter[bool] = Counter()

    def count(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            entered["/callcenter/sip/" in frame.f_code.co_filename] += 1

    sys.setprofile(count)
    try:
        scene.set_up()
        scene.out.bye(scene.now)
        scene.step(60 * SECOND)
    finally:
        sys.setprofile(None)
    assert 0 < entered[True] / 2 < LEG_CALLS_MAX
