"""How rows look on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.pretty import Pretty
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from taskcast.cli.results import result_view
from taskcast.states import JobState

Row = dict[str, Any]

STYLES: dict[str, tuple[str, str]] = {
    JobState.SCHEDULED: ("◷", "magenta"),
    JobState.QUEUED: ("…", "cyan"),
    JobState.RUNNING: ("▶", "blue"),
    JobState.RETRYING: ("↻", "yellow"),
    JobState.COMPLETED: ("✓", "green"),
    JobState.FAILED: ("✗", "red"),
    JobState.CANCELLED: ("⊘", "bright_black"),
}
"""From state to its sign and colour."""

WIDE = 110
"""Columns of a terminal from which on a job's line has room for everything."""

LEVELS = {"DEBUG": "bright_black", "INFO": "default", "WARNING": "yellow", "ERROR": "red"}


def console() -> Console:
    """Return the terminal, or the file that stdout is."""
    return Console(highlight=False)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    print(msgspec.json.encode(value).decode(), flush=True)


def state_text(state: str) -> Text:
    """Return a state with its sign in its colour."""
    sign, colour = STYLES.get(state, ("?", "default"))
    return Text(f"{sign} {state}", style=colour)


def duration(ms: float | None) -> str:
    """Return a duration as people say it."""
    if ms is None:
        return ""
    if ms < 1000:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def ago(at: str | None) -> str:
    """Return how long ago a time of the interface was."""
    if not at:
        return ""
    then = datetime.fromisoformat(at.replace("Z", "+00:00"))
    return duration(max(0.0, (datetime.now(UTC) - then).total_seconds() * 1000)) + " ago"


def bar(progress: Row | None, width: int = 24) -> ProgressBar | Text:
    """Return a job's bar; nothing for a job that does not tell its progress."""
    percentage = (progress or {}).get("percentage")
    if percentage is None:
        return Text("")
    return ProgressBar(total=100, completed=float(percentage), width=width)


def jobs_table(rows: Iterable[Row], *, width: int) -> Table:
    """Return jobs, one a line; ids stay whole, so on a narrow terminal other columns are left out."""
    names = ("ID", "TYPE", "QUEUE", "STATE", "PROGRESS", "TRY", "CREATED", "TOOK")
    shown = names if width >= WIDE else ("ID", "TYPE", "STATE", "TOOK")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for row in rows:
        running = row["status"] == JobState.RUNNING
        cells: dict[str, RenderableType] = {
            "ID": row["id"],
            "TYPE": escape(str(row["type"])),
            "QUEUE": escape(str(row["queue"])),
            "STATE": state_text(row["status"]),
            "PROGRESS": bar(row.get("progress"), 16) if running else Text(""),
            "TRY": f"{row.get('attempt', 0)}/{row.get('max_attempts', 1)}",
            "CREATED": ago(row.get("created_at")),
            "TOOK": duration(row.get("duration_ms")),
        }
        table.add_row(*(cells[name] for name in shown))
    return table


def job_panel(row: Row) -> Group:
    """Return all of one job."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bright_black")
    table.add_column()
    table.add_row("state", state_text(row["status"]))
    for name in ("type", "queue", "priority", "user_id", "worker", "created_at", "run_at", "started_at"):
        if row.get(name) is not None:
            table.add_row(name, Text(str(row[name])))
    table.add_row("attempt", f"{row.get('attempt', 0)} ({row.get('errors', 0)} of {row.get('max_attempts', 1)} errors)")
    if row.get("duration_ms") is not None:
        table.add_row("took", duration(row["duration_ms"]))
    progress = row.get("progress")
    if progress and row["status"] == JobState.RUNNING:
        table.add_row("progress", bar(progress))
        table.add_row("step", Text(str(progress.get("current_step") or progress.get("message") or "")))
    parts: list[Any] = [Text(row["id"], style="bold"), table]
    if row.get("data") is not None:
        parts.append(Panel(Pretty(row["data"]), title="arguments", title_align="left"))
    if row["status"] == JobState.COMPLETED:
        parts.append(Panel(result_view(row.get("result")), title="result", title_align="left", border_style="green"))
    if row.get("error"):
        error = row["error"]
        text = Text(f"{error.get('type')}: {error.get('message')}", style="red")
        if row.get("stack_trace"):
            text.append("\n\n" + row["stack_trace"], style="default")
        parts.append(Panel(text, title=f"error ({row.get('final_reason') or 'error'})", title_align="left"))
    return Group(*parts)


def log_text(line: Row) -> Text:
    """Return one log line of a job."""
    level = str(line.get("level", "INFO"))
    text = Text()
    text.append(f"{str(line.get('at') or '')[11:23]:12} ", style="bright_black")
    text.append(f"{level:7} ", style=LEVELS.get(level, "default"))
    text.append(str(line.get("message", "")))
    if line.get("context"):
        text.append("  " + " ".join(f"{key}={value}" for key, value in line["context"].items()), style="bright_black")
    if line.get("stack_trace"):
        text.append("\n" + line["stack_trace"], style="bright_black")
    return text


def queues_table(rows: Iterable[Row]) -> Table:
    """Return queues, one a line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("QUEUE", "WAITING", "RUNNING", "SCHEDULED", "RETRYING", "HELD", "OLDEST", "PER MINUTE", "SLOTS", ""):
        table.add_column(name, justify="left" if name in ("QUEUE", "") else "right")
    for row in rows:
        oldest = row.get("oldest_s")
        table.add_row(
            escape(str(row["name"])),
            str(sum((row.get("waiting") or {}).values())),
            str(row.get("running", 0)),
            str(row.get("scheduled", 0)),
            str(row.get("retrying", 0)),
            str(row.get("held", 0)),
            duration(oldest * 1000) if oldest is not None else "",
            str(row.get("per_minute") or 0),
            str(row.get("slots") or 0),
            _paused(row.get("paused")),
        )
    return table


def _paused(paused: Row | None) -> Text:
    if not paused:
        return Text("")
    said = [f"paused by {paused['by']}" if paused.get("by") else "paused"]
    said += [f"until {paused['until']}"] if paused.get("until") else []
    said += [f"({paused['reason']})"] if paused.get("reason") else []
    return Text(" ".join(said), style="yellow")


def workers_table(rows: Iterable[Row]) -> Table:
    """Return workers, one a line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("WORKER", "HOST", "PID", "STATE", "BUSY", "QUEUES", "MEMORY", "SEEN"):
        table.add_column(name)
    for row in rows:
        table.add_row(
            escape(str(row["id"])),
            escape(str(row.get("host", ""))),
            str(row.get("pid", "")),
            str(row.get("state", "")),
            f"{len(row.get('busy') or ())}/{row.get('slots', 0)}"
            + (f" +{len(row['lingering'])} lingering" if row.get("lingering") else ""),
            escape(", ".join(row.get("queues") or ("all",))),
            f"{(row.get('rss_bytes') or 0) / 1_000_000:.0f} MB",
            ago(row.get("seen_at")),
        )
    return table
