"""Reads what is new in a mailbox: notices become pending transactions, statements among the attachments are imported.

Each mail is done in one transaction with the folder's cursor. What goes elsewhere before, a file and its import, has ids made
of the mail's, so that doing it again after a crash changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from core.storage.connection import connection, transaction
from core.storage.files import FileStore, save_upload
from taskcast.context import JobContext
from taskcast.opening import open_aside
from workers.finance.categories import Categoriser
from workers.finance.pending import add_pending
from workers.finance.steps import Steps
from workers.mail.address import MailboxAddress
from workers.mail.bank_notices import Template, load_templates, read_notices
from workers.mail.mailboxes import Mailbox, open_mailbox
from workers.mail.reading import Mail, MailUnreadable, key_of, read_mail
from workers.words import counted

MAIL_BYTES = 30 * 1024 * 1024
STATEMENTS = (".csv", ".ofx", ".qfx", ".qbo", ".sta", ".mt940", ".940", ".xml", ".txt")

_ADD_MAIL = """
INSERT INTO mail_messages (id, mailbox, key, folder, sender, subject, sent_at, outcome, detail, job_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb, $10, now()) ON CONFLICT (mailbox, key) DO NOTHING
"""

_MOVE = """
INSERT INTO mail_cursors (mailbox, folder, uid_validity, last_uid, updated_at) VALUES ($1, $2, $3, $4, now())
ON CONFLICT (mailbox, folder) DO UPDATE SET uid_validity = excluded.uid_validity, last_uid = excluded.last_uid,
    updated_at = now()
"""

Import = Callable[[str, str], Awaitable[None]]
"""Enqueues the import of a file under a job's id: `(file id, job id)`."""


@dataclass(slots=True)
class Outcome:
    """What one mail came to."""

    sender: str
    subject: str
    outcome: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Folder:
    name: str
    validity: int
    uids: list[tuple[int, int]]


