"""The latest events in memory."""

from __future__ import annotations

from core.gateway.live.ring import SLACK, Ring
from tests.core.live.sample import entry


def filled(numbers: range, **limits: int) -> Ring:
    ring = Ring(**limits)
    ring.start(numbers[0] - 5)
    for number in numbers:
        ring.extend([entry("job.progressed", number)], number)
    return ring


def test_it_gives_what_came_after_a_position_up_to_another() -> None:
    ring = filled(range(10, 20))

    assert [each.seq for each in ring.after(12, 15, 100)] == [13, 14, 15]
    assert [each.seq for each in ring.after(12, 99, 2)] == [13, 14]


def test_it_knows_only_positions_that_were_given_out() -> None:
    ring = filled(range(10, 20, 3))

    assert ring.knows(13)
    assert not ring.knows(14)
    assert ring.knows(5)


def test_the_oldest_leave_when_there_are_too_many() -> None:
    count = 50 + SLACK + 1
    ring = filled(range(10, 10 + count), max_events=50)

    assert len(ring) == 50
    assert ring.base is not None
    assert not ring.holds(ring.base - 1)
    assert ring.after(ring.base, 10**9, 1)[0].seq == ring.base + 1


def test_the_oldest_leave_when_they_are_too_many_bytes() -> None:
    ring = filled(range(10, 60), max_bytes=10 * entry("job.progressed", 10).size)

    assert len(ring) == 10
    assert ring.last == 59
