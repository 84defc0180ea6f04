"""What banks tell by mail, read by templates: whose mail, which words, and a pattern with named groups.

Patterns are written by operators and run on the text of strangers, so each search has a time limit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import regex

from workers.finance.amounts import AmountError, DecimalMark, read_amount
from workers.finance.currencies import CODES
from workers.finance.dates import DateError, DateOrder, read_date
from workers.finance.pending import Told
from workers.mail.reading import Mail

SEARCH_S = 0.2
MOST_NOTICES = 100
TEXT_LENGTH = 500
OUTGOING = frozenset({"-", "d", "dr", "debit", "paid", "sent", "out"})
INCOMING = frozenset({"+", "c", "cr", "credit", "received", "in"})


@dataclass(frozen=True, slots=True)
class Template:
    """How one bank's notices are known and read."""

    name: str
    sender: str
    subject: str
    pattern: str
    account_identity: str | None
    currency: str | None
    date_order: str | None
    direction: int

    def is_for(self, mail: Mail) -> bool:
        """Tell whether a mail comes from this bank and is about this."""
        return self.sends(mail.sender) and self.subject.casefold() in mail.subject.casefold()

    def sends(self, sender: str) -> bool:
        """Tell whether an address is this bank's."""
        own = self.sender.casefold()
        return sender.endswith(own) if own.startswith("@") else sender == own


async def load_templates(connection: Any) -> list[Template]:
    """Return all templates in their order."""
    rows = await connection.fetch(
        """SELECT name, sender, subject, pattern, account_identity, currency, date_order, direction
           FROM mail_templates ORDER BY position, name"""
    )
    return [Template(*row) for row in rows]


def read_notices(mail: Mail, templates: Sequence[Template]) -> tuple[list[Told], list[str]]:
    """Return the bookings that a mail tells, and what could not be read.

    The first template that is for the mail and finds something counts.
    """
    problems: list[str] = []
    for template in templates:
        if not template.is_for(mail):
            continue
        found, wrong = _read(mail, template)
        problems += wrong
        if found:
            return found, problems
    return [], problems


def _read(mail: Mail, template: Template) -> tuple[list[Told], list[str]]:
    found: list[Told] = []
    wrong: list[str] = []
    try:
        matches = regex.finditer(template.pattern, mail.text, regex.IGNORECASE | regex.MULTILINE, timeout=SEARCH_S)
        for number, match in enumerate(matches):
            if number == MOST_NOTICES:
                wrong.append(f"{template.name}: more than {MOST_NOTICES} matches; the others are left out")
                break
            try:
                found.append(
                    _told(mail, template, {name: text or "" for name, text in match.groupdict().items()}, number)
                )
            except (AmountError, DateError, ValueError) as error:
                wrong.append(f"{template.name}: {error}")
    except TimeoutError:
        wrong.append(f"{template.name}: the pattern takes too long on this mail; make it simpler")
    except regex.error as error:
        wrong.append(f"{template.name}: the pattern is wrong: {error}")
    return found, wrong


def _told(mail: Mail, template: Template, groups: dict[str, str], number: int) -> Told:
    currency = (groups.get("currency") or template.currency or "").strip().upper()
    if currency not in CODES:
        raise ValueError(
            f"currency: {currency[:20]!r} is none; give the template a currency, or its pattern a group for it"
        )
    account = (groups.get("account") or template.account_identity or "").strip()
    if not account:
        raise ValueError("account: give the template an account, or its pattern a group for it")
    marks = DecimalMark()
    marks.look(groups.get("amount", ""))
    amount = abs(read_amount(groups.get("amount", ""), marks.decide(currency), currency))
    sign = groups.get("sign", "").strip().casefold()
    outgoing = sign in OUTGOING or (sign not in INCOMING and template.direction < 0)
    if groups.get("date"):
        order = template.date_order
        if order is None:
            dates = DateOrder()
            dates.look(groups["date"].strip())
            order = dates.decide(currency).order
        booked_on = read_date(groups["date"].strip(), order)
    elif mail.sent_at is not None:
        booked_on = mail.sent_at.date()
    else:
        raise ValueError("date: neither the notice nor the mail has one")
    return Told(
        account,
        currency,
        booked_on,
        -amount if outgoing else amount,
        _words(groups.get("counterparty", "")),
        _words(groups.get("text", "")) or mail.subject,
        _words(groups.get("reference", "")),
        hashlib.sha256(f"mail:{mail.key}:{number}".encode()).hexdigest()[:32],
    )


def _words(text: str) -> str:
    return " ".join(text.split())[:TEXT_LENGTH]
