"""Where mail is read and where it is sent, from the URLs in the settings; passwords are never shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from taskcast.errors import ConfigurationError

MAILBOX_SCHEMES = {"imaps": 993, "imap": 143, "maildir": 0}
SMTP_SCHEMES = {"smtps": 465, "smtp": 587, "outbox": 0}


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    """A mailbox: `imaps` speaks TLS from the first byte, `imap` begins it before it signs in, `maildir` is a folder.

    Attributes:
        folders: which folders are read, INBOX by default.
        shown: the address without the password, as logs and tables have it.
    """

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    path: Path
    folders: tuple[str, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """A server that takes mail, or `outbox`, a folder that keeps it as files."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    path: Path
    shown: str


def mailbox_address(url: str) -> MailboxAddress:
    """Return the address in `imaps://user:password@host/Folder,Folder` or `maildir:///path`.

    Raises:
        ConfigurationError: saying what is wrong with TASKCAST_MAILBOX_URL.
    """
    parts, port = _split("TASKCAST_MAILBOX_URL", url, MAILBOX_SCHEMES)
    if parts.scheme == "maildir":
        path = Path(unquote(parts.path))
        return MailboxAddress("maildir", "", 0, "", "", path, ("INBOX",), f"maildir://{path}")
    user = unquote(parts.username or "")
    if not user or not parts.hostname:
        raise ConfigurationError(
            "TASKCAST_MAILBOX_URL: it names no user or no host; write imaps://user:password@host/INBOX"
        )
    folders = tuple(unquote(name) for name in parts.path.strip("/").split(",") if name) or ("INBOX",)
    shown = f"{parts.scheme}://{user}@{parts.hostname}:{port}"
    return MailboxAddress(
        parts.scheme, parts.hostname, port, user, unquote(parts.password or ""), Path(), folders, shown[:191]
    )


def smtp_address(url: str) -> SmtpAddress:
    """Return the address in `smtps://user:password@host:port`, `smtp://...` or `outbox:///path`.

    Raises:
        ConfigurationError: saying what is wrong with TASKCAST_SMTP_URL.
    """
    parts, port = _split("TASKCAST_SMTP_URL", url, SMTP_SCHEMES)
    if parts.scheme == "outbox":
        path = Path(unquote(parts.path))
        return SmtpAddress("outbox", "", 0, "", "", path, f"outbox://{path}")
    if not parts.hostname:
        raise ConfigurationError("TASKCAST_SMTP_URL: it names no host; write smtps://user:password@host:465")
    user = unquote(parts.username or "")
    shown = f"{parts.scheme}://{f'{user}@' if user else ''}{parts.hostname}:{port}"
    return SmtpAddress(parts.scheme, parts.hostname, port, user, unquote(parts.password or ""), Path(), shown)


def _split(setting: str, url: str, schemes: dict[str, int]) -> tuple[SplitResult, int]:
    parts = urlsplit(url)
    if parts.scheme not in schemes:
        known = ", ".join(f"{scheme}://" for scheme in schemes)
        raise ConfigurationError(
            f"{setting}: it begins with {parts.scheme[:20] or 'no scheme'!r}; begin it with {known}"
        )
    try:
        port = parts.port or schemes[parts.scheme]
    except ValueError:
        raise ConfigurationError(f"{setting}: the port is no number from 1 to 65535") from None
    return parts, port
