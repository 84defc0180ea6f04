"""Sets a statement's lines against the ledger: exact, then within a window of days, then one line against several.

What remains is explained as far as it can be: a line that the ledger lacks, a booking that the bank does not know, and for
both what comes nearest to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

WINDOW_DAYS = 4
SPLIT_DAYS = 8
LARGEST_SPLIT = 40
SEARCHED = 14
"""Among so many bookings any sum is looked for; more only as a run of one party's, as that grows with 2 to their power."""


@dataclass(frozen=True, slots=True)
class Side:
    """A line of the statement, or a booking of the ledger; `elsewhere` if another statement brought that."""

    key: int
    on: date
    amount: Decimal
    party: str
    text: str
    pending: bool = False
    elsewhere: bool = False

    @property
    def shown(self) -> str:
        """What it is called in a result."""
        return self.party or self.text or "without a text"


@dataclass(frozen=True, slots=True)
class Difference:
    """A line or booking without a counterpart; `explanation` says what comes nearest."""

    side: Side
    explanation: str


@dataclass(slots=True)
class Matched:
    """What came of setting both sides against each other."""

    exact: list[tuple[Side, Side]] = field(default_factory=list)
    near: list[tuple[Side, Side]] = field(default_factory=list)
    split: list[tuple[list[Side], list[Side]]] = field(default_factory=list)
    missing: list[Difference] = field(default_factory=list)
    surplus: list[Difference] = field(default_factory=list)
    elsewhere: list[Side] = field(default_factory=list)


def match(
    lines: Sequence[Side],
    bookings: Sequence[Side],
    *,
    first: date,
    last: date,
    window_days: int = WINDOW_DAYS,
    pause: Callable[[], None] = lambda: None,
) -> Matched:
    """Match the statement's lines with the ledger's bookings; each is used once.

    Args:
        lines: what the statement says.
        bookings: what the ledger has, some days before and after the statement's included.
        first: the statement's first day; a booking before it is not missed.
        last: its last day, likewise.
        window_days: how many days apart the same amount may be booked.
        pause: called again and again, as thousands of lines that match nothing take minutes; what it raises ends the matching.
    """
    found = Matched()
    rest = _exact(lines, bookings, found)
    rest = _near(*rest, found, window_days)
    open_lines, open_bookings = _split(*rest, found, window_days, pause)
    for line in open_lines:
        pause()
        found.missing.append(Difference(line, _explained(line, open_bookings, "the ledger")))
    for booking in open_bookings:
        pause()
        if not first <= booking.on <= last:
            continue
        if booking.elsewhere:
            # The bank has told of it in another file: statements overlap, and those of one day may be several.
            found.elsewhere.append(booking)
            continue
        found.surplus.append(
            Difference(
                booking,
                "told by mail, not booked by the bank yet"
                if booking.pending
                else _explained(booking, open_lines, "the statement"),
            )
        )
    return found


def _exact(lines: Sequence[Side], bookings: Sequence[Side], found: Matched) -> tuple[list[Side], list[Side]]:
    """Match what has one day and amount, the same texts first."""
    by_day: dict[tuple[date, Decimal], list[Side]] = defaultdict(list)
    for booking in bookings:
        by_day[booking.on, booking.amount].append(booking)
    used: set[int] = set()
    open_lines = list(lines)
    for same_text in (True, False):
        rest = []
        for line in open_lines:
            choice = next(
                (
                    booking
                    for booking in by_day.get((line.on, line.amount), ())
                    if booking.key not in used
                    and (not same_text or (booking.party, booking.text) == (line.party, line.text))
                ),
                None,
            )
            if choice is None:
                rest.append(line)
            else:
                used.add(choice.key)
                found.exact.append((line, choice))
        open_lines = rest
    return open_lines, [booking for booking in bookings if booking.key not in used]


def _near(lines: list[Side], bookings: list[Side], found: Matched, window_days: int) -> tuple[list[Side], list[Side]]:
    """Match the same amounts a few days apart: the same party first, then the nearest days."""
    by_amount: dict[Decimal, list[Side]] = defaultdict(list)
    for booking in bookings:
        by_amount[booking.amount].append(booking)
    pairs = sorted(
        (
            ((line.party.casefold() != booking.party.casefold()), abs((line.on - booking.on).days), line.key, booking.key),
            line,
            booking,
        )
        for line in lines
        for booking in by_amount.get(line.amount, ())
        if abs((line.on - booking.on).days) <= window_days
    ) if lines else []  # fmt: skip
    used_lines: set[int] = set()
    used_bookings: set[int] = set()
    for _, line, booking in pairs:
        if line.key not in used_lines and booking.key not in used_bookings:
            used_lines.add(line.key)
            used_bookings.add(booking.key)
            found.near.append((line, booking))
    return (
        [line for line in lines if line.key not in used_lines],
        [booking for booking in bookings if booking.key not in used_bookings],
    )


