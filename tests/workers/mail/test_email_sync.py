from __future__ import annotations

import asyncio
import dataclasses
import shutil
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from core.storage.connection import connection
from core.storage.files import FileStore
from taskcast.errors import ConfigurationError
from tests.workers.conftest import ToldJob, Upload, cancelled_at, held, rows, stopped_at, stopped_when
from tests.workers.mail.conftest import ImapServer
from workers.household.books import SEED, write_books
from workers.household.letters import write_letters
from workers.mail.mailboxes import MailboxAway, MailboxRefused
from workers.tasks import email_sync as module
from workers.tasks.transaction_import import transaction_import

IBAN = "DE89370400440532013000"
PENDING = "SELECT booked_on, amount, counterparty, source FROM transactions WHERE pending ORDER BY 1, 2"
DONE = """SELECT sender, subject, outcome FROM mail_messages ORDER BY subject, key"""
LEDGER = "SELECT account_id, booked_on, amount, text, fingerprint, pending, source FROM transactions ORDER BY 5"


def notice(number: int, text: str, *, attach: tuple[str, bytes] | None = None, sender: str = "n@bank.example") -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = sender, f"Paid {number}", f"<{number}@bank.example>"
    message["Date"] = "Tue, 24 Nov 2026 10:00:00 +0100"
    message.set_content(text)
    if attach:
        message.add_attachment(attach[1], maintype="text", subtype="csv", filename=attach[0])
    return message.as_bytes()


def paid(number: int, amount: str = "12.50", day: str = "2026-11-20") -> bytes:
    return notice(number, f"{amount} EUR at Shop {number} on {day}, account {IBAN}")


@pytest.fixture
async def bank(database: str) -> None:
    async with connection() as lent:
        await lent.execute(
            """INSERT INTO accounts (id, identity, currency, name, created_at) VALUES ($1, $2, 'EUR', 'Giro', now())""",
            uuid4(), IBAN,
        )  # fmt: skip
        await lent.execute(
            r"""INSERT INTO mail_templates (id, name, position, sender, subject, pattern, direction, date_order, created_at)
                VALUES ($1, 'bank', 1, '@bank.example', 'paid',
                        '(?P<amount>[\d.,]+) (?P<currency>[A-Z]{3}) at (?P<counterparty>.+?) on (?P<date>\S+), account (?P<account>\S+)',
                        -1, 'ymd', now())""",
            uuid4(),
        )


