"""The commands that steer: pause, resume, drain, clean, check-stuck."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from taskcast.cli import show
from taskcast.cli.gateway import Exit, Problem, Target, run
from taskcast.client import Client
from taskcast.states import FINAL

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FINALS = click.Choice(sorted(str(state) for state in FINAL))

Row = dict[str, Any]


class Duration(click.ParamType[float]):
    """A duration such as 30s, 15m, 2h or 7d, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(value).strip())
        if not found:
            self.fail(f"{value!r} is no duration; write one such as 30s, 15m, 2h or 7d", param, ctx)
        return float(found[1]) * UNITS[found[2]]


class Moment(click.ParamType[str]):
    """A time in ISO 8601, or a duration from now, as the text of the interface."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the time as ISO 8601."""
        text = str(value).strip()
        if re.fullmatch(r"[\d.]+[smhd]", text):
            return (datetime.now(UTC) + timedelta(seconds=Duration().convert(text, param, ctx))).isoformat()
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-10-31T12:00 or a duration such as 2h", param, ctx)
        return at.astimezone().isoformat()  # without a zone it is this machine's


@click.command()
@click.argument("queue", required=False)
@click.option("--task", help="Pause this task in all queues instead of a queue.")
@click.option("--reason", help="Why; shown with the queue.")
@click.option("--until", type=Moment(), help="When it ends by itself: a time, or a duration such as 2h.")
@click.pass_obj
def pause(target: Target, queue: str | None, task: str | None, reason: str | None, until: str | None) -> None:
    """Pause QUEUE, or a task: its waiting jobs stay where they are, the running ones go on."""

    def work(client: Client) -> Awaitable[Row]:
        if task is not None:
            return client.pause_task(task, reason=reason, until=until)
        return client.pause_queue(str(queue), reason=reason, until=until)

    _one_of(queue, task)
    row = run(target, work)
    _say(target, row, f"{task or queue} is paused" + (f" until {until}" if until else ""))


@click.command()
@click.argument("queue", required=False)
@click.option("--task", help="Resume this task instead of a queue.")
@click.pass_obj
def resume(target: Target, queue: str | None, task: str | None) -> None:
    """Let QUEUE, or a task, go on."""

    def work(client: Client) -> Awaitable[Row]:
        return client.resume_task(task) if task is not None else client.resume_queue(str(queue))

    _one_of(queue, task)
    row = run(target, work)
    _say(target, row, f"{task or queue} goes on")


@click.command()
@click.argument("queue")
@click.option("--reason", help="Why; shown with the jobs.")
@click.confirmation_option(prompt="Cancel all jobs that wait in this queue?")
@click.pass_obj
def drain(target: Target, queue: str, reason: str | None) -> None:
    """Cancel all jobs that wait in QUEUE."""
    row = run(target, lambda client: client.drain_queue(queue, reason=reason))
    _say(target, row, _counted(row, "cancelled"))


@click.command()
@click.option("--older-than", "older_than_s", type=Duration(), required=True, help="Since their end, such as 30d.")
@click.option("--status", "-s", multiple=True, type=FINALS, help="Only jobs that ended so; may be repeated.")
@click.option("--queue", "-q", help="Only this queue's jobs.")
@click.option("--type", "-t", "type_", help="Only this task's jobs.")
@click.confirmation_option(prompt="Delete these jobs with their logs?")
@click.pass_obj
def clean(target: Target, older_than_s: float, status: tuple[str, ...], queue: str | None, type_: str | None) -> None:
    """Delete ended jobs (admin)."""
    row = run(
        target, lambda client: client.clean_jobs(older_than_s=older_than_s, status=status, queue=queue, type=type_)
    )
    _say(target, row, _counted(row, "deleted"))


@click.command("check-stuck")
@click.pass_obj
def check_stuck(target: Target) -> None:
    """Look for jobs that do not move although they should, and put right what can be."""
    row = run(target, lambda client: client.check_stuck())
    lines = [f"{found['job']}  {found['reason']}: {found['action']}" for found in row["found"]]
    _say(target, row, "\n".join([*lines, f"{row['checked']} checked, {len(lines)} stuck"]))


def _one_of(queue: str | None, task: str | None) -> None:
    if (queue is None) == (task is None):
        raise Problem("give a QUEUE, or --task NAME", Exit.USAGE)


def _counted(row: Row, done: str) -> str:
    if row["count"] is None:
        return f"jobs are being {done}; it goes on as operation {row['operation']}"
    return f"{row['count']} jobs {done}"


def _say(target: Target, row: Row, text: str) -> None:
    show.print_json(row) if target.json else show.console().print(text, markup=False)
