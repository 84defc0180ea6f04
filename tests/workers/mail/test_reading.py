from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from email.message import EmailMessage

import pytest

from workers.mail.bank_notices import Template, read_notices
from workers.mail.reading import MailUnreadable, read_mail

CARD = Template(
    "card", "@bank.example", "paid", r"(?P<amount>[\d.,]+) (?P<currency>[A-Z]{3}) at (?P<counterparty>[^,\n]+)", "DE1", None,
    None, -1,
)  # fmt: skip


def mail(text: str, *, sender: str = "Bank <notices@bank.example>", subject: str = "You paid", **headers: str) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = sender, subject, "<1@bank.example>"
    message["Date"] = "Tue, 24 Nov 2026 10:00:00 +0100"
    for name, value in headers.items():
        message[name] = value
    message.set_content(text)
    return message.as_bytes()


def test_a_mail_says_who_when_and_what() -> None:
    read = read_mail(mail("Für 12,50 EUR"))

    assert (read.sender, read.subject) == ("notices@bank.example", "You paid")
    assert read.sent_at == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    assert read.text == "Für 12,50 EUR\n"
    assert read.key == read_mail(mail("another text, the same Message-ID")).key


@pytest.mark.parametrize(
    "data",
    [
        b"From: a@b.example\nContent-Type: text/plain; charset=no-such-charset\n\nhello \xff",
        b"From: =?utf-8?q?=FF=FE?= <a@b.example>\nDate: 99 Foo 2026\nSubject: =?x?y?z?=\n\nhello",
        b"From: a@b.example\nContent-Type: multipart/mixed; boundary=\n\nhello",
        b"From: a@b.example\nContent-Transfer-Encoding: base64\n\n!!!!",
        b"\x00\x01\x02 no mail at all",
        b"From: a@b.example\nSubject: " + b"A" * 100_000 + b"\n\nhello",
        b"From: a@b.example\nContent-Type: text/html\n\n<style>x</style><p>hello<br>you</p><script>bad()</script>",
    ],
)
def test_a_malformed_mail_is_read_as_far_as_it_goes(data: bytes) -> None:
    read = read_mail(data)

    assert len(read.subject) <= 255
    assert "bad()" not in read.text


def test_mails_that_are_made_to_hurt_are_refused() -> None:
    nested = b"hello"
    for depth in range(40):
        nested = b"Content-Type: multipart/mixed; boundary=x%d\n\n--x%d\n%b\n--x%d--\n" % (depth, depth, nested, depth)
    many = b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\nhello\n" * 500 + b"--x--\n"

    with pytest.raises(MailUnreadable, match="nested"):
        read_mail(nested)
    with pytest.raises(MailUnreadable, match="more than 200 parts"):
        read_mail(many)
    with pytest.raises(MailUnreadable, match="empty"):
        read_mail(b"  \n")
    deep = b"Content-Type: message/rfc822\n\n" * 5000
    with pytest.raises(MailUnreadable, match="nested"):
        read_mail(deep)


def test_a_notice_is_read_by_its_template_whatever_its_decimal_mark() -> None:
    told, problems = read_notices(read_mail(mail("1.234,50 EUR at Café Müller, thanks\n7.25 USD at Shop\n")), [CARD])

    assert [(each.amount, each.currency, each.counterparty) for each in told] == [
        (Decimal("-1234.50"), "EUR", "Café Müller"),
        (Decimal("-7.25"), "USD", "Shop"),
    ]
    assert len({each.fingerprint for each in told}) == 2
    assert problems == []


def test_a_mail_of_somebody_else_tells_nothing() -> None:
    for sender in (
        "Bank <notices@evil.example>",
        "notices@bank.example.evil.example",
        '"@bank.example" <x@evil.example>',
    ):
        assert read_notices(read_mail(mail("12.50 EUR at Shop", sender=sender)), [CARD]) == ([], [])


def test_a_pattern_that_takes_for_ever_is_stopped_and_said() -> None:
    slow = Template("slow", "@bank.example", "", r"(?P<amount>(1|11)+)$", "DE1", "EUR", None, -1)

    told, problems = read_notices(read_mail(mail("1" * 80 + "y")), [slow])

    assert told == []
    assert "takes too long" in problems[0]


@pytest.mark.parametrize(
    ("pattern", "text", "problem"),
    [
        (r"(?P<amount>\S+) EUR", "twelve EUR", "slow|amount|no amount|number|is"),
        (r"(?P<amount>\S+) (?P<currency>XXQ)", "5 XXQ", "currency"),
        (r"(?P<amount>[", "5 EUR", "pattern is wrong"),
    ],
)
def test_what_a_template_cannot_read_is_said(pattern: str, text: str, problem: str) -> None:
    import re

    template = Template("t", "@bank.example", "", pattern, "DE1", None if "currency" in pattern else "EUR", None, -1)

    told, problems = read_notices(read_mail(mail(text)), [template])

    assert told == []
    assert re.search(problem, problems[0])