@pytest.fixture
def imports(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The imports that were asked for, in place of a queue server."""
    asked: list[tuple[str, str]] = []

    async def start_import(file_id: str, job_id: str) -> None:
        asked.append((file_id, job_id))

    monkeypatch.setattr(module, "start_import", start_import)
    return asked


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    def use(url: str | None) -> None:
        monkeypatch.setattr(module, "settings", dataclasses.replace(module.settings, mailbox_url=url))

    return use


@pytest.fixture
async def sync(store: FileStore, imports: Any, mailbox: Callable[[str | None], None]) -> Callable[..., Awaitable[Any]]:
    async def sync(url: str, job: ToldJob | None = None, **arguments: Any) -> dict[str, Any]:
        mailbox(url)
        result: dict[str, Any] = await module.email_sync(job=job or ToldJob("a-sync"), store=store, **arguments)
        return result

    return sync


async def test_notices_over_imap_with_tls_become_pending_and_are_fetched_once(
    imap: ImapServer, bank: None, sync: Any
) -> None:
    imap.deliver(*[paid(number) for number in range(12)], notice(99, "hello", sender="friend@example.com"))
    job = ToldJob("a-sync")

    first = await sync(imap.url, job)
    imap.deliver(paid(50, "9.99"))
    second = await sync(imap.url)
    third = await sync(imap.url)

    assert (first["pending"], second["pending"], third["summary"][:11]) == (12, 1, "0 new mails")
    assert len(await rows(PENDING)) == 13
    assert first["outcomes"]["nothing"] >= 1
    assert len({percentage for percentage, _ in job.moves}) >= 10


async def test_more_mails_than_one_answer_can_list_are_read(
    imap: ImapServer, bank: None, sync: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.mail.mailboxes.SEARCHED_AT_ONCE", 5)
    imap.make("Bank")
    imap.deliver(*[paid(number) for number in range(13)], folder="Bank")

    result = await sync(imap.url, folders=["Bank"])

    assert result["pending"] == 13


async def test_a_folder_that_was_numbered_anew_is_read_again_and_nothing_is_written_twice(
    imap: ImapServer, bank: None, sync: Any
) -> None:
    imap.make("Bank")
    imap.deliver(paid(1), paid(2), folder="Bank")
    await sync(imap.url, folders=["Bank"])
    imap.remake("Bank")
    imap.deliver(paid(1), paid(3), folder="Bank")

    result = await sync(imap.url, folders=["Bank"])

    assert result["pending"] == 1
    assert len(await rows(PENDING)) == 3
    assert len(await rows(DONE)) == 3


async def test_a_statement_takes_over_what_a_notice_told(
    imap: ImapServer, bank: None, sync: Any, upload: Upload, store: FileStore
) -> None:
    imap.deliver(paid(1), paid(2, "30.00"))
    await sync(imap.url)
    stored = await upload(
        f"IBAN;{IBAN}\nDate;Amount;Description\n2026-11-22;-12.50;SHOP 1 CARD\n2026-11-22;-12.50;ANOTHER\n2026-11-23;-1.00;X\n"
    )

    await transaction_import(stored.id, job=ToldJob("an-import"), store=store)

    assert await rows(PENDING) == [(date(2026, 11, 20), Decimal("-30.0000"), "Shop 2", "mail")]
    assert len(await rows("SELECT 1 FROM transactions WHERE NOT pending")) == 3


async def test_a_notice_that_comes_after_the_statement_adds_nothing(
    imap: ImapServer, bank: None, sync: Any, upload: Upload, store: FileStore
) -> None:
    stored = await upload(f"IBAN;{IBAN}\nDate;Amount;Description\n2026-11-22;-12.50;SHOP 1\n")
    await transaction_import(stored.id, job=ToldJob("an-import"), store=store)
    imap.deliver(paid(1), paid(2))

    result = await sync(imap.url)

    assert result["pending"] == 1  # the second purchase of the same amount is another one
    assert len(await rows(PENDING)) == 1


async def test_a_statement_of_a_known_bank_is_imported_and_a_strangers_is_not(
    imap: ImapServer, bank: None, sync: Any, imports: list[tuple[str, str]]
) -> None:
    csv = f"IBAN;{IBAN}\nDate;Amount;Description\n2026-11-22;-12.50;SHOP\n".encode()
    imap.deliver(
        notice(1, "see attachment", attach=("../../november.csv", csv)),
        notice(2, "see attachment", attach=("november.csv", csv), sender="n@evil.example"),
        notice(3, "see attachment", attach=("photo.jpg", b"x")),
    )

    await sync(imap.url)

    [(file_id, job_id)] = imports
    assert await rows("SELECT id::text, name FROM files") == [(file_id, "november.csv")]
    assert job_id.startswith("mail-")


async def test_hostile_mails_are_survived_and_said(
    imap: ImapServer, bank: None, sync: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.mail.sync.MAIL_BYTES", 200_000)
    nested = b"hello"
    for depth in range(40):
        nested = b"Content-Type: multipart/mixed; boundary=x%d\n\n--x%d\n%b\n--x%d--\n" % (depth, depth, nested, depth)
    imap.deliver(b"Subject: huge\n\n" + b"x" * 300_000, nested, b"Subject: \xff\xfe\n\n\xff", paid(1))

    result = await sync(imap.url)

    assert (result["pending"], result["outcomes"]["unreadable"]) == (1, 2)


async def test_killed_in_the_middle_and_run_again_the_ledger_is_that_of_one_run(
    store: FileStore, database: str, sync: Any, killed: Callable[..., Awaitable[None]], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    await write_books(store, until=date(2026, 9, 14), months=2)
    await write_letters(tmp_path / "household", until=date(2026, 9, 14), seed=SEED)
    url = f"maildir://{tmp_path / 'household' / 'mail'}"
    whole = await sync(url)
    assert whole["pending"] >= 10
    assert sum(len(detail["booked"]) for (detail,) in await _details() if "booked" in detail) >= 20
    expected, mails = await rows(LEDGER), await rows(DONE)
    async with connection() as lent:
        await lent.execute("DELETE FROM transactions WHERE source = 'mail'; TRUNCATE mail_messages, mail_cursors")

    monkeypatch.setenv("TASKCAST_MAILBOX_URL", url)
    await killed("EMAIL_SYNC", at=[1, 13])
    assert 0 < len(await rows(DONE)) < len(mails)
    await killed("EMAIL_SYNC", at=[0])
    await sync(url)

    assert await rows(LEDGER) == expected
    assert await rows(DONE) == mails


async def _details() -> list[tuple[dict[str, Any]]]:
    import json

    return [(json.loads(detail),) for (detail,) in await rows("SELECT detail::text FROM mail_messages")]


async def test_a_cancel_keeps_whole_mails_alone(imap: ImapServer, bank: None, sync: Any) -> None:
    imap.deliver(*[paid(number) for number in range(6)])
    job = ToldJob("a-sync")

    await cancelled_at(17, job, sync(imap.url, job))

    assert len(await rows(PENDING)) == len([row for row in await rows(DONE) if row[2] == "transactions"]) > 0


async def test_cancelled_while_it_reads_or_the_server_is_silent_it_stops_at_once_and_the_rest_is_read_later(
    imap: ImapServer, bank: None, sync: Any, silent_server: tuple[int, list[Any]]
) -> None:
    imap.deliver(*[paid(number) for number in range(6)])
    port, guests = silent_server

    await stopped_when(lambda: guests, sync(f"imap://ada:x@127.0.0.1:{port}/INBOX"))
    await stopped_at("Reading", job := ToldJob("a-sync"), sync(imap.url, job), number=4)
    assert len(await rows(PENDING)) == len([row for row in await rows(DONE) if row[2] == "transactions"]) < 6
    async with held("mail_cursors") as waited_for:
        await stopped_when(waited_for, sync(imap.url))
    await sync(imap.url)

    assert len(await rows(PENDING)) == 6


async def test_what_no_text_can_hold_stops_no_sync(bank: None, sync: Any, tmp_path: Path) -> None:
    for folder in ("new", "cur"):
        (tmp_path / "mail" / folder).mkdir(parents=True)
    mails = {
        "nul": b"From: n\x00@bank.example\nSubject: a\x00b\n\nhello",
        "surrogate": b"From: n@bank.example\nSubject: Paid =?utf-7?q?+2AA-?=\nMessage-ID: <+2AA-@x>\n"
        b"Content-Type: text/plain; charset=utf-7\n\n12.50 EUR at Sh+2AA-op on 2026-11-20, account " + IBAN.encode(),
        "good": paid(1),
    }
    for name, mail in mails.items():
        (tmp_path / "mail" / "new" / name).write_bytes(mail)

    result = await sync(f"maildir://{tmp_path / 'mail'}")

    assert result["pending"] == 2
    assert {row[2] for row in await rows(PENDING)} == {"Sh?op", "Shop 1"}


async def test_a_folder_that_a_maildir_does_not_have_is_named(bank: None, sync: Any, tmp_path: Path) -> None:
    for folder in ("new", "cur"):
        (tmp_path / "mail" / folder).mkdir(parents=True)

    with pytest.raises(MailboxRefused, match="folders: a Maildir has no folder 'Bank'; there is: INBOX"):
        await sync(f"maildir://{tmp_path / 'mail'}", folders=["Bank"])


async def test_two_at_once_read_each_mail_once(imap: ImapServer, bank: None, sync: Any) -> None:
    imap.deliver(*[paid(number) for number in range(6)])

    await asyncio.gather(sync(imap.url, ToldJob("one")), sync(imap.url, ToldJob("two")))

    assert len(await rows(PENDING)) == 6
    assert len([row for row in await rows(DONE) if row[2] == "transactions"]) == 6


@pytest.mark.parametrize(
    ("url", "error", "told"),
    [
        ("{right}", None, ""),
        (
            "imap://ada:wrong@127.0.0.1:{port}/INBOX",
            MailboxRefused,
            "TASKCAST_MAILBOX_URL: .*refuses the sign-in of ada",
        ),
        ("{right}x", MailboxRefused, "there is no folder 'INBOXx'; there are: .*INBOX"),
        ("imap://ada:x@127.0.0.1:1/INBOX", MailboxAway, "TASKCAST_MAILBOX_URL: .*cannot be reached"),
        ("maildir:///nowhere", MailboxRefused, "is no Maildir"),
        ("pop3://ada:x@host", ConfigurationError, "TASKCAST_MAILBOX_URL: it begins with 'pop3'"),
        ("imaps://host", ConfigurationError, "no user"),
    ],
)
async def test_a_mailbox_that_refuses_is_said_with_the_setting(
    imap: ImapServer, bank: None, sync: Any, url: str, error: type[Exception] | None, told: str
) -> None:
    url = url.format(right=imap.url, port=imap.port)
    if error is None:
        await sync(url)
        return
    with pytest.raises(error, match=told) as raised:
        await sync(url)
    assert "a password" not in str(raised.value)


async def test_a_certificate_that_nobody_trusts_is_refused(
    imap: ImapServer, bank: None, sync: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(MailboxRefused, match=r"certificate .*SSL_CERT_FILE"):
        await sync(imap.url)


async def test_without_a_mailbox_the_setting_is_named_and_the_sample_one_is_found(
    mailbox: Callable[[str | None], None],
    store: FileStore,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mailbox(None)
    monkeypatch.setattr(module, "settings", dataclasses.replace(module.settings, data_dir=tmp_path))
    with pytest.raises(ConfigurationError, match="TASKCAST_MAILBOX_URL is not set; give imaps://"):
        await module.email_sync(job=ToldJob(), store=store)

    (tmp_path / "household/mail/new").mkdir(parents=True)
    (tmp_path / "household/mail/cur").mkdir()
    assert (await module.email_sync(job=ToldJob(), store=store))["pending"] == 0
    shutil.rmtree(tmp_path / "household")
