"""EMAIL_SYNC: what banks have mailed becomes pending transactions, and their statements are imported."""

from __future__ import annotations

from collections import Counter
from typing import Any

from taskiq import TaskiqDepends
from tortoise.exceptions import DBConnectionError

from core.storage.connection import DatabaseAway
from core.storage.files import FileStore, StoreUnavailable
from taskcast import JobContext, Priority
from taskcast.errors import ConfigurationError, EngineFull, EngineUnavailable
from workers.app import broker, file_store, settings
from workers.arguments import checked
from workers.mail.address import mailbox_address
from workers.mail.mailboxes import MailboxAway, MailboxRefused
from workers.mail.sync import MailSync, Outcome
from workers.words import counted, listed

SHOWN = 100
COLUMNS = [
    {"key": "sender", "label": "From"},
    {"key": "subject", "label": "Subject"},
    {"key": "outcome", "label": "Came to"},
    {"key": "detail", "label": "Detail"},
]


async def start_import(file_id: str, job_id: str) -> None:
    """Enqueue the import of a statement; the same id again is the same job."""
    await broker.enqueue("TRANSACTION_IMPORT", kwargs={"file": file_id}, job_id=job_id, by="EMAIL_SYNC")


@broker.task(
    task_name="EMAIL_SYNC",
    queue="mail",
    priority=Priority.NORMAL,
    max_attempts=5,
    backoff_s=30,
    retry_on=(MailboxAway, EngineUnavailable, EngineFull, StoreUnavailable, *DatabaseAway, DBConnectionError),
    never_retry_on=(MailboxRefused, ConfigurationError),
    timeout_s=1800,
    concurrency=1,
)
@checked
async def email_sync(
    folders: list[str] | None = None,
    job: JobContext = TaskiqDepends(),
    store: FileStore = TaskiqDepends(file_store),
) -> dict[str, Any]:
    """Read what is new in the mailbox (TASKCAST_MAILBOX_URL).

    Args:
        folders: which folders; those of the URL if left out.
        job: the running job.
        store: where statements among the attachments go.
    """
    address = mailbox_address(settings.need_mailbox_url())
    if folders:
        import dataclasses

        address = dataclasses.replace(address, folders=tuple(folders))
    outcomes = await MailSync(address, job, store, start_import).run()
    result = _result(address.shown, outcomes)
    job.log(result["summary"])
    job.progress(100, step="Reading", completed=3, total=3, message=result["summary"])
    return result


def _result(mailbox: str, outcomes: list[Outcome]) -> dict[str, Any]:
    kinds = Counter(each.outcome for each in outcomes)
    pending = sum(len(each.detail.get("pending", ())) for each in outcomes)
    booked = sum(len(each.detail.get("booked", ())) for each in outcomes)
    imports = sum(len(each.detail.get("imports", ())) for each in outcomes)
    rows = [
        {"sender": each.sender, "subject": each.subject, "outcome": each.outcome, "detail": _words(each)}
        for each in outcomes
    ]
    figures = [
        ("New mails", len(outcomes), None),
        ("Pending transactions", pending, None),
        ("Already booked", booked, None),
        ("Statements imported", imports, None),
        ("Unreadable", kinds["unreadable"], "bad" if kinds["unreadable"] else "good"),
    ]
    return {
        "summary": _summary(len(outcomes), pending, imports, kinds["unreadable"]),
        "figures": [{"label": label, "value": f"{n:,}", "unit": "", "tone": tone} for label, n, tone in figures],
        "tables": [{"title": "Mails", "columns": COLUMNS, "rows": rows[:SHOWN], "total_rows": len(rows)}]
        if rows
        else [],
        "mailbox": mailbox,
        "outcomes": dict(kinds),
        "pending": pending,
        "imports": [job for each in outcomes for job in each.detail.get("imports", ())],
    }


def _summary(mails: int, pending: int, imports: int, unreadable: int) -> str:
    came = listed(
        counted(pending, "pending transaction") if pending else "",
        counted(imports, "statement") if imports else "",
        f"{unreadable:,} unreadable" if unreadable else "",
    )
    return counted(mails, "new mail") + (f": {came}" if came else "")


def _words(each: Outcome) -> str:
    detail = each.detail
    said = [f"{len(detail[name])} {name}" for name in ("pending", "booked", "known", "no account") if detail.get(name)]
    said += [f"imported by {job}" for job in detail.get("imports", ())]
    said += [str(detail["why"])] if "why" in detail else []
    return "; ".join([*said, *detail.get("problems", ())])[:500]
