from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from workers.finance.entries import AccountKey, Entry
from workers.finance.fingerprints import Fingerprints

COFFEE = Entry(
    2, AccountKey("DE1", "EUR", "Giro"), date(2024, 6, 30), None, Decimal("-2.80"), "Coffee", "Café", "", "", "", None
)


def test_two_equal_lines_of_one_file_differ_and_the_same_file_again_does_not() -> None:
    first, again = Fingerprints(), Fingerprints()

    lines = [first.of(COFFEE), first.of(replace(COFFEE, line=9))]

    assert len(set(lines)) == 2
    assert [again.of(COFFEE), again.of(COFFEE)] == lines
    assert Fingerprints().of(COFFEE) == Fingerprints().of(replace(COFFEE, line=7, balance=Decimal(5)))


def test_equal_lines_on_two_accounts_are_counted_apart() -> None:
    seen, other = Fingerprints(), replace(COFFEE, account=AccountKey("DE2", "EUR", "Card"))

    assert seen.of(COFFEE) == seen.of(other)


def test_the_way_an_amount_or_a_text_is_written_changes_nothing() -> None:
    same = replace(COFFEE, amount=Decimal("-2.8"), text="COFFEE", counterparty="CAFÉ")
    zero = replace(COFFEE, amount=Decimal("-0.00"))

    assert Fingerprints().of(same) == Fingerprints().of(COFFEE)
    assert Fingerprints().of(zero) == Fingerprints().of(replace(COFFEE, amount=Decimal(0)))


def test_what_is_told_apart_by_people_has_another_fingerprint() -> None:
    others = [
        replace(COFFEE, booked_on=date(2024, 7, 1)),
        replace(COFFEE, amount=Decimal("2.80")),
        replace(COFFEE, text="Tea"),
        replace(COFFEE, counterparty="Bar"),
        replace(COFFEE, reference="7"),
    ]

    assert len({Fingerprints().of(entry) for entry in [COFFEE, *others]}) == 6
    assert all(len(Fingerprints().of(entry)) == 32 for entry in others)
