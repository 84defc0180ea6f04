"""Sends a mail so that its fate is known: taken, refused, surely not sent, or unsure."""

from __future__ import annotations

import asyncio
import contextlib
import email.policy
import secrets
import ssl
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from taskcast.errors import ConfigurationError, TaskcastError
from workers.mail.address import SmtpAddress

TIMEOUT_S = 30.0
PERMANENT = 500
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SmtpAway(TaskcastError, ConnectionError):
    """The mail server cannot be reached, or takes nothing now (TASKCAST_SMTP_URL); nothing was sent."""

    code = "smtp_away"


class SmtpRefused(TaskcastError):
    """The mail server refuses the sign-in or the sender (TASKCAST_SMTP_URL, TASKCAST_MAIL_FROM)."""

    code = "smtp_refused"


class RecipientRefused(TaskcastError):
    """The mail server refuses this recipient or mail for good."""

    code = "recipient_refused"


class FateUnknown(TaskcastError):
    """The connection broke while the mail was on its way; it may have arrived."""

    code = "mail_fate_unknown"


class Sender(Protocol):
    """Sends mails; open it by `async with`.

    Attributes:
        on_its_way: whether a mail has begun to go out and nobody knows yet what became of it.
    """

    on_its_way: bool

    async def __aenter__(self) -> Self:
        """Connect."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""

    async def send(self, message: EmailMessage) -> None:
        """Send one mail.

        Raises:
            RecipientRefused: for good.
            SmtpAway: if it surely was not sent.
            FateUnknown: if nobody knows.
        """


def sender_for(address: SmtpAddress) -> Sender:
    """Return what sends to an address."""
    return OutboxSender(address.path) if address.scheme == "outbox" else SmtpSender(address)


class SmtpSender:
    """Sends by SMTP: TLS from the first byte (`smtps`), or begun where it is offered (`smtp`)."""

    def __init__(self, address: SmtpAddress) -> None:
        self._address = address
        self._client: Any = None
        self.on_its_way = False

    async def __aenter__(self) -> Self:
        import aiosmtplib

        address = self._address
        self._client = aiosmtplib.SMTP(
            hostname=address.host, port=address.port, use_tls=address.scheme == "smtps",
            start_tls=False if address.scheme == "smtps" else None, timeout=TIMEOUT_S,
        )  # fmt: skip
        try:
            await self._client.connect()
        except ssl.SSLError as error:
            raise SmtpRefused(
                f"TASKCAST_SMTP_URL: the certificate of {address.host} is not trusted or there is no TLS "
                f"({error.reason or error}); add its authority to SSL_CERT_FILE"
            ) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise SmtpAway(f"TASKCAST_SMTP_URL: {address.shown} cannot be reached: {error}") from error
        if address.user:
            await self._login()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, Exception):
            self._client.close()
            return
        with contextlib.suppress(Exception):
            await self._client.quit()

    async def send(self, message: EmailMessage) -> None:
        """Send one mail; a connection that was lost before is made again."""
        import aiosmtplib

        self.on_its_way = False
        if not self._client.is_connected:
            await self.__aenter__()
        sender, recipient = message["From"].addresses[0].addr_spec, message["To"].addresses[0].addr_spec
        data = message.as_bytes(policy=email.policy.SMTP)
        try:
            await self._client.mail(sender)
        except aiosmtplib.SMTPResponseException as error:
            await self._reset()
            if error.code >= PERMANENT:
                raise SmtpRefused(f"TASKCAST_MAIL_FROM: the server refuses {sender}: {error.message}") from error
            raise SmtpAway(f"{self._address.shown} takes nothing now: {error.message}") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise SmtpAway(f"{self._address.shown} ended the connection: {error}") from error
        try:
            await self._client.rcpt(recipient)
        except aiosmtplib.SMTPResponseException as error:
            await self._reset()
            if error.code >= PERMANENT:
                raise RecipientRefused(f"{recipient}: {error.code} {error.message}") from error
            raise SmtpAway(f"{recipient} is not taken now: {error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise SmtpAway(f"{self._address.shown} ended the connection: {error}") from error
        self.on_its_way = True
        try:
            await self._client.data(data)
        except aiosmtplib.SMTPResponseException as error:
            if error.code >= PERMANENT:
                raise RecipientRefused(f"{recipient}: {error.code} {error.message}") from error
            raise SmtpAway(f"{self._address.shown} takes nothing now: {error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise FateUnknown(f"the connection broke while the mail to {recipient} was on its way: {error}") from error
        self.on_its_way = False

    async def _login(self) -> None:
        import aiosmtplib

        address = self._address
        if self._client.get_transport_info("sslcontext") is None and address.host not in LOOPBACK:
            raise SmtpRefused(
                f"TASKCAST_SMTP_URL: {address.host} offers no TLS, so the password is not sent; use smtps://, or leave the "
                "user out"
            )
        try:
            await self._client.login(address.user, address.password)
        except aiosmtplib.SMTPAuthenticationError as error:
            raise SmtpRefused(
                f"TASKCAST_SMTP_URL: {address.host} refuses the sign-in of {address.user}; check user and password"
            ) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise SmtpAway(f"{address.shown} ended the connection: {error}") from error

    async def _reset(self) -> None:
        with contextlib.suppress(Exception):
            await self._client.rset()


class OutboxSender:
    """Keeps mails as files in a folder, for tests and demonstrations; a mail is there whole, or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.on_its_way = False

    async def __aenter__(self) -> Self:
        if not self._folder.is_dir():
            raise ConfigurationError(f"TASKCAST_SMTP_URL: there is no folder {self._folder}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def send(self, message: EmailMessage) -> None:
        """Write the mail under its id; the same mail again takes its place."""
        name = "".join(letter for letter in str(message["Message-ID"]) if letter.isalnum() or letter in "-.@")

        def write() -> None:
            draft = self._folder / f".{name}.{secrets.token_hex(4)}"
            draft.write_bytes(message.as_bytes(policy=email.policy.SMTP))
            draft.replace(self._folder / f"{name}.eml")

        self.on_its_way = True
        try:
            await asyncio.to_thread(write)
            self.on_its_way = False
        except OSError as error:
            raise SmtpAway(f"TASKCAST_SMTP_URL: {self._folder} cannot be written: {error}") from error


def new_message(
    *, sender: str, recipient: str, subject: str, text: str, html: str, message_id: str, at: datetime
) -> EmailMessage:
    """Return a mail in text and HTML; line breaks in a header's value become spaces.

    Raises:
        RecipientRefused: if the recipient is no address.
    """
    message = EmailMessage()
    try:
        message["From"], message["To"] = _address(sender), _address(recipient)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise RecipientRefused(f"{recipient[:80]!r} is no e-mail address: {error}") from error
    message["Subject"] = " ".join(subject.split())
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: out-of-office programs do not answer
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message


def _address(text: str) -> Address:
    name, address = parseaddr(text)
    if not address or "@" not in address or any(character.isspace() for character in address):
        raise ValueError("there is no @ in it, or a space")
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise ValueError("only its domain may have letters beyond ASCII")
    return Address(display_name=" ".join(name.split()), username=local, domain=domain.encode("idna").decode())
