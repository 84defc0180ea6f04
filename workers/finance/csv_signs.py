"""What the running balances of a CSV prove about the signs of its amounts.

Some banks write amounts without a sign, or those of a card the other way round; the balance after each line tells which way the
money went.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from workers.finance.entries import AccountKey, BadLine, Entry

_PAYMENT = re.compile(
    r"payment (received )?-? ?thank you|payment received|pagamento recebido|ihre zahlung|zahlung erhalten",
    re.I,
)
LEAST_PAIRS = 2
SIGNED, INVERTED, UNSIGNED_UP, UNSIGNED_DOWN = "signed", "inverted", "unsigned, oldest first", "unsigned, newest first"


def proven_signs(entries: Iterable[Entry]) -> str:
    """Return how the amounts of some lines are signed, as their balances prove it; `signed` where they prove nothing."""
    last: dict[AccountKey, Entry] = {}
    pairs = 0
    agree = {"up": 0, "down": 0, "inverted up": 0, "inverted down": 0, "any up": 0, "any down": 0}
    has_minus = False
    for entry in entries:
        has_minus = has_minus or entry.amount < 0
        before = last.get(entry.account)
        last[entry.account] = entry
        if before is None or before.balance is None or entry.balance is None or not (before.amount or entry.amount):
            continue
        pairs += 1
        step = entry.balance - before.balance
        # Newest first, the balance of the line above is that of this one and the line above itself.
        for name, moved, amount in (("up", step, entry.amount), ("down", -step, before.amount)):
            agree[name] += moved == amount
            agree[f"inverted {name}"] += moved == -amount
            agree[f"any {name}"] += abs(moved) == abs(amount)
    as_written = max(agree["up"], agree["down"])

    def proven(count: int) -> bool:
        # Some lines may be missing in between; nearly all others must agree, and more than as they are written.
        return count > as_written and 4 * count >= 3 * pairs

    if pairs < LEAST_PAIRS:
        return SIGNED
    if has_minus:
        return INVERTED if proven(max(agree["inverted up"], agree["inverted down"])) else SIGNED
    if proven(agree["any up"]) and agree["any up"] >= agree["any down"]:
        return UNSIGNED_UP
    return UNSIGNED_DOWN if proven(agree["any down"]) else SIGNED


def is_card(entries: Iterable[Entry]) -> bool:
    """Tell whether the lines are of a card whose bank writes purchases without and payments with a minus: the texts tell those."""
    signs, payments = {True: 0, False: 0}, []
    for entry in entries:
        if entry.balance is not None:
            return False
        signs[entry.amount > 0] += bool(entry.amount)
        if entry.amount and _PAYMENT.search(f"{entry.text} {entry.counterparty} {entry.bank_category}"):
            payments.append(entry.amount)
    return signs[True] >= signs[False] and bool(payments) and all(amount < 0 for amount in payments)


def signed(items: Iterable[Entry | BadLine], how: str) -> Iterator[Entry | BadLine]:
    """Give amounts without a sign the one that their balances prove; a line without such a proof becomes a bad one."""
    if how == INVERTED:
        yield from (replace(item, amount=-item.amount + 0) if isinstance(item, Entry) else item for item in items)
    elif how == UNSIGNED_UP:
        yield from _oldest_first(items)
    elif how == UNSIGNED_DOWN:
        yield from _newest_first(items)
    else:
        yield from items


def _oldest_first(items: Iterable[Entry | BadLine]) -> Iterator[Entry | BadLine]:
    balances: dict[AccountKey, Decimal | None] = {}
    for item in items:
        if isinstance(item, Entry):
            yield _proven(item, balances.get(item.account))
            balances[item.account] = item.balance
        else:
            yield item


def _newest_first(items: Iterable[Entry | BadLine]) -> Iterator[Entry | BadLine]:
    waiting: dict[AccountKey, Entry] = {}
    for item in items:
        if isinstance(item, BadLine):
            yield item
            continue
        if (newer := waiting.get(item.account)) is not None:
            yield _proven(newer, item.balance)
        waiting[item.account] = item
    yield from (_proven(entry, None) for entry in waiting.values())


def _proven(entry: Entry, before: Decimal | None) -> Entry | BadLine:
    if not entry.amount:
        return entry
    if before is None or entry.balance is None:
        return BadLine(entry.line, "amount", "has no sign, and no balance before it tells one")
    moved = entry.balance - before
    if abs(moved) != abs(entry.amount):
        return BadLine(entry.line, "amount", f"has no sign, and the balance moves by {moved} instead")
    return replace(entry, amount=moved)
