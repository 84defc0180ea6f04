"""NOTIFICATION_DIGEST: one mail to each person about what is new to them, never twice about one thing."""

from __future__ import annotations

import functools
from collections import Counter
from datetime import UTC, datetime
from email.utils import parseaddr
from itertools import groupby
from pathlib import Path
from typing import Any

from taskiq import TaskiqDepends
from tortoise.exceptions import DBConnectionError

from core.storage.connection import DatabaseAway, transaction
from taskcast import JobContext, Priority
from taskcast.errors import ConfigurationError
from taskcast.ids import new_id
from workers.app import broker, settings
from workers.arguments import checked
from workers.finance.steps import Steps
from workers.mail import digests
from workers.mail.address import smtp_address
from workers.mail.digests import DueDigest
from workers.mail.sending import (
    FateUnknown,
    RecipientRefused,
    Sender,
    SmtpAway,
    SmtpRefused,
    new_message,
    sender_for,
)
from workers.shielded import to_its_end
from workers.words import counted, listed

SHOWN = 100
SILENT_S = 300
"""One mail takes less, with all its time limits."""
COLUMNS = [
    {"key": "user", "label": "To"},
    {"key": "notices", "label": "Notices", "align": "right"},
    {"key": "outcome", "label": "Came to"},
]
KINDS = {
    "budget": "Budgets",
    "price_rise": "Price rises",
    "unusual": "Unusual amounts",
    "forecast": "The month's end",
    "welcome": "Welcome",
}


@broker.task(
    task_name="NOTIFICATION_DIGEST",
    queue="mail",
    priority=Priority.NORMAL,
    max_attempts=5,
    backoff_s=30,
    retry_on=(SmtpAway, *DatabaseAway, DBConnectionError),
    never_retry_on=(SmtpRefused, ConfigurationError),
    timeout_s=900,
    concurrency=1,
)
@checked
async def notification_digest(
    users: list[str] | None = None,
    resend_unsure: bool = False,
    job: JobContext = TaskiqDepends(),
) -> dict[str, Any]:
    """Send each person one mail with all notices that none has told them yet (TASKCAST_SMTP_URL).

    Args:
        users: addresses of those to be told; everybody if left out.
        resend_unsure: send again those mails of which nobody knows whether they arrived.
        job: the running job.
    """
    url, sender_address = settings.need_smtp()
    server = smtp_address(url)
    mailer = _Mailer(sender_address, job, settings.public_url)
    steps = Steps(job, {"Gathering": 10, "Sending": 90})
    steps.tell("Gathering", 0, "who is to be told")
    # Held for as long as this job sends: another one must not take its mails for those of a killed process. A frozen process
    # loses it, and learns so before its next mail.
    async with transaction() as guard:
        await guard.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_S}s'")
        await guard.execute("SELECT pg_advisory_xact_lock(hashtextextended('mail:digests', 0))")
        if count := await digests.give_up_unfinished(job.id):
            job.log(f"{count} mails were on their way when a process was killed; they are not sent again", "WARNING")
        again = await digests.unsure_digests() if resend_unsure else []
        people = await digests.waiting_people(users)
        total = len(again) + len(people)
        job.log(
            counted(len(people), "person is", "people are")
            + " to be told something"
            + (f", {len(again)} again" if again else "")
        )
        try:
            if total:
                async with sender_for(server) as sender:
                    for number, digest in enumerate(again):
                        steps.tell("Sending", number / total, digest.user_id)
                        await job.checkpoint()
                        await guard.fetchval("SELECT 1")
                        await mailer.send(sender, digest, again=True)
                    for number, person in enumerate(people, len(again)):
                        steps.tell("Sending", number / total, person)
                        await job.checkpoint()
                        await guard.fetchval("SELECT 1")
                        due = await to_its_end(digests.begin(person, job_id=mailer.job_id, number=0, host=mailer.host))
                        if due is not None:
                            await mailer.send(sender, due)
        except BaseException:
            # One that was begun, and its mail was not.
            await to_its_end(digests.take_back_unfinished(mailer.job_id))
            raise
    result = mailer.result()
    job.log(result["summary"])
    steps.end(result["summary"])
    return result


