"""Commands about many jobs as the browser draws them: what one does, how far it is, how it ended."""

from __future__ import annotations

from ui.model import Row
from ui.rows import cut

TITLES = {
    "retry": "Sending jobs again",
    "cancel": "Cancelling jobs",
    "delete": "Deleting jobs",
    "drain": "Draining",
    "clean": "Cleaning",
}
DONE = {"retry": "sent again", "cancel": "cancelled", "delete": "deleted", "drain": "cancelled", "clean": "deleted"}


def is_running(row: Row) -> bool:
    """Tell whether an operation goes on."""
    return row.get("state") == "running"


def operation_card(row: Row) -> Row:
    """Return what the pages draw of an operation; `percent` is None where it is not known how many jobs there are."""
    matched, done, refused = row.get("matched"), int(row.get("done") or 0), _refused(row)
    queue = (row.get("scope") or {}).get("queue")
    title = TITLES.get(str(row.get("action")), "Jobs")
    return {
        "id": str(row.get("id") or ""),
        "state": str(row.get("state") or ""),
        "title": f"{title} queue {cut(queue)}" if queue else title,
        "text": _progress(row, done, refused, matched) if is_running(row) else _end(row, done, refused, matched),
        "percent": min(100.0, 100 * (done + refused) / matched) if matched else None,
        "stopping": bool(row.get("cancel_requested_at")),
    }


def _progress(row: Row, done: int, refused: int, matched: int | None) -> str:
    of = "" if matched is None else f" of {matched:,}"
    return f"{done:,}{of} {_word(row)}" + _not_possible(refused)


def _end(row: Row, done: int, refused: int, matched: int | None) -> str:
    jobs = "1 job was" if done == 1 else f"{done:,} jobs were"
    if row.get("state") == "done":
        return f"{jobs} {_word(row)}{_not_possible(refused)}."
    of = "" if matched is None else f" of {matched:,}"
    how = "Stopped" if row.get("state") == "cancelled" else "It failed, the gateway's log says why"
    return f"{how}: {done:,}{of} {_word(row)}{_not_possible(refused)}."


def _word(row: Row) -> str:
    return DONE.get(str(row.get("action")), "done")


def _not_possible(refused: int) -> str:
    return f", {refused:,} not possible" if refused else ""


def _refused(row: Row) -> int:
    return sum(int(count or 0) for count in (row.get("refused") or {}).values())
