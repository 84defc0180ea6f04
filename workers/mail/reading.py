"""Reads a mail's bytes, however it was made: limits on size, parts and depth, and whatever charset it claims."""

from __future__ import annotations

import email
import email.policy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser

MOST_PARTS = 200
DEEPEST = 20
TEXT_LENGTH = 100_000
ATTACHMENT_BYTES = 20 * 1024 * 1024


class MailUnreadable(ValueError):
    """The bytes are no mail that can be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says; `key` is the same however often it is delivered."""

    key: str
    sender: str
    subject: str
    sent_at: datetime | None
    text: str
    attachments: tuple[Attachment, ...]


def read_mail(data: bytes) -> Mail:
    """Return what a mail says.

    Raises:
        MailUnreadable: if it has too many parts, is nested too deep, or is nothing at all.
    """
    if not data.strip():
        raise MailUnreadable("it is empty")
    try:
        message = email.message_from_bytes(data, policy=email.policy.compat32)
        parts = list(_leaves(message))
    except RecursionError:
        raise MailUnreadable("its parts are nested too deep") from None
    plain, hypertext, attachments = [], [], []
    for part in parts:
        name = _header(part.get_filename() or "")
        if name:
            content = _content(part)
            if 0 < len(content) <= ATTACHMENT_BYTES:
                attachments.append(Attachment(_storable(name)[:255], part.get_content_type(), content))
        elif part.get_content_type() == "text/plain":
            plain.append(_text(part))
        elif part.get_content_type() == "text/html":
            hypertext.append(_without_tags(_text(part)))
    sender = _clean(parseaddr(_header(message.get("From", "")))[1].casefold())
    text = "\n".join(plain) if any(each.strip() for each in plain) else "\n".join(hypertext)
    return Mail(
        key_of(data, message.get("Message-ID")),
        sender[:255],
        _clean(_header(message.get("Subject", "")))[:255],
        _date(message.get("Date")),
        _storable(text)[:TEXT_LENGTH],
        tuple(attachments),
    )


def key_of(data: bytes, message_id: object = None) -> str:
    """Return the SHA-256 of a mail's Message-ID, or of its bytes if it has none, in hex."""
    named = str(message_id).strip() if message_id else ""
    return hashlib.sha256(named.encode("utf-8", "surrogateescape") if named else data).hexdigest()


def _leaves(message: Message, depth: int = 0, seen: list[int] | None = None) -> Iterator[Message]:
    seen = seen if seen is not None else []
    if depth > DEEPEST:
        raise MailUnreadable(f"its parts are nested more than {DEEPEST} deep")
    seen.append(1)
    if len(seen) > MOST_PARTS:
        raise MailUnreadable(f"it has more than {MOST_PARTS} parts")
    if message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _leaves(part, depth + 1, seen)
    else:
        yield message


def _content(part: Message) -> bytes:
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError):
        return b""
    return content if isinstance(content, bytes) else b""


def _text(part: Message) -> str:
    content, charset = _content(part), part.get_content_charset() or "utf-8"
    try:
        return content.decode(charset, "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _header(value: object) -> str:
    try:
        return str(make_header(decode_header(str(value))))
    except (ValueError, LookupError, UnicodeError):
        return str(value).encode("utf-8", "replace").decode()


def _clean(text: str) -> str:
    return " ".join(_storable(text).split())


def _storable(text: str) -> str:
    """Return the text without what PostgreSQL cannot keep: NUL, and surrogates, which some charsets decode to."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _date(value: object) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(value))
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in {"style", "script", "head"}
        if tag in {"br", "p", "div", "tr", "li", "table"}:
            self.found.append("\n")
        elif tag in {"td", "th"}:
            self.found.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "script", "head"} and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(" ".join(data.split()))


def _without_tags(text: str) -> str:
    parser = _Words()
    parser.feed(text[:TEXT_LENGTH])
    return "".join(parser.found)