class MailSync:
    """One reading of one mailbox by one job."""

    def __init__(self, address: MailboxAddress, job: JobContext, store: FileStore, start_import: Import) -> None:
        self._address, self._job, self._store, self._start_import = address, job, store, start_import
        self._steps = Steps(job, {"Connecting": 5, "Looking": 10, "Reading": 85})
        self._templates: list[Template] = []
        self._categoriser = Categoriser(())

    async def run(self) -> list[Outcome]:
        """Read all that is new and return what came of it.

        Raises:
            MailboxRefused: if the sign-in or a folder is refused.
            MailboxAway: if the mailbox cannot be reached, with all mails before done.
        """
        self._steps.tell("Connecting", 0, self._address.shown)
        async with connection() as lent:
            self._templates = await load_templates(lent)
            self._categoriser = await Categoriser.load(lent)
        box = await open_aside(partial(open_mailbox, self._address), _close_in_background)
        try:
            return await self._read_all(box)
        finally:
            _close_in_background(box)

    async def _read_all(self, box: Mailbox) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for number, name in enumerate(self._address.folders):
            self._steps.tell("Looking", number / len(self._address.folders), name)
            folder = await self._new_in(box, name)
            self._job.log(f"{name}: {counted(len(folder.uids), 'mail')} may be new")
            for done, (uid, size) in enumerate(folder.uids):
                share = (number + done / len(folder.uids)) / len(self._address.folders)
                self._steps.tell("Reading", share, f"{name}, {done + 1} of {len(folder.uids)}")
                await self._job.checkpoint()
                outcome = await self._one(box, folder, uid, size)
                if outcome is not None:
                    outcomes.append(outcome)
        return outcomes

    async def _new_in(self, box: Mailbox, name: str) -> _Folder:
        validity = await asyncio.to_thread(box.open, name)
        async with connection() as lent:
            cursor = await lent.fetchrow(
                "SELECT uid_validity, last_uid FROM mail_cursors WHERE mailbox = $1 AND folder = $2",
                self._address.shown,
                name,
            )
        last = 0
        if cursor is not None and cursor["uid_validity"] == validity:
            last = cursor["last_uid"]
        elif cursor is not None:
            self._job.log(f"{name}: the server has numbered its mails anew; known ones are left out", "WARNING")
        return _Folder(name, validity, await asyncio.to_thread(box.sizes_after, last))

    async def _one(self, box: Mailbox, folder: _Folder, uid: int, size: int) -> Outcome | None:
        """Do one mail; return what came of it, None if it is known."""
        if size > MAIL_BYTES:
            key = key_of(f"{folder.validity}:{uid}:{size}".encode())
            mail = Mail(key, "", "", None, "", ())
            outcome = Outcome(
                "", f"uid {uid}", "unreadable", {"why": f"it has {size:,} bytes, more than {MAIL_BYTES:,}"}
            )
        else:
            data = await asyncio.to_thread(box.fetch, uid)
            try:
                mail = await asyncio.to_thread(read_mail, data)
                outcome = Outcome(mail.sender, mail.subject, "nothing")
            except MailUnreadable as error:
                mail = Mail(key_of(data), "", "", None, "", ())
                outcome = Outcome("", f"uid {uid}", "unreadable", {"why": str(error)})
        async with connection() as lent:
            if await lent.fetchval(
                "SELECT 1 FROM mail_messages WHERE mailbox = $1 AND key = $2", self._address.shown, mail.key
            ):
                await self._move(lent, folder, uid)
                return None
        known_sender = any(template.sends(mail.sender) for template in self._templates)
        if known_sender:
            await self._attachments(mail, outcome)
        await self._keep(mail, folder, uid, outcome, read=known_sender)
        if outcome.outcome == "unreadable" or outcome.detail.get("problems"):
            self._job.log(f"{folder.name}, {outcome.subject}: {outcome.detail}", "WARNING")
        return outcome

    async def _attachments(self, mail: Mail, outcome: Outcome) -> None:
        """Store statements that a known bank has sent, and have them imported."""
        jobs = []
        for number, attached in enumerate(mail.attachments):
            if not attached.name.casefold().endswith(STATEMENTS):
                continue
            file_id = str(uuid5(NAMESPACE_URL, f"mail/{self._address.shown}/{mail.key}/{number}"))
            stored = await save_upload(
                self._store, attached.data, name=attached.name, content_type=attached.content_type, job_id=self._job.id or None,
                file_id=file_id,
            )  # fmt: skip
            job_id = f"mail-{mail.key[:24]}-{number}"
            await self._start_import(stored.id, job_id)
            jobs.append(job_id)
        if jobs:
            outcome.outcome, outcome.detail["imports"] = "statement", jobs

    async def _keep(self, mail: Mail, folder: _Folder, uid: int, outcome: Outcome, *, read: bool) -> None:
        """Write the mail's bookings, the mail itself and the cursor, at one moment."""
        mail_id = mail_id_of(self._address, mail.key)
        told, problems = (await asyncio.to_thread(read_notices, mail, self._templates)) if read else ([], [])
        if problems:
            outcome.detail["problems"] = problems[:10]
        async with transaction() as lent:
            found: dict[str, list[Any]] = {}
            for each in told:
                what, transaction_id = await add_pending(lent, mail_id, each, self._categoriser)
                found.setdefault(what, []).append(transaction_id or each.account)
            if told:
                outcome.outcome = "transactions"
                outcome.detail |= found
            await lent.execute(
                _ADD_MAIL,
                mail_id, self._address.shown, mail.key, folder.name[:191], mail.sender, mail.subject, mail.sent_at,
                outcome.outcome, json.dumps(outcome.detail, default=str), self._job.id,
            )  # fmt: skip
            await self._move(lent, folder, uid)

    async def _move(self, lent: Any, folder: _Folder, uid: int) -> None:
        await lent.execute(_MOVE, self._address.shown, folder.name[:191], folder.validity, uid)


def _close_in_background(box: Mailbox) -> None:
    """Sign out of a server that may be silent; that must not hold up a cancel."""
    asyncio.get_running_loop().run_in_executor(None, box.close)


def mail_id_of(address: MailboxAddress, key: str) -> UUID:
    """Return the id of a mail's row, the same however often it is read."""
    return uuid5(NAMESPACE_URL, f"mail/{address.shown}/{key}")
