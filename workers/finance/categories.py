"""Puts bookings into categories by the rules that people have written down."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from workers.finance.entries import Entry

logger = logging.getLogger(__name__)

FIELDS = ("text", "counterparty", "counterparty_account", "reference", "bank_category")
ANY = "any"

Test = Callable[[list[str]], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of `category_rules`: `field` is one of FIELDS or `any`, `match` is contains, equals, word or regex."""

    category_id: UUID
    field: str
    match: str
    pattern: str
    sign: int = 0


class Categoriser:
    """The rules in their order; the first that fits wins."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._tests = [(test, rule) for rule in rules if (test := _test_of(rule)) is not None]

    @classmethod
    async def load(cls, connection: Any) -> Categoriser:
        """Return the rules as they are stored now."""
        rows = await connection.fetch(
            """SELECT category_id, field, match, pattern, sign FROM category_rules
               ORDER BY position, length(pattern) DESC, pattern, field, match, sign"""
        )
        return cls([Rule(row["category_id"], row["field"], row["match"], row["pattern"], row["sign"]) for row in rows])

    def __bool__(self) -> bool:
        return bool(self._tests)

    def category_of(  # noqa: PLR0917 - the fields of a booking, in their order
        self,
        text: str,
        counterparty: str,
        counterparty_account: str,
        reference: str,
        bank_category: str,
        amount: Decimal,
    ) -> UUID | None:
        """Return the category of the first rule that fits a booking, or None. Case does not matter."""
        if not self._tests:
            return None
        sign = (amount > 0) - (amount < 0)
        values = [
            text.casefold(),
            counterparty.casefold(),
            counterparty_account.casefold(),
            reference.casefold(),
            bank_category.casefold(),
        ]
        for test, rule in self._tests:
            if (not rule.sign or rule.sign == sign) and test(values):
                return rule.category_id
        return None

    def category_of_entry(self, entry: Entry) -> UUID | None:
        """Return the category of an entry, as `category_of` does of its parts."""
        return self.category_of(
            entry.text,
            entry.counterparty,
            entry.counterparty_account,
            entry.reference,
            entry.bank_category,
            entry.amount,
        )


def _test_of(rule: Rule) -> Test | None:
    """Return the rule as a function of the five values; None, said in the log, for a rule that cannot be used."""
    try:
        fits = _matcher(rule)
    except re.error as error:
        logger.warning("the category rule %r is no regular expression and is left out: %s", rule.pattern, error)
        return None
    if rule.field == ANY:
        return lambda values: any(map(fits, values))
    if rule.field not in FIELDS:
        logger.warning("the category rule %r is for the unknown field %r and is left out", rule.pattern, rule.field)
        return None
    at = FIELDS.index(rule.field)
    return lambda values: fits(values[at])


def _matcher(rule: Rule) -> Callable[[str], bool]:
    pattern = rule.pattern.casefold()
    if rule.match == "contains":
        return lambda value: pattern in value
    if rule.match == "equals":
        return lambda value: pattern == value
    if rule.match == "word":
        return _searcher(rf"(?<!\w){re.escape(pattern)}(?!\w)")
    return _searcher(rule.pattern)


def _searcher(pattern: str) -> Callable[[str], bool]:
    found = re.compile(pattern, re.IGNORECASE)
    return lambda value: found.search(value) is not None
