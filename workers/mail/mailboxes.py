"""Mailboxes as a job reads them: over IMAP with TLS, or a Maildir. Everything here blocks and belongs into a thread."""

from __future__ import annotations

import contextlib
import imaplib
import os
import re
import ssl
from pathlib import Path
from typing import Any, Protocol

from taskcast.errors import TaskcastError
from workers.mail.address import MailboxAddress

TIMEOUT_S = 30.0
SIZES_AT_ONCE = 500
SEARCHED_AT_ONCE = 50_000
"""So many uids are asked for at a time: imaplib takes no answer longer than a million bytes, and large mailboxes have one."""
OVERLAP = 2_000_000
"""Microseconds by which a Maildir is read again, as files of one moment may come in any order."""

_SIZE = re.compile(rb"UID (\d+).*?RFC822\.SIZE (\d+)|RFC822\.SIZE (\d+).*?UID (\d+)", re.DOTALL)


class MailboxRefused(TaskcastError):
    """The mailbox refuses the sign-in, or has no such folder (TASKCAST_MAILBOX_URL)."""

    code = "mailbox_refused"


class MailboxAway(TaskcastError, ConnectionError):
    """The mailbox cannot be reached (TASKCAST_MAILBOX_URL); worth trying again."""

    code = "mailbox_away"


class Mailbox(Protocol):
    """One open mailbox; `uid`s grow within a folder while its validity stays."""

    def open(self, folder: str) -> int:
        """Choose a folder and return its UIDVALIDITY."""

    def sizes_after(self, uid: int) -> list[tuple[int, int]]:
        """Return `(uid, size in bytes)` of the mails after one, the oldest first."""

    def fetch(self, uid: int) -> bytes:
        """Return a mail's bytes; empty if it is gone. It stays unread."""

    def close(self) -> None:
        """Sign out."""


def open_mailbox(address: MailboxAddress) -> Mailbox:
    """Connect and sign in.

    Raises:
        MailboxRefused: if the sign-in is refused, the certificate is wrong, or the folder of a Maildir is not there.
        MailboxAway: if the server cannot be reached.
    """
    return MaildirMailbox(address) if address.scheme == "maildir" else ImapMailbox(address)


