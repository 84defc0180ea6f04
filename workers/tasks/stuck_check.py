"""STUCK_CHECK: has the gateway look for jobs that do not move although they should, and says what was done."""

from __future__ import annotations

from collections import Counter
from typing import Any

from taskiq import TaskiqDepends

from taskcast import JobContext, Priority
from taskcast.errors import ConfigurationError
from workers.app import broker, settings
from workers.arguments import checked
from workers.finance.steps import Steps
from workers.upkeep.gateway import GatewayAway, ServiceTokenRefused, service_client
from workers.words import counted

COLUMNS = [
    {"key": "job", "label": "Job"},
    {"key": "reason", "label": "Why it looks stuck"},
    {"key": "action", "label": "What was done"},
]
SHOWN = 100


@broker.task(
    task_name="STUCK_CHECK",
    queue="maintenance",
    priority=Priority.HIGH,
    max_attempts=5,
    backoff_s=5,
    retry_on=(GatewayAway,),
    never_retry_on=(ServiceTokenRefused, ConfigurationError),
    timeout_s=300,
)
@checked
async def stuck_check(job: JobContext = TaskiqDepends()) -> dict[str, Any]:
    """Look for stuck jobs, and put right what can be.

    Args:
        job: the running job.
    """
    steps = Steps(job, {"Asking": 80, "Telling": 20})
    steps.tell("Asking", 0.1, "the gateway compares the tables with the queue server")
    await job.checkpoint()
    async with service_client(settings) as gateway:
        answer = await gateway.check_stuck()
    found = answer["found"]
    steps.tell("Telling", 0, f"{answer['checked']:,} jobs looked at")
    for finding in found[:SHOWN]:
        job.log(f"{finding['job']}: {finding['reason']}, {finding['action']}", "WARNING", **finding)
    reasons = Counter(finding["reason"] for finding in found)
    summary = f"{counted(answer['checked'], 'unfinished job')} looked at, {_stuck(len(found))}"
    job.log(summary, reasons=dict(reasons))
    steps.end(summary)
    return {
        "summary": summary,
        "figures": [
            {"label": "Looked at", "value": f"{answer['checked']:,}", "unit": "jobs", "tone": None},
            {"label": "Stuck", "value": f"{len(found):,}", "unit": "jobs", "tone": "bad" if found else "good"},
        ],
        "tables": [{"title": "Stuck jobs", "columns": COLUMNS, "rows": found[:SHOWN], "total_rows": len(found)}]
        if found
        else [],
        "checked": answer["checked"],
        "found": len(found),
        "reasons": dict(reasons),
        "at": answer["at"],
    }


def _stuck(count: int) -> str:
    return f"{count:,} {'looks' if count == 1 else 'look'} stuck" if count else "none looks stuck"
