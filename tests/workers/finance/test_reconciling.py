from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcast import JobCancelled
from workers.finance.reconciling import Side, match

FIRST, LAST = date(2026, 9, 1), date(2026, 9, 30)
numbers = count()


def side(day: int, amount: str, party: str = "", text: str = "", *, pending: bool = False) -> Side:
    return Side(next(numbers), date(2026, 9, day), Decimal(amount), party, text, pending)


def test_the_same_day_and_amount_match_and_equal_texts_go_first() -> None:
    lines = [side(3, "-5", text="tea"), side(3, "-5", text="coffee")]
    bookings = [side(3, "-5", text="coffee"), side(3, "-5", text="cake")]

    found = match(lines, bookings, first=FIRST, last=LAST)

    assert {(line.text, booking.text) for line, booking in found.exact} == {("coffee", "coffee"), ("tea", "cake")}


def test_the_same_amount_a_few_days_apart_matches_with_the_nearest() -> None:
    lines, bookings = [side(10, "-7")], [side(7, "-7"), side(11, "-7"), side(20, "-7")]

    found = match(lines, bookings, first=FIRST, last=LAST)

    assert [booking.on.day for _, booking in found.near] == [11]
    assert [difference.side.on.day for difference in found.surplus] == [7, 20]


def test_one_line_matches_several_bookings_that_add_up_to_it() -> None:
    rides = [side(day, amount, "Transport") for day, amount in ((1, "-2.40"), (2, "-2.40"), (4, "-3.10"))]

    found = match([side(5, "-7.90", "Transport")], rides, first=FIRST, last=LAST)

    assert [len(bookings) for _, bookings in found.split] == [3]
    assert not found.missing
    assert not found.surplus


def test_one_booking_matches_two_lines_of_different_parties() -> None:
    lines = [side(5, "-60.00", "Hotel"), side(6, "-40.00", "Taxi"), side(6, "-1.00", "Kiosk")]

    found = match(lines, [side(6, "-100.00", "Trip")], first=FIRST, last=LAST)

    assert [(sorted(line.party for line in many), one[0].party) for many, one in found.split] == [
        (["Hotel", "Taxi"], "Trip")
    ]
    assert [difference.side.party for difference in found.missing] == ["Kiosk"]


def test_differences_are_explained_by_what_comes_nearest() -> None:
    lines = [side(1, "-30"), side(2, "-54.00", "Shop"), side(3, "-9", "Bar"), side(5, "1.23", "Odd")]
    bookings = [side(20, "-30"), side(2, "-45.00", "Shop"), side(4, "9", "Bar"), side(9, "-8", pending=True)]

    found = match(lines, bookings, first=FIRST, last=LAST)

    told = [difference.explanation for difference in found.missing]
    assert "19 days later" in told[0]
    assert "two digits may be turned round" in told[1]
    assert "other sign" in told[2]
    assert told[3] == "the ledger has nothing like it"
    assert "told by mail" in found.surplus[-1].explanation


def test_bookings_outside_the_statement_are_not_missed_by_it() -> None:
    found = match([], [side(1, "-1"), side(15, "-2")], first=date(2026, 9, 10), last=LAST)

    assert [difference.side.on.day for difference in found.surplus] == [15]


def test_a_booking_that_another_statement_brought_matches_but_is_not_missed() -> None:
    shared, other = side(3, "-4"), side(3, "-9")
    bookings = [replace(shared, key=next(numbers), elsewhere=True), replace(other, key=next(numbers), elsewhere=True)]

    found = match([shared], bookings, first=FIRST, last=LAST)

    assert (len(found.exact), found.surplus, [each.amount for each in found.elsewhere]) == (1, [], [Decimal(-9)])


sides = st.builds(
    lambda day, cents, party: (day, Decimal(cents) / 100, party),
    st.integers(1, 28),
    st.integers(-500, 500).filter(bool),
    st.sampled_from(["", "A", "B"]),
)


@given(st.lists(sides, max_size=25), st.lists(sides, max_size=25))
def test_each_line_and_booking_is_used_once_and_matches_add_up(
    left: list[tuple[int, Decimal, str]], right: list[tuple[int, Decimal, str]]
) -> None:
    lines = [Side(n, date(2026, 9, day), amount, party, "") for n, (day, amount, party) in enumerate(left)]
    bookings = [Side(n, date(2026, 9, day), amount, party, "") for n, (day, amount, party) in enumerate(right)]

    found = match(lines, bookings, first=FIRST, last=LAST)

    used_lines = [a.key for a, _ in found.exact + found.near] + [a.key for many, _ in found.split for a in many]
    used_bookings = [b.key for _, b in found.exact + found.near] + [b.key for _, many in found.split for b in many]
    assert sorted(used_lines + [each.side.key for each in found.missing]) == list(range(len(lines)))
    assert sorted(used_bookings + [each.side.key for each in found.surplus]) == list(range(len(bookings)))
    assert all(a.amount == b.amount for a, b in found.exact + found.near)
    assert all(sum(a.amount for a in some) == sum(b.amount for b in others) for some, others in found.split)


def test_thousands_of_lines_that_match_nothing_stop_when_they_are_not_wanted_any_more() -> None:
    lines = [Side(number, date(2026, 3, 1), Decimal(number + 1), "", "") for number in range(0, 4000, 2)]
    bookings = [Side(number, date(2026, 3, 1), Decimal(number + 1), "", "") for number in range(1, 4000, 2)]
    pauses = 0

    def stop_at_the_tenth() -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 10:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        match(lines, bookings, first=date(2026, 3, 1), last=date(2026, 3, 1), pause=stop_at_the_tenth)
