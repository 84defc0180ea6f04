"""The bookings of the household's books: a month of an account is the same on every machine, whatever the day it is made on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from workers.finance.entries import AccountKey, Entry
from workers.finance.periods import Period
from workers.household.book_accounts import SPENDINGS, STANDING, BookAccount, Spending, Standing, cents

UNUSUAL_EVERY_MONTHS = 4
UNUSUAL_TIMES = 7
FIRST_YEAR = 2024


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking and the key of its category."""

    entry: Entry
    category: str


def month_of(account: BookAccount, month: Period, seed: int, opening: Decimal) -> list[Booked]:
    """Return the account's bookings of a month by day, with the balance after each, that began with `opening`."""
    lines = sorted(_lines(account, month, seed), key=lambda booked: booked.entry.booked_on)
    balance, booked = opening, []
    for number, line in enumerate(lines, 1):
        balance += line.entry.amount
        entry = replace(line.entry, line=number + 1, balance=balance)
        booked.append(replace(line, entry=entry))
    return booked


def _lines(account: BookAccount, month: Period, seed: int) -> Iterator[Booked]:
    rng = Random(f"{seed}:{account.key}:{month}")
    number = month.first.year * 12 + month.first.month
    for habit in (spending for spending in SPENDINGS if spending.account == account.key):
        for i in range(max(1, habit.times + rng.randint(-1, 1))):
            span = int(habit.least * 100), int(habit.most * 100)
            # Most purchases are small: the lower of two.
            amount = Decimal(min(rng.randint(*span), rng.randint(*span))) / 100
            if i == 0 and habit.times >= 6 and (number + len(habit.text)) % UNUSUAL_EVERY_MONTHS == 0:
                amount = habit.most * UNUSUAL_TIMES
            day = month.first + timedelta(days=rng.randrange(month.days))
            sign = 1 if habit.category in {"sales", "refunds"} else -1
            yield _booked(account, habit, day=day, amount=sign * amount)
    for standing in (standing for standing in STANDING if standing.account == account.key):
        if standing.months and month.first.month not in standing.months:
            continue
        day = _working_day(month, standing.day)
        reference = f"{standing.counterparty[:4].upper().strip()}-{month.first:%Y%m}"
        yield _booked(account, standing, day=day, amount=price_of(standing, month), reference=reference)


def price_of(standing: Standing, month: Period) -> Decimal:
    """Return what a standing payment is in a month, after its rises so far."""
    rises = month.first.year - FIRST_YEAR - (0 if month.first.month >= standing.rise_month else 1)
    rise = standing.rise * max(0, rises)
    return standing.amount - rise if standing.amount < 0 else standing.amount + rise


def _booked(
    account: BookAccount, kind: Spending | Standing, *, day: date, amount: Decimal, reference: str = ""
) -> Booked:
    entry = Entry(
        line=0,
        account=AccountKey(account.identity, account.currency, account.name),
        booked_on=day,
        valued_on=day,
        amount=cents(amount, account.currency),
        text=kind.text,
        counterparty=kind.counterparty,
        counterparty_account="",
        reference=reference,
        bank_category="",
        balance=None,
    )
    return Booked(entry, kind.category)


def _working_day(month: Period, day: int) -> date:
    """Return the day, or the Monday after a weekend if that is in the month still, as banks book."""
    wanted = month.first.replace(day=min(day, month.days))
    later = wanted + timedelta(days={5: 2, 6: 1}.get(wanted.weekday(), 0))
    return later if later <= month.last else wanted