class ImapMailbox:
    """A mailbox over IMAP; certificates are checked (RFC 3501, RFC 8314)."""

    def __init__(self, address: MailboxAddress) -> None:
        from imap_tools import BaseMailBox, MailBox, MailBoxStartTls
        from imap_tools.errors import MailboxLoginError

        self._address = address
        context = ssl.create_default_context()
        kind = MailBox if address.scheme == "imaps" else MailBoxStartTls
        try:
            self._box: BaseMailBox = kind(address.host, address.port, timeout=TIMEOUT_S, ssl_context=context)
        except ssl.SSLError as error:
            raise MailboxRefused(
                f"TASKCAST_MAILBOX_URL: the certificate of {address.host} is not trusted or there is no TLS ({error.reason}); "
                "add its authority to SSL_CERT_FILE, or use imap:// for a server that begins TLS later"
            ) from error
        except (OSError, imaplib.IMAP4.error) as error:
            raise MailboxAway(f"TASKCAST_MAILBOX_URL: {address.shown} cannot be reached: {error}") from error
        try:
            self._box.login(address.user, address.password, initial_folder=None)
        except (MailboxLoginError, OSError, imaplib.IMAP4.error) as error:
            self._disconnect()
            if isinstance(error, OSError | imaplib.IMAP4.abort):
                raise MailboxAway(f"{address.shown} ended the connection: {error}") from error
            raise MailboxRefused(
                f"TASKCAST_MAILBOX_URL: {address.host} refuses the sign-in of {address.user}; check the user, and the password "
                "or whether the provider wants one made for programs"
            ) from error

    def open(self, folder: str) -> int:
        """Choose a folder, only for reading, and return its UIDVALIDITY."""
        from imap_tools.errors import MailboxFolderSelectError, MailboxFolderStatusError

        try:
            status = self._box.folder.status(folder, ["UIDVALIDITY", "UIDNEXT"])
            validity, self._next = int(status["UIDVALIDITY"]), int(status["UIDNEXT"])
            self._box.folder.set(folder, readonly=True)
        except (MailboxFolderSelectError, MailboxFolderStatusError) as error:
            names = ", ".join(sorted(each.name for each in self._box.folder.list())[:12])
            raise MailboxRefused(
                f"TASKCAST_MAILBOX_URL, folders: there is no folder {folder[:80]!r}; there are: {names}"
            ) from error
        except (OSError, imaplib.IMAP4.error) as error:
            raise MailboxAway(f"{self._address.shown} ended the connection: {error}") from error
        return validity

    def sizes_after(self, uid: int) -> list[tuple[int, int]]:
        """Return what is newer, with the sizes, before anything is fetched."""
        found = []
        uids: list[int] = []
        for first in range(uid + 1, self._next, SEARCHED_AT_ONCE):
            last = min(first + SEARCHED_AT_ONCE, self._next) - 1
            answer = self._called("SEARCH", None, f"UID {first}:{last}")
            uids += sorted(int(each) for each in (answer[0] if answer else b"").split())
        for start in range(0, len(uids), SIZES_AT_ONCE):
            part = ",".join(map(str, uids[start : start + SIZES_AT_ONCE]))
            for line in self._called("FETCH", part, "(UID RFC822.SIZE)"):
                match = _SIZE.search(line if isinstance(line, bytes) else b" ".join(line))
                if match:
                    found.append((int(match[1] or match[4]), int(match[2] or match[3])))
        return sorted(found)

    def fetch(self, uid: int) -> bytes:
        """Return a mail's bytes without marking it as read."""
        answer = self._called("FETCH", str(uid), "(BODY.PEEK[])")
        return next((bytes(part[1]) for part in answer if isinstance(part, tuple)), b"")

    def close(self) -> None:
        """Sign out, or at least disconnect."""
        with contextlib.suppress(Exception):
            self._box.logout()
        self._disconnect()  # a logout that fails, such as one amidst a fetch that was given up, leaves the connection

    def _disconnect(self) -> None:
        with contextlib.suppress(Exception):
            self._box.client.shutdown()

    def _called(self, *arguments: str | None) -> list[Any]:
        try:
            status, answer = self._box.client.uid(*arguments)  # type: ignore[arg-type]
        except (OSError, imaplib.IMAP4.error) as error:
            raise MailboxAway(f"{self._address.shown} ended the connection: {error}") from error
        if status != "OK":
            raise MailboxAway(f"{self._address.shown} answered {status} to {arguments[0]}")
        return [each for each in answer if each is not None]


class MaildirMailbox:
    """A Maildir: files in `new` and `cur`; a mail's uid is when its file was made, in microseconds."""

    def __init__(self, address: MailboxAddress) -> None:
        self._path = address.path
        self._files: dict[int, Path] = {}
        if not (self._path / "new").is_dir():
            raise MailboxRefused(f"TASKCAST_MAILBOX_URL: {self._path} is no Maildir; it has no folder `new`")

    def open(self, folder: str) -> int:
        """Return 1: a Maildir has no validity, and no other folder than INBOX here."""
        if folder.upper() != "INBOX":
            raise MailboxRefused(f"folders: a Maildir has no folder {folder[:80]!r}; there is: INBOX")
        return 1

    def sizes_after(self, uid: int) -> list[tuple[int, int]]:
        """Return what is newer, and what came within two seconds before."""
        found: dict[int, tuple[Path, int]] = {}
        for folder in ("new", "cur"):
            for entry in os.scandir(self._path / folder):
                with contextlib.suppress(OSError):
                    known = entry.stat()
                    number = known.st_mtime_ns // 1000
                    if entry.is_file() and number > uid - OVERLAP:
                        while number in found:
                            number += 1
                        found[number] = Path(entry.path), known.st_size
        self._files = {number: path for number, (path, _) in found.items()}
        return sorted((number, size) for number, (_, size) in found.items())

    def fetch(self, uid: int) -> bytes:
        """Return a file's bytes."""
        try:
            return self._files[uid].read_bytes()
        except (OSError, KeyError):
            return b""

    def close(self) -> None:
        """Do nothing."""
