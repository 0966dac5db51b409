"""Loss and jitter as RFC 3550 counts them."""

from callcenter.domain.units import MILLISECOND
from callcenter.media.reception import Reception

FRAME = 20 * MILLISECOND


def feed(reception: Reception, sequences: list[int], ssrc: int = 1) -> None:
    for sequence in sequences:
        reception.arrived(
            sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, ssrc, 172, sequence * FRAME
        )


def test_an_even_stream_has_no_jitter_and_no_loss() -> None:
    reception = Reception()
    feed(reception, list(range(100, 200)))
    assert (reception.packets, reception.lost, reception.jitter_ms) == (100, 0, 0)


def test_missing_packets_are_lost_over_the_wrap_of_the_sequence() -> None:
    reception = Reception()
    feed(reception, [s for s in range(65_500, 65_600) if s % 10])
    assert reception.lost == 9  # the first of the hundred was not missed: nobody expected it


def test_a_packet_that_comes_late_is_not_lost() -> None:
    reception = Reception()
    feed(reception, [1, 2, 4, 3, 5])
    assert reception.lost == 0


def test_jitter_follows_the_formula_of_the_standard() -> None:
    reception = Reception()
    for n in range(200):
        late = 4 * MILLISECOND if n % 2 else 0
        reception.arrived(n, n * 160, 1, 172, n * FRAME + late)
    assert 3.5 < reception.jitter_ms < 4.1


def test_a_timestamp_from_nowhere_is_counted_and_leaves_the_jitter_alone() -> None:
    reception = Reception()
    feed(reception, list(range(50)))
    reception.arrived(50, 300_000_000, 1, 172, 50 * FRAME)
    assert reception.leaps == 1
    assert reception.jitter_ms == 0


def test_one_absurd_sequence_number_is_not_believed_but_two_in_a_row_are() -> None:
    reception = Reception()
    feed(reception, list(range(10)))
    assert not reception.arrived(40_000, 1600, 1, 172, 10 * FRAME)
    assert reception.arrived(40_001, 1760, 1, 172, 11 * FRAME)
    assert reception.lost == 0


def test_loss_adds_up_over_streams() -> None:
    reception = Reception()
    feed(reception, [1, 3], ssrc=1)
    feed(reception, [9, 10, 13], ssrc=2)
    assert (reception.lost, reception.restarts) == (3, 1)


def test_the_fraction_lost_is_that_of_the_last_interval() -> None:
    reception = Reception()
    feed(reception, [1, 2, 3, 5])
    assert reception.fraction_lost() == 256 // 5
    feed(reception, [6, 7])
    assert reception.fraction_lost() == 0
