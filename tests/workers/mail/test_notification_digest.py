from __future__ import annotations

import asyncio
import dataclasses
import email
import email.policy
import threading
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from core.storage.connection import connection
from taskcast.errors import ConfigurationError
from tests.workers.conftest import ToldJob, cancelled_at, held, rows, stopped_when
from tests.workers.mail.conftest import Inbox
from workers.finance.notices import Notice, add_notices
from workers.mail.sending import SmtpAway, SmtpRefused
from workers.tasks import notification_digest as module

STATES = "SELECT user_id, state FROM digests ORDER BY 1"
UNTOLD = "SELECT user_id, key FROM notifications WHERE digest_id IS NULL ORDER BY 1, 2"


async def told(*notices: tuple[str, str], title: str = "Streamline went up", text: str = "From 1 to 2 EUR.") -> None:
    async with connection() as lent:
        await add_notices(lent, [Notice(user, "price_rise", key, title, text) for user, key in notices])


@pytest.fixture
def send(database: str, smtp: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def send(url: str = smtp, *, job: ToldJob | None = None, **arguments: Any) -> dict[str, Any]:
        changed = dataclasses.replace(
            module.settings,
            smtp_url=url,
            mail_from="Taskcast <jobs@taskcast.example>",
            public_url="https://jobs.example",
        )
        monkeypatch.setattr(module, "settings", changed)
        result: dict[str, Any] = await module.notification_digest(job=job or ToldJob("a-digest"), **arguments)
        return result

    return send


def parsed(data: bytes) -> EmailMessage:
    return cast("EmailMessage", email.message_from_bytes(data, policy=email.policy.default))


async def test_each_person_gets_one_mail_in_text_and_html_and_never_again(send: Any, inbox: Inbox) -> None:
    await told(("ada@example.com", "1"), ("ada@example.com", "2"), ("ben@example.com", "1"))

    first, second = await send(), await send(job=ToldJob("another"))

    assert (first["sent"], first["notices"], second["sent"]) == (2, 3, 0)
    mails = {str(mail["To"]): mail for mail in map(parsed, inbox.mails)}
    assert set(mails) == {"ada@example.com", "ben@example.com"}
    mail = mails["ada@example.com"]
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().count("Streamline went up") == 2
    assert "https://jobs.example" in html.get_content()
    assert (mail["Auto-Submitted"], mail["Subject"]) == ("auto-generated", "2 things are new in your accounts")
    assert inbox.signed_in == [b"ada"]
    assert await rows(STATES) == [("ada@example.com", "sent"), ("ben@example.com", "sent")]


async def test_what_a_notice_says_is_no_markup_and_no_header(send: Any, inbox: Inbox) -> None:
    await told(("ada@example.com", "1"), title="<b>x</b>\r\nBcc: all@example.com", text="<script>bad()</script>")

    await send()

    mail = parsed(inbox.mails[0])
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>bad" not in html.get_content()
    assert mail["Bcc"] is None
    assert mail["Subject"] == "<b>x</b> Bcc: all@example.com"


async def test_a_recipient_that_is_refused_for_good_is_said_and_the_others_get_theirs(send: Any, inbox: Inbox) -> None:
    await told(*((user, "1") for user in ("ada@example.com", "gone@example.com", "no address", "zoë@example.com")))
    inbox.refused["gone@example.com"] = "550 no such user"

    result = await send()

    assert (result["sent"], result["refused"]) == (1, 3)
    assert await rows(STATES) == [
        ("ada@example.com", "sent"), ("gone@example.com", "refused"), ("no address", "refused"), ("zoë@example.com", "refused"),
    ]  # fmt: skip


async def test_an_address_at_a_domain_with_umlauts_gets_its_mail(send: Any, inbox: Inbox) -> None:
    await told(("ada@bücher.example", "1"))

    assert (await send())["sent"] == 1
    assert parsed(inbox.mails[0])["To"] == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize("answer", ["RCPT", "DATA"])
async def test_a_server_that_takes_nothing_now_is_tried_again_with_the_same_notices(
    send: Any, inbox: Inbox, answer: str
) -> None:
    await told(("ada@example.com", "1"))
    if answer == "RCPT":
        inbox.refused["ada@example.com"] = "451 later"
    else:
        inbox.answer_to_data = "452 full"
    with pytest.raises(SmtpAway, match="now"):
        await send()
    assert await rows(UNTOLD) == [("ada@example.com", "1")]

    inbox.refused, inbox.answer_to_data = {}, None
    assert (await send())["sent"] == 1
    assert len(inbox.mails) == 1


async def test_a_connection_that_breaks_while_the_mail_is_on_its_way_sends_nothing_twice_unless_asked(
    send: Any, inbox: Inbox
) -> None:
    await told(("ada@example.com", "1"))
    inbox.break_after_data = True
    first = await send()
    inbox.break_after_data = False
    second = await send(job=ToldJob("another"))
    third = await send(job=ToldJob("a-third"), resend_unsure=True)

    assert (first["unsure"], second["sent"], third["sent"]) == (1, 0, 1)
    mails = [parsed(mail) for mail in inbox.mails]
    assert mails[0]["Message-ID"] == mails[1]["Message-ID"]
    assert await rows(STATES) == [("ada@example.com", "sent")]


async def test_killed_in_the_middle_nothing_is_told_twice_and_nothing_is_forgotten(
    database: str, killed: Callable[..., Awaitable[None]], tmp_path: Path, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"person{number}@example.com" for number in range(5)]
    await told(*[(person, "1") for person in people])
    (tmp_path / "outbox").mkdir()
    url = f"outbox://{tmp_path / 'outbox'}"
    monkeypatch.setenv("TASKCAST_SMTP_URL", url)
    monkeypatch.setenv("TASKCAST_MAIL_FROM", "jobs@taskcast.example")

    await killed("NOTIFICATION_DIGEST", at=[5], job_id="a-digest")
    before = len(list((tmp_path / "outbox").glob("*.eml")))
    await send(url)

    mails = [parsed(path.read_bytes()) for path in (tmp_path / "outbox").glob("*.eml")]
    assert 0 < before < 5
    assert sorted(str(mail["To"]) for mail in mails) == people
    assert await rows(STATES) == [(person, "sent") for person in people]


async def test_killed_while_a_mail_is_on_its_way_it_is_unsure_and_stays_so(
    send: Any, smtp: str, inbox: Inbox, killed: Callable[..., Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(("ada@example.com", "1"))
    monkeypatch.setenv("TASKCAST_SMTP_URL", smtp)
    monkeypatch.setenv("TASKCAST_MAIL_FROM", "jobs@taskcast.example")

    def kill_the_job() -> None:
        for process in psutil.Process().children(recursive=True):
            if "tests.workers.killed" in process.cmdline() and not process.children():
                process.kill()

    inbox.at_data = kill_the_job
    await killed("NOTIFICATION_DIGEST", at=[1000], job_id="a-digest")
    assert await rows(STATES) == [("ada@example.com", "sending")]
    inbox.at_data = lambda: None
    result = await send()

    assert (result["sent"], len(inbox.mails)) == (0, 1)
    assert await rows(STATES) == [("ada@example.com", "unsure")]


async def test_cancelled_while_a_mail_is_on_its_way_it_stops_at_once_and_the_mail_is_unsure(
    send: Any, inbox: Inbox
) -> None:
    await told(("ada@example.com", "1"), ("ben@example.com", "1"))
    taken = threading.Event()
    inbox.at_data = lambda: taken.wait(20) and None

    await stopped_when(lambda: inbox.mails, send())
    taken.set()

    assert await rows(STATES) == [("ada@example.com", "unsure")]
    assert await rows(UNTOLD) == [("ben@example.com", "1")]


async def test_cancelled_while_the_server_is_silent_it_stops_at_once_and_tells_it_next_time(
    send: Any, inbox: Inbox, silent_server: tuple[int, list[Any]]
) -> None:
    await told(("ada@example.com", "1"))
    port, guests = silent_server

    await stopped_when(lambda: guests, send(f"smtp://127.0.0.1:{port}"))

    assert await rows(STATES) == []
    assert (await send())["sent"] == 1


async def test_a_cancel_before_the_mail_goes_out_takes_its_digest_back(send: Any, inbox: Inbox) -> None:
    await told(("ada@example.com", "1"))
    async with held("notifications") as waited_for:
        await stopped_when(waited_for, send())

    assert (await rows(STATES), inbox.mails) == ([], [])
    assert await rows(UNTOLD) == [("ada@example.com", "1")]


async def test_two_at_once_tell_each_person_once(send: Any, inbox: Inbox) -> None:
    await told(*[(f"person{number}@example.com", "1") for number in range(4)])

    results = await asyncio.gather(send(job=ToldJob("one")), send(job=ToldJob("two")))

    assert sum(result["sent"] for result in results) == len(inbox.mails) == 4


async def test_a_cancel_between_two_mails_keeps_the_rest_for_the_next(send: Any, inbox: Inbox) -> None:
    await told(*[(f"person{number}@example.com", "1") for number in range(4)])
    job = ToldJob("a-digest")

    await cancelled_at(5, job, send(job=job))

    assert len(inbox.mails) == 2
    assert len(await rows(UNTOLD)) == 2


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("smtp://127.0.0.1:1", SmtpAway, "TASKCAST_SMTP_URL: .*cannot be reached"),
        ("http://x", ConfigurationError, "TASKCAST_SMTP_URL: it begins with 'http'"),
        ("outbox:///nowhere", ConfigurationError, "there is no folder /nowhere"),
    ],
)
async def test_a_server_that_is_away_or_none_is_said_with_the_setting(
    send: Any, url: str, error: type[Exception], message: str
) -> None:
    await told(("ada@example.com", "1"))

    with pytest.raises(error, match=message):
        await send(url)

    assert await rows(UNTOLD) == [("ada@example.com", "1")]


async def test_with_nothing_to_send_no_server_is_connected_to_and_one_that_is_away_is_no_failure(send: Any) -> None:
    result = await send("smtp://127.0.0.1:1")

    assert result["summary"] == "nobody had to be told anything"


async def test_a_wrong_password_is_refused_for_good(send: Any, smtp: str) -> None:
    await told(("ada@example.com", "1"))

    with pytest.raises(SmtpRefused, match="refuses the sign-in of ada; check user and password"):
        await send(smtp.replace("of%20the%20tests", "that%20is%20wrong"))


async def test_without_a_server_the_setting_is_named(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "settings", dataclasses.replace(module.settings, data_dir=tmp_path, smtp_url=None))

    with pytest.raises(ConfigurationError, match="TASKCAST_SMTP_URL is not set; give smtps://"):
        await module.notification_digest(job=ToldJob())
