"""Quality as a number that supervisors know."""

import pytest

from callcenter.media.report import mos
from tests.media.house import House


@pytest.mark.parametrize(
    ("delay_ms", "loss", "score"),
    [(20, 0, 4.40), (150, 0.01, 4.23), (150, 0.03, 4.00), (400, 0.10, 1.70)],
)
def test_scores_are_those_of_the_e_model(delay_ms: float, loss: float, score: float) -> None:
    assert mos(delay_ms, loss) == pytest.approx(score, abs=0.25)


def test_a_dead_line_scores_one() -> None:
    assert mos(5000, 1.0) == 1.0


def test_a_query_names_both_tags_and_what_was_received() -> None:
    house = House()
    leg = house.caller()
    for n in (1, 2, 3, 5):
        house.say(leg, n)
    reply = house.ask("query")
    assert set(reply["tags"]) == {"leg", "in"}
    assert reply["totals"]["RTP"] == {"packets": 4, "bytes": 688, "errors": 0}
    assert reply["SSRC"]["99"]["packets lost"] == 1
    stream = reply["tags"]["leg"]["medias"][0]["streams"][0]
    assert stream["endpoint"] == {"family": "IPv4", "address": "192.0.2.1", "port": 4000}
    assert stream["latched"] == 1
