"""`taskcast tail`: bars that move and log lines that arrive, from the websocket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live as Screen
from rich.table import Table
from rich.text import Text

from taskcast import events
from taskcast.cli import show
from taskcast.cli.gateway import Exit
from taskcast.cli.results import result_view
from taskcast.client import (
    Client,
    Connection,
    ConnectionState,
    EventMessage,
    Gap,
    Message,
    Snapshot,
    Subscription,
)
from taskcast.states import JobState

FRAMES_PER_S = 10
MOST_BARS = 20

Row = dict[str, Any]


async def tail_all(client: Client, *, filter_: dict[str, Any], as_json: bool) -> int:
    """Show all running jobs and what becomes of them, until interrupted."""
    async with client.live() as live:
        subscription = await live.subscribe("jobs", filter=filter_ or None)
        if as_json:
            async for message in subscription:
                _print_message(message)
            return Exit.DONE
        board = Board()
        with Screen(console=show.console(), get_renderable=board.draw, refresh_per_second=FRAMES_PER_S) as screen:
            async for batch in subscription.batches():
                for message in batch:
                    for line in board.apply(message):
                        screen.console.print(line)
    return Exit.DONE


async def tail_job(client: Client, job_id: str, *, as_json: bool) -> int:
    """Show one job's bar and log until it ends; return the exit code that tells how."""
    async with client.live() as live:
        subscription = await live.subscribe(f"job:{job_id}", tail=200)
        if as_json:
            return await _job_as_json(subscription)
        board = Board(logs=True)
        with Screen(console=show.console(), get_renderable=board.draw, refresh_per_second=FRAMES_PER_S) as screen:
            async for batch in subscription.batches():
                for message in batch:
                    for line in board.apply(message):
                        screen.console.print(line)
                if board.ended:
                    break
        row = await client.job(job_id)
    _print_end(show.console(), row)
    return exit_code(row["status"])


def exit_code(state: str) -> int:
    """Return the exit code that tells how a job ended."""
    return {JobState.FAILED: Exit.JOB_FAILED, JobState.CANCELLED: Exit.JOB_CANCELLED}.get(JobState(state), Exit.DONE)


class Board:
    """The running jobs as last heard, from messages alone."""

    def __init__(self, *, logs: bool = False) -> None:
        self.jobs: dict[str, Row] = {}
        self.ended: str | None = None
        self._logs = logs
        self._note: str | None = None

    def apply(self, message: Message) -> list[RenderableType]:
        """Take in one message; return the lines to print above the bars."""
        if isinstance(message, Snapshot):
            return self._start(message)
        if isinstance(message, EventMessage):
            return self._event(message.event)
        if isinstance(message, Gap):
            return [Text(f"... lines {message.from_line} to {message.to_line} were dropped ...", style="yellow")]
        if isinstance(message, ConnectionState):
            lost = message.connection in (Connection.WAITING, Connection.CONNECTING)
            self._note = f"not connected: {message.reason or 'connecting'}" if lost else None
        return []

    def draw(self) -> RenderableType:
        """Return the bars."""
        table = Table.grid(padding=(0, 2))
        for row in list(self.jobs.values())[-MOST_BARS:]:
            progress = row.get("progress") or {}
            percentage = progress.get("percentage")
            table.add_row(
                Text(row["id"][-12:], style="bright_black"),
                Text(str(row["type"])),
                show.bar(progress) if percentage is not None else Text("running", style="blue"),
                Text("" if percentage is None else f"{percentage:3.0f} %"),
                Text(str(progress.get("current_step") or "")),
                Text(str(progress.get("message") or ""), style="bright_black"),
                Text(_elapsed(row), style="bright_black"),
            )
        hidden = len(self.jobs) - MOST_BARS
        parts: list[RenderableType] = [table]
        if hidden > 0:
            parts.append(Text(f"and {hidden} more", style="bright_black"))
        if self._note:
            parts.append(Text(self._note, style="yellow"))
        return Group(*parts)

    def _start(self, snapshot: Snapshot) -> list[RenderableType]:
        rows = [snapshot.job] if snapshot.job else snapshot.items
        self.jobs = {row["id"]: row for row in reversed(rows) if row["status"] == JobState.RUNNING}
        lines: list[RenderableType] = [show.log_text(line) for line in snapshot.logs]
        if snapshot.job and JobState(snapshot.job["status"]).is_final:
            self.ended = snapshot.job["status"]
        return lines

    def _event(self, event: events.AnyEvent) -> list[RenderableType]:
        job = event.job
        if job is None:
            return []
        if isinstance(event, events.JobLogged):
            at = datetime.fromtimestamp(event.at / 1000, UTC).isoformat(timespec="milliseconds")
            return [show.log_text({**msgspec.to_builtins(event.data), "at": at})] if self._logs else []
        if isinstance(event, events.JobProgressed):
            row = self.jobs.setdefault(job, {"id": job, "type": event.task, "status": JobState.RUNNING})
            row["progress"] = msgspec.to_builtins(event.data)
            return []
        if event.state is None:
            return []
        if event.state == JobState.RUNNING:
            self.jobs[job] = {"id": job, "type": event.task, "status": event.state, "started_ms": event.at}
            return []
        self.jobs.pop(job, None)
        if JobState(event.state).is_final:
            self.ended = event.state
        return [] if event.state in (JobState.QUEUED, JobState.SCHEDULED) and not self._logs else [_said(event)]


def _said(event: events.AnyEvent) -> Text:
    text = show.state_text(event.state or "")
    text.pad_right(max(0, 12 - len(text)))
    text.append(f" {event.job}  {event.task or ''}", style="default")
    took = getattr(event.data, "duration_ms", None)
    if took is not None:
        text.append(f"  {show.duration(took)}", style="bright_black")
    error = getattr(event.data, "error", None)
    if error is not None:
        text.append(f"  {error.type}: {error.message[:200]}", style="red")
    return text


def _elapsed(row: Row) -> str:
    if row.get("started_ms") is not None:
        began = row["started_ms"] / 1000
    elif row.get("started_at"):
        began = datetime.fromisoformat(row["started_at"].replace("Z", "+00:00")).timestamp()
    else:
        return ""
    return show.duration(max(0.0, datetime.now(UTC).timestamp() - began) * 1000)


async def _job_as_json(subscription: Subscription) -> int:
    async for message in subscription:
        _print_message(message)
        if isinstance(message, Snapshot) and message.job and JobState(message.job["status"]).is_final:
            return exit_code(message.job["status"])
        if isinstance(message, EventMessage) and message.event.state and JobState(message.event.state).is_final:
            return exit_code(message.event.state)
    return Exit.DONE


def _print_message(message: Message) -> None:
    """Print one message as a line of JSON: an object with one key that says what it is."""
    if isinstance(message, EventMessage):
        show.print_json({"event": message.event})
    elif isinstance(message, Snapshot):
        show.print_json({"snapshot": message})
    elif isinstance(message, Gap):
        show.print_json({"gap": message})
    elif isinstance(message, ConnectionState):
        show.print_json({"connection": message})


def _print_end(console: Console, row: Row) -> None:
    text = show.state_text(row["status"])
    text.append(f"  {row['type']}", style="default")
    if row.get("duration_ms") is not None:
        text.append(f"  {show.duration(row['duration_ms'])}", style="bright_black")
    console.print(text)
    if row["status"] == JobState.COMPLETED and row.get("result") is not None:
        console.print(result_view(row["result"]))
    if row["status"] == JobState.FAILED and row.get("error"):
        console.print(Text(f"{row['error'].get('type')}: {row['error'].get('message')}", style="red"))
