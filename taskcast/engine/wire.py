"""How structs become the arguments of scripts, and replies structs again; pure functions, shared by all clients.

Those of new jobs are in `new_jobs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal
from uuid import uuid4

import msgspec

from taskcast.engine.jobs import (
    CancelAsked,
    End,
    Ended,
    Held,
    ItemKind,
    LiveJob,
    Paused,
    QueueCounts,
    Renewed,
    Report,
    ServerState,
    Take,
    Taken,
    Tombstone,
    Waiting,
)
from taskcast.ids import check_queue_name
from taskcast.limits import check_key

Arg = bytes | str | int
ITEMS_PER_CALL = 500
"""Progress and log items per script call, so that no call blocks the server for long."""
ENDS_PER_CALL = 200
BYTES_PER_CALL = 8 * 1024 * 1024
"""Of messages or results in one call; messages become one entry of the stream."""

_json = msgspec.json.Encoder()


class _Head(msgspec.Struct, frozen=True):
    job: str
    task: str
    queue: str
    user: str | None


class _Asked(msgspec.Struct, frozen=True):
    by: str | None = None
    reason: str | None = None


class _Identity(msgspec.Struct, frozen=True):
    worker: str = ""
    host: str = ""
    pid: int = 0


_asked = msgspec.json.Decoder(_Asked)
_identity = msgspec.json.Decoder(_Identity)
_paused = msgspec.json.Decoder(Paused)


def steered(queue: str | None, task: str | None) -> str:
    """Return the field of what is paused or resumed, as `Names.paused` has it.

    Raises:
        ValueError: unless exactly one of the two is given.
    """
    if (queue is None) == (task is None):
        raise ValueError("queue, task: give exactly one of them")
    if queue is not None:
        return f"q:{check_queue_name(queue)}"
    return f"t:{check_key('task', str(task))}"


def names_of(field: str) -> bytes:
    """Return the fragment of an event's data that names what is paused."""
    name = field[2:]
    return _json.encode({"queue": name, "task": None} if field[0] == "q" else {"queue": None, "task": name})[1:-1]


def drained(queue: str, by: str | None, reason: str | None, count: int) -> bytes:
    """Return the data of `queue.drained` as JSON text."""
    return _json.encode({"queue": queue, "task": None, "by": by, "reason": reason, "until": None, "count": count})


def paused(reply: dict[bytes, bytes]) -> dict[str, Paused]:
    """Return what is paused, by field."""
    return {word(field): _paused.decode(text) for field, text in reply.items()}


def token() -> str:
    """Return what tells a repeated call from a second one."""
    return uuid4().hex


def head(job: str, task: str, queue: str, user_id: str | None) -> bytes:
    """Return the JSON fragment that names a job in its events."""
    return _json.encode(_Head(job, task, queue, user_id))[1:-1]


def asked(by: str | None, reason: str | None) -> bytes:
    """Return who asked a job to stop, and why, as JSON text."""
    return _json.encode(_Asked(by, reason))


def identity(worker: str, info: bytes) -> bytes:
    """Return the part of a worker's info that its `worker.stopped` needs when it is found dead."""
    found = _identity.decode(info)
    return _json.encode(_Identity(worker, found.host, found.pid))


def names(queues: Sequence[str] | None) -> list[Arg]:
    """Return a list of queues with its length before it; -1 stands for all of them."""
    return [-1] if queues is None else [len(queues), *queues]


def held(pairs: Sequence[Held] | None) -> list[Arg]:
    """Return what a worker holds, with the count before it; -1 means that it does not say."""
    return [-1] if pairs is None else [len(pairs), *(value for pair in pairs for value in pair)]


def take(reply: Sequence[Any]) -> Take:
    """Return the answer to a take."""
    lease_held, next_due, taken, lost, cancels = reply
    jobs = []
    for i in range(0, len(taken), 6):
        job, attempt, options = word(taken[i]), int(taken[i + 1]), taken[i + 4].split(b" ")
        jobs.append(
            Taken(
                job,
                attempt,
                taken[i + 2],
                int(taken[i + 3]),
                int(options[0]),
                None if options[2] == b"-" else float(options[2]),
                _cancel(job, attempt, taken[i + 5]),
                word(options[3].rpartition(b":")[0]),
            )
        )
    return Take(jobs, None if next_due < 0 else int(next_due), _pairs(lost), _cancels(cancels), bool(lease_held))


def renewed(reply: Sequence[Any]) -> Renewed:
    """Return the answer to a renewal."""
    lease_held, lost, cancels = reply
    return Renewed(bool(lease_held), _pairs(lost), _cancels(cancels))


def report_calls(reports: Sequence[Report]) -> Iterator[tuple[Sequence[Report], list[Arg]]]:
    """Cut reports into calls of some 500 items: the reports of each and its arguments."""
    start, count, args = 0, 0, list[Arg]()
    for i, report in enumerate(reports):
        args += (report.job, report.attempt, report.first_line, len(report.items))
        args += _items(report.items)
        count += len(report.items)
        if count >= ITEMS_PER_CALL or i - start >= ITEMS_PER_CALL - 1:
            yield reports[start : i + 1], args
            start, count, args = i + 1, 0, []
    if args:
        yield reports[start:], args


def reported(reports: Sequence[Report], reply: Sequence[Any]) -> tuple[int, list[bool | CancelAsked]]:
    """Return how many items were dropped, and the answer to each report."""
    dropped, answers = reply
    return int(dropped), [
        bool(answer) if isinstance(answer, int) else _cancel(report.job, report.attempt, answer) or True
        for report, answer in zip(reports, answers, strict=True)
    ]