def _split(
    lines: list[Side], bookings: list[Side], found: Matched, window_days: int, pause: Callable[[], None]
) -> tuple[list[Side], list[Side]]:
    """Match one line with several bookings that add up to it, then one booking with several lines."""
    sums, open_lines, bookings = _sums(lines, bookings, window_days, pause)
    found.split += [([line], parts) for line, parts in sums]
    sums, open_bookings, open_lines = _sums(bookings, open_lines, window_days, pause)
    found.split += [(parts, [booking]) for booking, parts in sums]
    return open_lines, open_bookings


def _sums(
    wholes: list[Side], parts: list[Side], window_days: int, pause: Callable[[], None]
) -> tuple[list[tuple[Side, list[Side]]], list[Side], list[Side]]:
    """Return each whole that parts add up to, with its parts; the other wholes; and the parts that are left."""
    sums, others = [], []
    for whole in wholes:
        pause()
        chosen = _sum_to(whole, parts, window_days)
        if chosen is None:
            others.append(whole)
        else:
            sums.append((whole, chosen))
            used = {part.key for part in chosen}
            parts = [part for part in parts if part.key not in used]
    return sums, others, parts


def _sum_to(whole: Side, parts: list[Side], window_days: int) -> list[Side] | None:
    """Return two or more parts of the same sign that add up to the whole, or None."""
    days = max(SPLIT_DAYS, window_days)
    near = sorted(
        (
            part
            for part in parts
            if (part.amount > 0) == (whole.amount > 0)
            and abs(part.amount) < abs(whole.amount)
            and -days <= (part.on - whole.on).days <= window_days
        ),
        key=lambda part: (part.on, part.key),
    )
    same = [part for part in near if part.party and part.party.casefold() == whole.party.casefold()]
    for run in _runs(same, whole.amount):
        return run
    by_distance = sorted(near, key=lambda part: (part not in same, abs((part.on - whole.on).days), part.key))[:SEARCHED]
    return _subset(by_distance, whole.amount)


def _runs(parts: list[Side], amount: Decimal) -> Iterator[list[Side]]:
    """Yield the parts that follow each other and add up to the amount."""
    for begin in range(len(parts)):
        total = Decimal(0)
        for end in range(begin, min(len(parts), begin + LARGEST_SPLIT)):
            total += parts[end].amount
            if total == amount and end > begin:
                yield parts[begin : end + 1]
            if abs(total) >= abs(amount):
                break


def _subset(parts: list[Side], amount: Decimal) -> list[Side] | None:
    """Return some of the parts that add up to the amount, the fewest and nearest first."""
    sums: dict[Decimal, tuple[int, ...]] = {Decimal(0): ()}
    for index, part in enumerate(parts):
        for total, chosen in list(sums.items()):
            more = total + part.amount
            if abs(more) <= abs(amount) and more not in sums:
                sums[more] = (*chosen, index)
    chosen = sums.get(amount, ())
    return [parts[index] for index in chosen] if len(chosen) >= 2 else None


def _explained(side: Side, others: Sequence[Side], where: str) -> str:
    """Say what comes nearest on the other side."""
    for other in others:
        if other.amount == side.amount:
            days = (other.on - side.on).days
            when = "later" if days > 0 else "earlier"
            return f"{where} has the same amount {abs(days)} days {when}, on {other.on.isoformat()}: {other.shown}"
    for other in others:
        if other.amount == -side.amount and abs((other.on - side.on).days) <= SPLIT_DAYS:
            return f"{where} has it with the other sign on {other.on.isoformat()}: {other.shown}"
    for other in others:
        if other.party.casefold() == side.party.casefold() and other.on == side.on and side.party:
            by = other.amount - side.amount
            turned = "; two digits may be turned round" if by * 100 % 9 == 0 else ""
            return f"{where} has {other.amount.normalize():f} of the same day and party, {by.normalize():+f}{turned}"
    return f"{where} has nothing like it"