class _Mailer:
    def __init__(self, sender: str, job: JobContext, link: str | None) -> None:
        self._sender, self._job, self._link = sender, job, link
        self.job_id = job.id or new_id()
        self.host = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
        self._rows: list[dict[str, Any]] = []

    async def send(self, sender: Sender, digest: DueDigest, *, again: bool = False) -> None:
        """Send one digest and say what became of it.

        Raises:
            SmtpAway: if the server takes nothing; the notices are free again for the next attempt.
        """
        outcome = "sent"
        if again:
            await to_its_end(digests.mark(digest.id, "sending"))
        try:
            message = self._message(digest)
            await sender.send(message)
        except RecipientRefused as error:
            outcome = "refused"
            await digests.mark(digest.id, "refused", str(error))
            self._job.log(str(error), "WARNING", user=digest.user_id)
        except FateUnknown as error:
            outcome = "unsure"
            await digests.mark(digest.id, "unsure", str(error))
            self._job.log(f"{error}; run with resend_unsure to send it again", "WARNING", user=digest.user_id)
        except (SmtpAway, SmtpRefused) as error:
            # It surely was not sent; one sent before may have arrived all the same.
            await (digests.mark(digest.id, "unsure", str(error)) if again else digests.take_back(digest.id))
            raise
        except BaseException:
            if again or sender.on_its_way:
                await to_its_end(digests.mark(digest.id, "unsure", "the job was stopped while the mail was on its way"))
            else:
                await to_its_end(digests.take_back(digest.id))
            raise
        else:
            await to_its_end(digests.mark(digest.id, "sent"))
        self._rows.append({"user": digest.user_id, "notices": len(digest.notices) + digest.more, "outcome": outcome})

    def _message(self, digest: DueDigest) -> Any:
        count = len(digest.notices) + digest.more
        title = digest.notices[0].title if count == 1 and digest.notices else f"{count} things are new in your accounts"
        notices = sorted(
            digest.notices, key=lambda notice: list(KINDS).index(notice.kind) if notice.kind in KINDS else 99
        )
        groups = [
            (KINDS.get(kind, kind.replace("_", " ").capitalize()), list(found))
            for kind, found in groupby(notices, lambda notice: notice.kind)
        ]
        now = datetime.now(UTC)
        known = {
            "title": title,
            "groups": groups,
            "more": digest.more,
            "link": self._link,
            "day": f"{now.day} {now:%B %Y}",
        }
        return new_message(
            sender=self._sender,
            recipient=digest.user_id,
            subject=title,
            text=_letters().get_template("digest.txt.j2").render(known),
            html=_letters().get_template("digest.html.j2").render(known),
            message_id=digest.message_id,
            at=now,
        )

    def result(self) -> dict[str, Any]:
        """Return what all of it came to."""
        kinds = Counter(row["outcome"] for row in self._rows)
        told = sum(row["notices"] for row in self._rows if row["outcome"] == "sent")
        rows = [{**row, "notices": f"{row['notices']:,}"} for row in self._rows]
        return {
            "summary": _summary(kinds, told),
            "figures": [
                {
                    "label": "Mails sent",
                    "value": f"{kinds['sent']:,}",
                    "unit": "",
                    "tone": "good" if kinds["sent"] else None,
                },
                {"label": "Notices told", "value": f"{told:,}", "unit": "", "tone": None},
                {
                    "label": "Refused",
                    "value": f"{kinds['refused']:,}",
                    "unit": "",
                    "tone": "bad" if kinds["refused"] else None,
                },
                {
                    "label": "Unsure",
                    "value": f"{kinds['unsure']:,}",
                    "unit": "",
                    "tone": "bad" if kinds["unsure"] else None,
                },
            ],
            "tables": [{"title": "Mails", "columns": COLUMNS, "rows": rows[:SHOWN], "total_rows": len(rows)}]
            if rows
            else [],
            "sent": kinds["sent"],
            "refused": kinds["refused"],
            "unsure": kinds["unsure"],
            "notices": told,
        }


@functools.cache
def _letters() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    folder = Path(__file__).parents[1] / "mail" / "letters"
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
    )


def _summary(kinds: Counter[str], told: int) -> str:
    if not kinds:
        return "nobody had to be told anything"
    return listed(
        f"{counted(kinds['sent'], 'mail')} sent with {counted(told, 'notice')}",
        f"{kinds['refused']:,} refused" if kinds["refused"] else "",
        f"{kinds['unsure']:,} unsure" if kinds["unsure"] else "",
    )
