"""The commands about many jobs at once: bulk, operation."""

from __future__ import annotations

from typing import Any

import click

from taskcast.cli import show
from taskcast.cli.gateway import Exit, Problem, Target, run
from taskcast.cli.jobs import PRIORITIES, STATES
from taskcast.client import Client

DONE = {"retry": "sent again", "cancel": "cancelled", "delete": "deleted", "drain": "cancelled", "clean": "deleted"}

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
    **filters: Any,
) -> None:
    """Retry, cancel or delete (admin) many jobs: those named, or all that match.

    Without --status, retry takes failed jobs, cancel all that have not ended, delete all that have. It goes on in the
    gateway; `taskcast operation ID` says how far it is.
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


@click.command()
@click.argument("operation_id")
@click.pass_obj
def operation(target: Target, operation_id: str) -> None:
    """Show how far a command about many jobs is."""
    row = run(target, lambda client: client.operation(operation_id))
    of = "" if row["matched"] is None else f" of {row['matched']}"
    refused = "".join(f"\n{count} not: {code}" for code, count in sorted(row["refused"].items()))
    error = f"\n{row['error']}" if row["error"] else ""
    _say(target, row, f"{row['state']}: {row['done']}{of} jobs {DONE[row['action']]}{refused}{error}")


def _jobs(count: int | None) -> str:
    return "an unknown number of jobs" if count is None else f"{count} jobs"


def _say(target: Target, row: Row, text: str) -> None:
    show.print_json(row) if target.json else show.console().print(text, markup=False)
