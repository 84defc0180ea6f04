"""The commands about schedules: list, show, create, pause, resume, run, delete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.table import Table

from taskcast.cli import show
from taskcast.cli.gateway import Exit, Problem, Target, run
from taskcast.cli.steer import Duration, Moment
from taskcast.client import Client

SIGNS = {"completed": "[green]✓[/]", "failed": "[red]✗[/]", "cancelled": "[bright_black]⊘[/]", None: "[cyan]…[/]"}

Row = dict[str, Any]


@click.group(invoke_without_command=True)
@click.pass_context
def schedules(context: click.Context) -> None:
    """List the schedules, or do something to one."""
    if context.invoked_subcommand is None:
        context.invoke(list_all)


@schedules.command("list")
@click.pass_obj
def list_all(target: Target) -> None:
    """List every schedule with its next run and how the last ones ended."""
    rows = run(target, lambda client: client.schedules())
    if target.json:
        show.print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("ID", "WHEN", "TASK", "NEXT", "LAST", "MISSED"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            row["id"], _when(row), row["task"], _next(row), _last(row), str(row["missed"]) if row["missed"] else ""
        )
    show.console().print(table if rows else "there are no schedules; is a scheduler running?")


@schedules.command("show")
@click.argument("name")
@click.pass_obj
def show_one(target: Target, name: str) -> None:
    """Show one schedule with its next runs and its last ones."""
    row = run(target, lambda client: client.schedule(name))
    lines = [
        f"{row['title']}  {row['task']}  {_when(row)}",
        row["why"],
        *([f"paused: {_paused(row)}"] if row["paused"] else []),
        *(f"next  {_local(at)}" for at in row["next_runs"]),
        *(f"last  {_local(each['slot'])}  {each['outcome'] or each['state']}  {each['job'] or each['error'] or ''}"
          for each in row["recent"]),
    ]  # fmt: skip
    _say(target, row, "\n".join(line for line in lines if line))


@schedules.command()
@click.argument("task")
@click.option("--id", "name", help="Lower case letters, digits and hyphens; made of the title or task by default.")
@click.option("--title", help="As people call it.")
@click.option("--cron", help="Minute, hour, day, month, weekday, such as '0 4 1 * *'.")
@click.option("--every", "every_s", type=Duration(), help="How often, such as 15m.")
@click.option("--at", type=Moment(), help="Once: a time, or a duration from now.")
@click.option("--time-zone", help="Of --cron; UTC by default.")
@click.option("--policy", type=click.Choice(["skip", "once", "all"]), help="Of runs that were missed; once by default.")
@click.option("--data", help="The arguments by name, as a JSON object.")
@click.option("--queue", "-q", help="Another queue than the task's own.")
@click.option("--why", help="The reason for it.")
@click.pass_obj
def create(
    target: Target, /, task: str, name: str | None, every_s: float | None, data: str | None, **fields: Any
) -> None:
    """Make a schedule of TASK."""
    given = {"id": name, "every_s": None if every_s is None else int(every_s), **fields}
    if data is not None:
        given["arguments"] = _object(data)
    wanted = {key: value for key, value in given.items() if value is not None}
    row = run(target, lambda client: client.create_schedule(task, **wanted))
    _say(target, row, f"{row['id']} runs next {_next(row)}")


@schedules.command()
@click.argument("name")
@click.option("--reason", help="Why; shown with the schedule.")
@click.option("--until", type=Moment(), help="When it ends by itself: a time, or a duration such as 2h.")
@click.pass_obj
def pause(target: Target, name: str, reason: str | None, until: str | None) -> None:
    """Pause a schedule."""
    row = run(target, lambda client: client.pause_schedule(name, reason=reason, until=until))
    _say(target, row, f"{name} is paused" + (f" until {until}" if until else ""))


@schedules.command()
@click.argument("name")
@click.pass_obj
def resume(target: Target, name: str) -> None:
    """Let a schedule go on; what it would have run meanwhile is not made up for."""
    row = run(target, lambda client: client.resume_schedule(name))
    _say(target, row, f"{name} runs next {_next(row)}")


@schedules.command("run")
@click.argument("name")
@click.pass_obj
def run_now(target: Target, name: str) -> None:
    """Run a schedule's job now."""
    job = run(target, lambda client: client.run_schedule(name))
    _say(target, {"job": job}, f"job {job} is enqueued; follow it with: taskcast tail {job}")


@schedules.command()
@click.argument("name")
@click.confirmation_option(prompt="Delete this schedule?")
@click.pass_obj
def delete(target: Target, name: str) -> None:
    """Delete a stored schedule; the jobs it made stay."""

    async def work(client: Client) -> Row:
        await client.delete_schedule(name)
        return {"deleted": name}

    _say(target, run(target, work), f"{name} is deleted")


def _when(row: Row) -> str:
    if row["kind"] == "cron":
        return f"{row['cron']}" + (f" {row['time_zone']}" if row["time_zone"] != "UTC" else "")
    return (
        f"every {show.duration(row['every_s'] * 1000)}" if row["kind"] == "interval" else f"once, {_local(row['at'])}"
    )


def _next(row: Row) -> str:
    if row["paused"]:
        return f"paused{_paused(row)}"
    return _local(row["next_runs"][0]) if row["next_runs"] else "never"


def _paused(row: Row) -> str:
    pause = row["paused"]
    said = [f" by {pause['by']}" if pause["by"] else "", f" until {_local(pause['until'])}" if pause["until"] else ""]
    return "".join(said) + (f": {pause['reason']}" if pause["reason"] else "")


def _last(row: Row) -> str:
    return " ".join(
        "[yellow]![/]" if each["state"] == "missed" else SIGNS.get(each["outcome"], SIGNS[None])
        for each in row["recent"][:5]
    )


def _local(at: str) -> str:
    return f"{datetime.fromisoformat(at).replace(tzinfo=UTC).astimezone():%Y-%m-%d %H:%M}"


def _object(text: str) -> Row:
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Problem(f"--data: this is no JSON: {error}", Exit.USAGE) from None
    if not isinstance(found, dict):
        raise Problem('--data: give a JSON object such as {"month": "2026-10"}', Exit.USAGE)
    return found


def _say(target: Target, row: Row, text: str) -> None:
    show.print_json(row) if target.json else show.console().print(text, markup=False)
