"""The sample household's mailbox: its banks' notices and a statement by mail, in a Maildir, and an outbox for digests.

Everything is made from the books' seed; a mail has the same name on every start, so that none comes twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from core.storage.connection import connection
from workers.finance.money import shown
from workers.finance.periods import Period
from workers.household.book_accounts import BOOK_ACCOUNTS
from workers.household.book_lines import month_of

DAYS = 14
CARD = "card"
TEMPLATES = (
    (
        "sample card office",
        "@cards.example",
        "card was used",
        r"(?P<amount>[\d.,]+) (?P<currency>[A-Z]{3}) at (?P<counterparty>.+?) on (?P<date>\d{4}-\d\d-\d\d), card (?P<account>\S+)",
        -1,
    ),
    (
        "sample savings bank",
        "@savings.example",
        "",
        r"(?P<sign>credit|debit) of (?P<amount>[\d.,]+) (?P<currency>[A-Z]{3}) on account (?P<account>\w+) on (?P<date>\d{4}-\d\d-\d\d)",
        1,
    ),
)


async def write_letters(folder: Path, *, until: date, seed: int) -> int:
    """Write the templates into the ledger and the last two weeks' mails into `folder/mail`; return how many are new."""
    async with connection() as lent:
        for position, (name, sender, subject, pattern, direction) in enumerate(TEMPLATES):
            await lent.execute(
                """INSERT INTO mail_templates (id, name, position, sender, subject, pattern, direction, date_order, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, 'ymd', now()) ON CONFLICT (name) DO NOTHING""",
                uuid5(NAMESPACE_URL, f"household/template/{name}"), name, position, sender, subject, pattern, direction,
            )  # fmt: skip
    return await asyncio.to_thread(_write, folder, list(_mails(until, seed)))


def _mails(until: date, seed: int) -> Iterable[EmailMessage]:
    account = next(each for each in BOOK_ACCOUNTS if each.key == CARD)
    for back in range(DAYS - 1, -1, -1):
        day = until - timedelta(days=back)
        booked = month_of(account, Period.containing(day), seed, Decimal(0))
        lines = [
            f"Your card was used: {shown(-line.entry.amount, account.currency)} {account.currency} at "
            f"{line.entry.counterparty} on {day.isoformat()}, card {account.identity}"
            for line in booked
            if line.entry.booked_on == day and line.entry.amount < 0
        ]
        # What the shop has not settled yet: no statement knows it.
        lines.append(
            f"Your card was used: {Decimal(880 + 7 * day.day) / 100} EUR at Harbour Kiosk on {day.isoformat()}, "
            f"card {account.identity}"
        )
        yield _mail(
            account.person,
            f"card-{day}",
            day,
            subject="Your card was used",
            text="\n".join(lines),
            sender="Card office <notices@cards.example>",
        )
    if until.day <= DAYS:
        yield _newsletter(until)


def _newsletter(until: date) -> EmailMessage:
    account = BOOK_ACCOUNTS[0]
    return _mail(
        account.person,
        f"news-{until:%Y-%m}",
        until.replace(day=1),
        subject="News from your bank",
        text="Nothing to book here.",
        sender="Bank <news@bank.example>",
    )


def _mail(recipient: str, name: str, day: date, *, subject: str, text: str, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message["Date"] = datetime.combine(day, time(21, 0), UTC)
    message["Message-ID"] = f"<{name}@household.example>"
    message.set_content(text + "\n")
    return message


def _write(folder: Path, mails: list[EmailMessage]) -> int:
    (folder / "outbox").mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "cur", "new"):
        (folder / "mail" / name).mkdir(parents=True, exist_ok=True)
    new = 0
    for mail in mails:
        name = str(mail["Message-ID"]).strip("<>").partition("@")[0] + ".household"
        target = folder / "mail" / "new" / name
        if not target.exists() and not (folder / "mail" / "cur" / name).exists():
            draft = folder / "mail" / "tmp" / name
            draft.write_bytes(mail.as_bytes())
            draft.replace(target)
            new += 1
    return new
