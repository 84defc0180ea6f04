from __future__ import annotations

import logging
from decimal import Decimal
from uuid import UUID

import pytest

from workers.finance.categories import Categoriser, Rule

FOOD, RENT, WAGES = UUID(int=1), UUID(int=2), UUID(int=3)


def category_of(*rules: Rule, text: str = "", counterparty: str = "", amount: str = "-1") -> UUID | None:
    return Categoriser(rules).category_of(
        text, counterparty, "DE02120300000000202051", "REF-1", "CARD", Decimal(amount)
    )


@pytest.mark.parametrize(
    ("match", "pattern", "fits"),
    [
        ("contains", "BAKERY", True),
        ("equals", "the old bakery", True),
        ("equals", "bakery", False),
        ("word", "old", True),
        ("word", "bake", False),
        ("regex", r"^the\s+OLD", True),
        ("regex", r"^bakery", False),
    ],
)
def test_a_rule_compares_without_case(match: str, pattern: str, fits: bool) -> None:
    found = category_of(Rule(FOOD, "text", match, pattern), text="The Old Bakery")

    assert found == (FOOD if fits else None)


def test_the_first_rule_that_fits_wins() -> None:
    rules = [Rule(RENT, "text", "contains", "rent"), Rule(FOOD, "any", "contains", "bread")]

    assert category_of(*rules, text="bread and rent") == RENT


def test_a_rule_may_ask_for_the_direction() -> None:
    wages = Rule(WAGES, "counterparty", "contains", "acme", sign=1)

    assert category_of(wages, counterparty="ACME", amount="10") == WAGES
    assert category_of(wages, counterparty="ACME", amount="-10") is None


@pytest.mark.parametrize("pattern", ["de0212", "ref-1", "card"])
def test_any_looks_at_every_field(pattern: str) -> None:
    assert category_of(Rule(FOOD, "any", "contains", pattern)) == FOOD


def test_a_broken_rule_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = category_of(
            Rule(RENT, "text", "regex", "(("),
            Rule(RENT, "colour", "contains", "x"),
            Rule(FOOD, "text", "contains", "x"),
            text="x",
        )

    assert found == FOOD
    assert len(caplog.records) == 2