def finish_calls(ends: Sequence[End]) -> Iterator[list[Arg]]:
    """Cut ends into the arguments of calls; those of a call begin after the worker and the results' expiry."""
    args, count, items, size = list[Arg](), 0, 0, 0
    for end in ends:
        state = end.state if end.counted else "uncounted"
        args += (end.job, end.attempt, state, _line(end.data), end.delay_ms, end.ended_ago_ms, end.first_line)
        args += (end.result_key if end.result is not None else "", end.result or b"")
        args += (len(end.lines), *_items(end.lines))
        count, items = count + 1, items + len(end.lines)
        size += len(end.data) + len(end.result or b"")
        if count >= ENDS_PER_CALL or items >= ITEMS_PER_CALL or size >= BYTES_PER_CALL:
            yield args
            args, count, items, size = [], 0, 0, 0
    if args:
        yield args


_DONE, _ALREADY, _REFUSED = Ended("done"), Ended("already"), Ended("refused")


def ended(reply: Sequence[int]) -> list[Ended]:
    """Return the answers to ends: 1 done, 2 already, 0 refused."""
    return [(_REFUSED, _DONE, _ALREADY)[answer] for answer in reply]


def queues(reply: Sequence[Any]) -> list[QueueCounts]:
    """Return the counts of queues, by name."""
    return sorted(
        (
            QueueCounts(
                name=word(name),
                waiting=dict(enumerate(map(int, waiting), start=1)),
                running=int(running),
                scheduled=int(scheduled),
                retrying=int(retrying),
                held=int(held),
                oldest_ms=None if oldest < 0 else int(oldest),
                paused=_paused.decode(pause) if pause else None,
            )
            for name, waiting, running, scheduled, retrying, held, oldest, pause in reply
        ),
        key=lambda counts: counts.name,
    )


def places(keys: Sequence[str], reply: Sequence[Any]) -> tuple[dict[str, int], list[Waiting]]:
    """Return how many run under each key, and who waits."""
    running, flat = reply
    waiting: dict[tuple[str, str], Waiting] = {}
    for key, queue, held, limit, runs in zip(*[iter(flat)] * 5, strict=True):
        name = word(key), word(queue)
        before = waiting[name].held if name in waiting else 0
        waiting[name] = Waiting(*name, before + int(held), int(limit), int(runs))  # a queue has four lanes
    return dict(zip(keys, map(int, running), strict=True)), list(waiting.values())


def live_job(job: str, reply: Sequence[Any]) -> LiveJob | None:
    """Return what the engine knows of a job, or None."""
    record, tomb, due = reply
    tombstone = None
    if tomb:
        parts = tomb.split(b" ")
        tombstone = Tombstone(word(parts[0]), int(parts[1]), int(parts[2]))
    state, attempt, errors, deliveries, worker, lane, seq, cancel, head_text, row_text, held_by, observed = record
    if not state:
        return LiveJob(job, None, tombstone=tombstone) if tombstone else None
    queue, _, priority = word(lane).rpartition(":")
    return LiveJob(
        id=job,
        state=word(state),
        attempt=int(attempt or 0),
        errors=int(errors or 0),
        deliveries=int(deliveries or 0),
        worker=word(worker) if worker else None,
        queue=queue,
        priority=int(priority),
        seq=int(seq),
        run_at_ms=int(float(due)) if due else None,
        cancel=_cancel(job, int(attempt or 0), cancel),
        head=msgspec.json.decode(b"{" + head_text + b"}"),
        row=msgspec.json.decode(b"{" + row_text + b"}"),
        tombstone=tombstone,
        held_by=word(held_by) if held_by and held_by != b"-" and state == b"queued" else None,
        observed=bool(observed),
    )


def known(ids: Sequence[str], reply: Sequence[int]) -> dict[str, Literal["record", "tombstone"] | None]:
    """Return what there is of each id: 2 a record, 1 a tombstone, 0 nothing."""
    words: tuple[None, Literal["tombstone"], Literal["record"]] = (None, "tombstone", "record")
    return {job: words[answer] for job, answer in zip(ids, reply, strict=True)}


def server_state(info: dict[str, Any], seq: int, config: dict[Any, Any]) -> ServerState:
    """Return the state of a server from its INFO and, where it may be asked, its CONFIG."""
    return ServerState(
        run_id=str(info.get("run_id", "")),
        version=str(info.get("valkey_version") or info.get("redis_version", "")),
        uptime_s=int(info.get("uptime_in_seconds", 0)),
        seq=seq,
        used_memory=int(info.get("used_memory", 0)),
        maxmemory=int(info.get("maxmemory", 0)),
        maxmemory_policy=str(info.get("maxmemory_policy", "")),
        appendonly=bool(info.get("aof_enabled", 0)),
        appendfsync=next((word(value) for value in config.values()), None),
    )


def word(value: Any) -> str:
    """Return a reply as text, whether the client decodes replies or not."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _items(items: Sequence[tuple[ItemKind, bytes]]) -> Iterator[Arg]:
    for kind, data in items:
        yield kind
        yield _line(data)


def _line(data: bytes) -> bytes:
    """Keep an event on one line: outside of strings JSON may hold newlines, inside it never does."""
    return data.replace(b"\n", b" ") if b"\n" in data else data


def _pairs(flat: Sequence[Any]) -> list[Held]:
    return [(word(flat[i]), int(flat[i + 1])) for i in range(0, len(flat), 2)]


def _cancel(job: str, attempt: int, text: bytes | None) -> CancelAsked | None:
    if not text:
        return None
    found = _asked.decode(text)
    return CancelAsked(job, attempt, found.by, found.reason)


def _cancels(flat: Sequence[Any]) -> list[CancelAsked]:
    found = (_cancel(word(flat[i]), int(flat[i + 1]), flat[i + 2]) for i in range(0, len(flat), 3))
    return [cancel for cancel in found if cancel]
