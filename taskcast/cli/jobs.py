"""The commands about jobs: jobs, job, enqueue, retry, cancel, tail."""

from __future__ import annotations

import sys
from typing import Any

import click

from taskcast.cli import show, watch
from taskcast.cli.arguments import typed
from taskcast.cli.gateway import Exit, Target, run
from taskcast.client import Client
from taskcast.states import FinalReason, JobState, Priority

STATES = click.Choice([str(state) for state in JobState])
REASONS = click.Choice([str(reason) for reason in FinalReason])
DEAD_LETTERS = tuple(str(reason) for reason in FinalReason if reason is not FinalReason.ERROR)
PRIORITIES = click.Choice([priority.name for priority in Priority], case_sensitive=False)


@click.command()
@click.option("--status", "-s", multiple=True, type=STATES, help="Only jobs in this state; may be repeated.")
@click.option("--type", "-t", "type_", multiple=True, help="Only this task's jobs; may be repeated.")
@click.option("--queue", "-q", multiple=True, help="Only this queue's jobs; may be repeated.")
@click.option("--user", multiple=True, help="Only jobs of this user_id; may be repeated.")
@click.option("--final-reason", multiple=True, type=REASONS, help="Only jobs that failed for this; may be repeated.")
@click.option("--dead", is_flag=True, help="Only dead letters: jobs that failed for another reason than an error.")
@click.option("--search", help="Words or an id's beginning to search for.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200), help="How many.")
@click.pass_obj
def jobs(
    target: Target,
    /,
    *,
    limit: int,
    search: str | None,
    dead: bool,
    final_reason: tuple[str, ...],
    **filters: tuple[str, ...],
) -> None:
    """List jobs, newest first."""
    reasons = final_reason or (DEAD_LETTERS if dead else ())

    async def work(client: Client) -> None:
        page = await client.jobs(
            status=filters["status"],
            type=filters["type_"],
            queue=filters["queue"],
            user_id=filters["user"],
            final_reason=reasons,
            q=search,
            limit=limit,
        )
        if target.json:
            show.print_json(page)
            return
        console = show.console()
        console.print(show.jobs_table(page.items, width=console.width))
        total = page.total["at_least"] if isinstance(page.total, dict) else page.total
        if total is not None and total > len(page.items):
            more = "more than " if isinstance(page.total, dict) else ""
            console.print(f"{len(page.items)} of {more}{total}", style="bright_black")

    run(target, work)


@click.command()
@click.argument("job_id")
@click.option("--logs", is_flag=True, help="Show the log too.")
@click.pass_obj
def job(target: Target, job_id: str, logs: bool) -> None:
    """Show one job with its arguments, result or error."""

    async def work(client: Client) -> None:
        row = await client.job(job_id)
        lines = [line async for line in client.all_logs(job_id)] if logs else []
        if target.json:
            show.print_json({**row, "logs": lines} if logs else row)
            return
        console = show.console()
        console.print(show.job_panel(row))
        for line in lines:
            console.print(show.log_text(line))

    run(target, work)


@click.command()
@click.argument("type_", metavar="TASK")
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE | NAME@FILE]...")
@click.option("--data", help="All arguments as one JSON object.")
@click.option("--queue", "-q", help="Queue; by default the task's.")
@click.option("--priority", "-p", type=PRIORITIES, help="Priority; by default the task's.")
@click.option("--delay", "delay_s", type=float, help="Seconds to wait before it may begin.")
@click.option("--max-attempts", type=click.IntRange(1), help="How often it may end in an error.")
@click.option("--timeout", "timeout_s", type=float, help="Seconds an attempt may take.")
@click.option("--dedup-key", help="Do nothing if an unfinished job holds this key.")
@click.option("--user", "user_id", help="Whose job it is.")
@click.option("--force", is_flag=True, help="Also if no worker has announced the task.")
@click.option("--tail", "-f", "follow", is_flag=True, help="Watch it until it ends.")
@click.pass_obj
def enqueue(
    target: Target,
    /,
    *,
    type_: str,
    arguments: tuple[str, ...],
    data: str | None,
    follow: bool,
    force: bool,
    **options: Any,
) -> None:
    """Enqueue a job by its task's name.

    A VALUE is JSON if it can be read as such, else a text. A FILE is uploaded, and its id is the argument.
    """
    given = typed(arguments, data=data)

    async def work(client: Client) -> int:
        row = await client.enqueue(type_, await given.sent(client), force=force or None, **options)
        if not follow:
            if target.json:
                show.print_json(row)
            else:
                show.console().print(show.state_text(row["status"]), row["id"])
            return Exit.DONE
        return await watch.tail_job(client, row["id"], as_json=target.json)

    sys.exit(run(target, work))


@click.command()
@click.argument("job_id")
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE | NAME@FILE]...")
@click.option("--delay", "delay_s", type=float, help="Seconds to wait before it may begin.")
@click.option("--after-attempt", type=int, help="Refuse if the job has begun another attempt since.")
@click.option("--tail", "-f", "follow", is_flag=True, help="Watch it until it ends.")
@click.pass_obj
def retry(
    target: Target,
    /,
    *,
    job_id: str,
    arguments: tuple[str, ...],
    delay_s: float | None,
    after_attempt: int | None,
    follow: bool,
) -> None:
    """Run a finished job again, with some arguments changed if you like."""
    given = typed(arguments)

    async def work(client: Client) -> int:
        values = await given.sent(client)
        row = await client.retry(job_id, arguments=values or None, delay_s=delay_s, after_attempt=after_attempt)
        if follow:
            return await watch.tail_job(client, job_id, as_json=target.json)
        if target.json:
            show.print_json(row)
        else:
            show.console().print(f"{job_id} runs again")
        return Exit.DONE

    sys.exit(run(target, work))


@click.command()
@click.argument("job_id")
@click.option("--reason", help="Why; shown with the job.")
@click.pass_obj
def cancel(target: Target, job_id: str, reason: str | None) -> None:
    """Cancel a job: at once if it waits, else as soon as its worker stops it."""

    async def work(client: Client) -> None:
        answer = await client.cancel(job_id, reason=reason)
        if target.json:
            show.print_json(answer)
        else:
            done = (answer or {}).get("status") == JobState.CANCELLED
            show.console().print(f"{job_id} {'is cancelled' if done else 'was asked to stop'}")

    run(target, work)


@click.command()
@click.argument("job_id", required=False)
@click.option("--status", "-s", multiple=True, type=STATES, help="Only jobs in or leaving this state.")
@click.option("--type", "-t", "type_", multiple=True, help="Only this task's jobs.")
@click.option("--queue", "-q", multiple=True, help="Only this queue's jobs.")
@click.option("--user", multiple=True, help="Only jobs of this user_id.")
@click.option("--priority", "-p", multiple=True, type=PRIORITIES, help="Only jobs of this priority.")
@click.pass_obj
def tail(target: Target, /, *, job_id: str | None, type_: tuple[str, ...], **filters: tuple[str, ...]) -> None:
    """Watch all jobs, or one with its log until it ends.

    With one job the exit code is 0 if it completed, 5 if it failed, 6 if it was cancelled.
    """
    wanted = {"status": filters["status"], "type": type_, "queue": filters["queue"], "user_id": filters["user"]}
    wanted["priority"] = filters["priority"]

    async def work(client: Client) -> int:
        if job_id is not None:
            return await watch.tail_job(client, job_id, as_json=target.json)
        given = {name: values for name, values in wanted.items() if values}
        return await watch.tail_all(client, filter_=given, as_json=target.json)

    sys.exit(run(target, work))
