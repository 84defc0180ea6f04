"""The commands about many jobs at once: bulk, operation."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click

from taskcast.cli import show
from taskcast.cli.gateway import Exit, Problem, Target, run
from taskcast.cli.jobs import PRIORITIES, STATES
from taskcast.client import Client

LOOK_S = 0.5
"""Seconds between two looks at an operation that is watched."""
DONE = {"retry": "sent again", "cancel": "cancelled", "delete": "deleted", "drain": "cancelled", "clean": "deleted"}
ENDS = {"failed": Exit.JOB_FAILED, "cancelled": Exit.JOB_CANCELLED}

Row = dict[str, Any]


@click.command()
@click.argument("action", type=click.Choice(["retry", "cancel", "delete"]))
@click.argument("job_ids", nargs=-1)
@click.option("--status", "-s", multiple=True, type=STATES, help="Only jobs in this state; may be repeated.")
@click.option("--type", "-t", "type_", multiple=True, help="Only this task's jobs; may be repeated.")
@click.option("--queue", "-q", multiple=True, help="Only this queue's jobs; may be repeated.")
@click.option("--user", multiple=True, help="Only jobs of this user_id; may be repeated.")
@click.option("--priority", "-p", multiple=True, type=PRIORITIES, help="Only jobs of this priority.")
@click.option("--search", help="Words or an id's beginning to search for.")
@click.option("--reason", help="Why; of cancel.")
@click.option("--all", "everything", is_flag=True, help="All jobs that the action can be done to.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--tail", "-f", "follow", is_flag=True, help="Watch it until it ends.")
@click.pass_obj
def bulk(
    target: Target,
    /,
    *,
    action: str,
    job_ids: tuple[str, ...],
    reason: str | None,
    everything: bool,
    dry_run: bool,
    yes: bool,
    follow: bool,
    **filters: Any,
) -> None:
    """Retry, cancel or delete (admin) many jobs: those named, or all that match.

    Without --status, retry takes failed jobs, cancel all that have not ended, delete all that have. It goes on in the
    gateway, also when this command is interrupted; `taskcast operation ID` says how far it is and cancels it.
    """
    names = {"status": "status", "type_": "type", "queue": "queue", "user": "user_id", "priority": "priority"}
    wanted: Row = {name: list(filters[option]) for option, name in names.items() if filters[option]}
    if filters["search"]:
        wanted["q"] = filters["search"]
    if sum(map(bool, (job_ids, wanted, everything))) != 1:
        raise Problem("say which jobs: their ids, what they must match, or --all", Exit.USAGE)
    which: Row = {"ids": job_ids} if job_ids else {"filter": wanted}

    async def count(client: Client) -> Row:
        return await client.bulk(action, **which, reason=reason, dry_run=True)

    async def begin(client: Client) -> Row:
        return await client.bulk(action, **which, reason=reason)

    if dry_run or not yes:
        counted = run(target, count)
        if dry_run:
            _say(target, counted, f"{_jobs(counted['matched'])} match")
            return
        click.confirm(f"{action.capitalize()} {_jobs(counted['matched'])}?", abort=True, err=True)
    begun = run(target, begin)
    _say(target, begun, f"{_jobs(begun['matched'])} are being {DONE[action]}: operation {begun['operation']}")
    if follow:
        sys.exit(_tail(target, begun["operation"]))


@click.command()
@click.argument("operation_id")
@click.option("--cancel", is_flag=True, help="Stop it; what was done stays done.")
@click.option("--tail", "-f", "follow", is_flag=True, help="Watch it until it ends.")
@click.pass_obj
def operation(target: Target, operation_id: str, cancel: bool, follow: bool) -> None:
    """Show how far a command about many jobs is, or cancel it.

    With --tail the exit code is 0 if it was done, 5 if it failed, 6 if it was cancelled.
    """
    if cancel:
        row = run(target, lambda client: client.cancel_operation(operation_id))
        _say(target, row, f"{operation_id} was asked to stop")
    if follow:
        sys.exit(_tail(target, operation_id))
    if not cancel:
        _show(target, run(target, lambda client: client.operation(operation_id)))


def _tail(target: Target, operation_id: str) -> int:
    """Show how far an operation is until it ends; return the exit code that tells how."""

    async def work(client: Client) -> int:
        shown = None
        while True:
            row = await client.operation(operation_id)
            if row != shown:
                _show(target, row)
            if row["state"] != "running":
                return ENDS.get(row["state"], Exit.DONE)
            shown = row
            await asyncio.sleep(LOOK_S)

    goes_on = f"operation {operation_id} goes on; `taskcast operation {operation_id} --cancel` stops it"
    return run(target, work, interrupted=goes_on)


def _show(target: Target, row: Row) -> None:
    of = "" if row["matched"] is None else f" of {row['matched']}"
    refused = "".join(f"\n{count} not: {code}" for code, count in sorted(row["refused"].items()))
    error = f"\n{row['error']}" if row["error"] else ""
    _say(target, row, f"{row['state']}: {row['done']}{of} jobs {DONE[row['action']]}{refused}{error}")


def _jobs(count: int | None) -> str:
    return "an unknown number of jobs" if count is None else f"{count} jobs"


def _say(target: Target, row: Row, text: str) -> None:
    show.print_json(row) if target.json else show.console().print(text, markup=False)
