"""The engine's client: each method is one script on the queue server, repeated when its answer was lost.

Nothing here knows Taskiq; a job is a task name, a message and events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Literal, Self

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from taskcast.engine import new_jobs, wire
from taskcast.engine.calls import DEADLINE_S, Caller, connect
from taskcast.engine.jobs import (
    Accepted,
    CancelAsked,
    End,
    Ended,
    Held,
    LiveJob,
    NewJob,
    Paused,
    QueueCounts,
    Renewed,
    Report,
    ServerState,
    Take,
    Waiting,
)
from taskcast.engine.together import Together
from taskcast.errors import EngineFull
from taskcast.names import DEFAULT_PREFIX, Names

IDS_PER_LOOK = 50
"""Jobs a call of `misplaced`, which may read a whole lane for each."""
LANES_KEPT = 256
"""Lanes (a queue has up to four) that are kept although nothing is in them."""
RESULT_TTL_S = 86400
"""Seconds that `wait_result()` finds a result, unless its worker says otherwise."""


class Engine:
    """The queue of one installation. All methods may raise `EngineUnavailable` and, where noted, `EngineFull`.

    A call is repeated with short pauses until `deadline_s` is over; every script may run twice without harm.

    Args:
        redis: a client whose own retries are off (see `connect`); not closed by `aclose` unless `connect` made it.
        names: the installation's keys.
        events: False skips stream and channel; for the benchmark alone.
    """

    def __init__(self, redis: Redis, names: Names | None = None, *, events: bool = True, owns: bool = False) -> None:
        self.redis = redis
        self.names = names or Names()
        self.reports_dropped = 0
        self._owns = owns
        self._call = Caller(redis, self.names, events=events)
        self._together = Together(partial(self._call, "enqueue"))

    @classmethod
    def connect(cls, url: str, prefix: str = DEFAULT_PREFIX, *, events: bool = True, **options: Any) -> Self:
        """Return an engine with a client of its own; connects at first use. For the URL see `connect` in `calls`."""
        names = Names(prefix)
        return cls(connect(url, names, **options), names, events=events, owns=True)

    async def aclose(self) -> None:
        """Close the connection of the scripts, and the client if `connect` made it."""
        await self._call.aclose()
        if self._owns:
            await self.redis.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # Senders

    async def enqueue(self, jobs: Sequence[NewJob], *, deadline_s: float = DEADLINE_S) -> list[Accepted]:
        """Accept jobs, in order; idempotent by id. Lone jobs of callers at the same time share a round trip.

        Raises:
            EngineFull: the server's memory is nearly used up. Earlier chunks of 200 may have been accepted; send the
                same jobs again later.
            MessageTooLarge: a message is over 1 MiB; nothing was sent.
            ValueError: a field is wrong; nothing was sent.
        """
        if len(jobs) == 1:
            return [await self._together.enqueue(jobs[0], deadline_s)]
        accepted: list[Accepted] = []
        for part, args in new_jobs.calls(jobs):
            accepted += new_jobs.accepted(part, await self._call("enqueue", args, deadline_s))
        return accepted

    async def cancel(
        self,
        job: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        token: str | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> Literal["cancelled", "requested", "final", "unknown", "observed"]:
        """Cancel a job that waits at once, or ask its worker to stop it; a repeat with the same `token` answers the same.

        Returns:
            `cancelled`, `requested` (it runs), `final` (it has ended within the last hour), `unknown`, or `observed`
            (another broker runs it, which cannot be steered).
        """
        reply = await self._call("cancel", [job, token or wire.token(), wire.asked(by, reason)], deadline_s)
        return wire.word(reply)  # type: ignore[return-value]

    async def retry(
        self,
        job: NewJob,
        *,
        after_attempt: int,
        attempts_so_far: int | None = None,
        delay_ms: int = 0,
        was: str = "failed",
        deadline_s: float = DEADLINE_S,
    ) -> Literal["accepted", "unfinished", "changed", "duplicate"]:
        """Give an ended job a new life under its old id; its attempts count on from `attempts_so_far`.

        `after_attempt` is the attempt the caller saw last: if the engine knows of a later one, the answer is
        `changed`. `was` is the final state it leaves, used where the engine has forgotten it.

        Raises:
            EngineFull: as `enqueue`.
        """
        so_far = after_attempt if attempts_so_far is None else attempts_so_far
        args = [wire.token(), after_attempt, so_far, was, *new_jobs.arguments(job, delay_ms=delay_ms or None)]
        return wire.word(await self._call("retry", args, deadline_s))  # type: ignore[return-value]

    # Who steers

    async def pause(
        self,
        *,
        queue: str | None = None,
        task: str | None = None,
        by: str | None = None,
        reason: str | None = None,
        until_ms: int | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> bool:
        """Pause a queue or a task name: none of its jobs begins. `until_ms` (since 1970) ends the pause by itself.

        Returns:
            Whether it was not paused before. If it was, the pause says from now on what this call says.

        Raises:
            ValueError: unless exactly one of `queue` and `task` is given.
        """
        field = wire.steered(queue, task)
        asked = wire.asked(by, reason)[1:-1]
        until = "" if until_ms is None else str(until_ms)
        args: list[wire.Arg] = [wire.token(), field, wire.names_of(field), asked, until]
        return bool(await self._call("pause", args, deadline_s))

    async def resume(
        self,
        *,
        queue: str | None = None,
        task: str | None = None,
        by: str | None = None,
        reason: str | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> bool:
        """End a pause; the jobs it held back stand at the front of their lanes when this returns.

        Returns:
            Whether it was paused.

        Raises:
            ValueError: unless exactly one of `queue` and `task` is given.
        """
        args: list[wire.Arg] = [wire.token(), wire.steered(queue, task), wire.asked(by, reason)[1:-1]]
        while True:
            was, more = await self._call("resume", args, deadline_s)
            if not more:
                return bool(was)

    async def paused(self, *, deadline_s: float = DEADLINE_S) -> dict[str, Paused]:
        """Return what is paused, by `q:<queue>` or `t:<task>`."""
        return wire.paused(await self._call.command("HGETALL", self.names.paused, deadline_s=deadline_s))

    async def drain(
        self, queue: str, *, by: str | None = None, reason: str | None = None, deadline_s: float = DEADLINE_S
    ) -> int:
        """Cancel all jobs of a queue that wait or are held back, 500 a call, and tell `queue.drained`.

        Jobs that are enqueued meanwhile may stay. Returns how many were cancelled.
        """
        count, allowed = 0, None
        while True:
            cancelled, left = await self.drain_step(
                queue, by=by, reason=reason, token=wire.token(), deadline_s=deadline_s
            )
            count += cancelled
            allowed = left if allowed is None else allowed - 500
            if not left or allowed <= 0:
                break
        await self.tell([("queue.drained", b"", wire.drained(queue, by, reason, count))], deadline_s=deadline_s)
        return count

    async def drain_step(
        self, queue: str, *, by: str | None, reason: str | None, token: str, deadline_s: float = DEADLINE_S
    ) -> tuple[int, int]:
        """Cancel up to 500 jobs of a queue that wait or are held back; a repeat with the same `token` answers the same.

        Returns:
            How many were cancelled, and how many are left.
        """
        cancelled, left = await self._call("drain", [token, queue, wire.asked(by, reason or "drained")], deadline_s)
        return int(cancelled), int(left)

    # Workers

    async def register(self, worker: str, *, lease_ms: int, info: bytes, deadline_s: float = DEADLINE_S) -> None:
        """Begin a worker's lease and tell `worker.started`; `info` is the JSON text of its `WorkerInfo`."""
        await self._call("register", [worker, lease_ms, wire.identity(worker, info), info], deadline_s)

    async def beat(self, worker: str, info: bytes, *, deadline_s: float = DEADLINE_S) -> None:
        """Tell `worker.beat`."""
        await self._call("beat", [worker, info], deadline_s)

    async def unregister(self, worker: str, info: bytes, *, deadline_s: float = DEADLINE_S) -> None:
        """End a worker's lease and tell `worker.stopped`; what it still holds is reclaimed."""
        await self._call("unregister", [worker, info], deadline_s)

    async def take(
        self,
        worker: str,
        want: int,
        *,
        number: int,
        known: int,
        started: bytes,
        held: Sequence[Held] | None = None,
        queues: Sequence[str] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> Take:
        """Take up to `want` jobs, having put those that are due into their lanes.

        Args:
            worker: this process's id, new at every start.
            want: free slots; at most 500 are used.
            number: rises by one with every take, not with its repeats: a repeat is answered as the first time.
            known: the highest number that is over, answered or given up.
            started: `{"worker": ..., "host": ..., "pid": ...}` as JSON text, for `job.started`.
            held: every (job, attempt) of takes up to `known` that has no accepted end, or None for no check. What the
                engine counts as this worker's and is not named goes back to its lane.
            queues: the queues it serves, or None for all.
            deadline_s: seconds after which it gives up.
        """
        args = [worker, min(max(want, 0), 500), number, known, started, *wire.names(queues), *wire.held(held)]
        return wire.take(await self._call("take", args, deadline_s))

    async def renew(
        self,
        worker: str,
        *,
        lease_ms: int,
        known: int,
        held: Sequence[Held] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> Renewed:
        """Renew the lease, also one that had run out; `known` and `held` as in `take`. See `lease.renew` for threads."""
        reply = await self._call("renew", [worker, lease_ms, known, *wire.held(held)], deadline_s)
        return wire.renewed(reply)

    async def report(
        self, worker: str, reports: Sequence[Report], *, deadline_s: float = DEADLINE_S
    ) -> list[bool | CancelAsked]:
        """Tell progress and log lines. Above 75 % of `maxmemory` they are dropped and counted in `reports_dropped`.

        Returns:
            For each report True, False (the attempt is not this worker's any more) or the request to stop.
        """
        answers: list[bool | CancelAsked] = []
        for part, args in wire.report_calls(reports):
            try:
                reply = await self._call("report", [worker, *args], deadline_s)
            except EngineFull:  # filled up since the script looked last, within a second
                self.reports_dropped += sum(len(report.items) for report in part)
                answers += [True] * len(part)
                continue
            dropped, part_answers = wire.reported(part, reply)
            self.reports_dropped += dropped
            answers += part_answers
        return answers

    async def finish(
        self, worker: str, ends: Sequence[End], *, result_ttl_s: int = RESULT_TTL_S, deadline_s: float = DEADLINE_S
    ) -> list[Ended]:
        """Accept the ends of attempts; works when the server's memory is used up."""
        ended: list[Ended] = []
        for args in wire.finish_calls(ends):
            ended += wire.ended(await self._call("finish", [worker, result_ttl_s, *args], deadline_s))
        return ended

    async def cancel_seen(self, worker: str, job: str, attempt: int, *, deadline_s: float = DEADLINE_S) -> bool:
        """Tell, once, that the worker has seen the request to stop; False if the attempt is not its own any more."""
        return bool(await self._call("cancel_seen", [worker, job, attempt], deadline_s))

    async def release(
        self,
        worker: str,
        jobs: Sequence[Held],
        *,
        reason: str = "released",
        begun: bool,
        deadline_s: float = DEADLINE_S,
    ) -> int:
        """Give jobs back to the front of their lanes; returns how many were this worker's.

        A job that was not begun gives its attempt back. One that was asked to stop becomes cancelled.
        """
        count = 0
        for start in range(0, len(jobs), 500):
            flat = [value for pair in jobs[start : start + 500] for value in pair]
            count += int(await self._call("release", [worker, reason, int(begun), *flat], deadline_s))
        return count

    # Rescuers

    async def reclaim(self, *, lease_ms: int, limit: int = 200, deadline_s: float = DEADLINE_S) -> int:
        """Take back up to `limit` jobs of workers whose lease is gone; returns how many.

        Within one lease after the server's start or a new `run_id` it does nothing: the living renew first.
        """
        return int(await self._call("reclaim", [lease_ms, min(limit, 500)], deadline_s))

    async def promote(self, limit: int = 200, *, deadline_s: float = DEADLINE_S) -> tuple[int, int | None]:
        """Put jobs that are due into their lanes; returns how many, and the milliseconds until the next is due."""
        count, next_due = await self._call("promote", [min(limit, 500)], deadline_s)
        return int(count), None if next_due < 0 else int(next_due)

    async def sweep(self, *, keep: int = LANES_KEPT, deadline_s: float = DEADLINE_S) -> int:
        """Forget queues in which nothing is, if there are more than `keep` lanes; returns how many lanes it forgot."""
        return int(await self._call("sweep", [keep], deadline_s))

    async def resend(
        self, job: NewJob, *, attempt: int, errors: int, deliveries: int, was: str, deadline_s: float = DEADLINE_S
    ) -> bool:
        """Make a forgotten job again, in the numbers its row has; False if the engine knows it after all.

        Raises:
            EngineFull: as `enqueue`.
        """
        args = [wire.token(), attempt, errors, deliveries, was, *new_jobs.arguments(job)]
        return bool(await self._call("resend", args, deadline_s))

    async def forget(
        self,
        job: str,
        *,
        task: str,
        queue: str,
        user_id: str | None,
        attempt: int,
        was: str,
        deadline_s: float = DEADLINE_S,
    ) -> bool:
        """End a forgotten job: failed with `forgotten`, or cancelled if it was only scheduled; False if it is known."""
        head = wire.head(job, task, queue, user_id)
        return bool(await self._call("forget", [job, wire.token(), head, attempt, was], deadline_s))

    async def drop(self, job: str, *, seq: int, state: str, deadline_s: float = DEADLINE_S) -> bool:
        """Remove a record whose row became `state` at a later `seq` than the record's last move; tells no event."""
        return bool(await self._call("drop", [job, seq, state], deadline_s))

    async def misplaced(self, ids: Sequence[str], *, deadline_s: float = DEADLINE_S) -> list[tuple[str, str]]:
        """Put back into their places those of the jobs that stand in none.

        Returns:
            Their ids, each with `lane` (it waits at the front of its lane), `due` (it is due now) or `worker` (its
            worker is asked for it again, and it is reclaimed if that is gone).
        """
        found: list[tuple[str, str]] = []
        for start in range(0, len(ids), IDS_PER_LOOK):
            flat = await self._call("misplaced", list(ids[start : start + IDS_PER_LOOK]), deadline_s)
            found += [(wire.word(flat[i]), wire.word(flat[i + 1])) for i in range(0, len(flat), 2)]
        return found

    # Watchers of other brokers

    async def observe(
        self,
        worker: str,
        job: NewJob,
        attempt: int,
        state: Literal["queued", "running", "completed", "failed", "cancelled"],
        data: bytes = b"{}",
        *,
        deadline_s: float = DEADLINE_S,
    ) -> bool:
        """Tell a move of a job that another broker runs; hooks may be late, repeated or missing.

        What lies between is told too (a job that runs was queued before), and a `failed` of a job that was sent again
        meanwhile is told as a retry.

        Args:
            worker: who runs it, `""` for a sender.
            job: its name and row; the message is not used.
            attempt: the attempt that began or ended; of `queued` the number of those before.
            state: where it is now.
            data: the event's data as JSON text: of `running` worker, host and pid, of an end as in `End`.
            deadline_s: seconds after which it gives up.

        Returns:
            Whether it was told; False for what is known already, or what the table of moves forbids.
        """
        args: list[wire.Arg] = [worker, attempt, state, data, *new_jobs.observed(job)]
        return bool(await self._call("observe", args, deadline_s))

    # Observers

    async def queues(self, *, deadline_s: float = DEADLINE_S) -> list[QueueCounts]:
        """Return what every queue holds now, by name; one that is empty may be forgotten."""
        return wire.queues(await self._call("queues", [], deadline_s))

    async def places(
        self, keys: Sequence[str] = (), *, deadline_s: float = DEADLINE_S
    ) -> tuple[dict[str, int], list[Waiting]]:
        """Return how many jobs run under each of these concurrency keys, and who waits for a place under any."""
        return wire.places(keys, await self._call("places", list(keys), deadline_s))

    async def held_by(self, ids: Sequence[str], *, deadline_s: float = DEADLINE_S) -> dict[str, str]:
        """Return what keeps back those of the jobs that are kept back, as `LiveJob.held_by` says it."""
        found: dict[str, str] = {}
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            reply = await self._call("held_by", list(part), deadline_s)
            found |= {job: wire.word(key) for job, key in zip(part, reply, strict=True) if key}
        return found

    async def job(self, job: str, *, deadline_s: float = DEADLINE_S) -> LiveJob | None:
        """Return what the engine knows of a job; None if it knows nothing."""
        return wire.live_job(job, await self._call("job", [job], deadline_s))

    async def known(
        self, ids: Sequence[str], *, deadline_s: float = DEADLINE_S
    ) -> dict[str, Literal["record", "tombstone"] | None]:
        """Tell for each id whether the engine has a record, else a tombstone, else nothing."""
        known: dict[str, Literal["record", "tombstone"] | None] = {}
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            known |= wire.known(part, await self._call("known", list(part), deadline_s))
        return known

    async def tell(
        self, events: Iterable[tuple[str, bytes, bytes]], *, token: str | None = None, deadline_s: float = DEADLINE_S
    ) -> int:
        """Tell events that are no moves: (type, head, data); those of one `token`, 500 at most, are told once a minute.

        `head` is empty, or for a job's event `wire.head(...)`: the JSON fragment that names the job. Returns the seq of
        the last.
        """
        flat = [value for event in events for value in event]
        seq = 0
        for start in range(0, len(flat), 1500):
            seq = int(await self._call("tell", [token or wire.token(), *flat[start : start + 1500]], deadline_s))
        return seq

    async def server(self, *, deadline_s: float = DEADLINE_S) -> ServerState:
        """Return the state of the queue server."""
        info = await self._call.command("INFO", deadline_s=deadline_s)
        seq = await self._call.command("GET", self.names.seq, deadline_s=deadline_s)
        try:
            config = await self._call.command("CONFIG GET", "appendfsync", deadline_s=deadline_s)
        except ResponseError:  # a hosted server that keeps its CONFIG to itself
            config = {}
        return wire.server_state(info, int(seq or 0), config)
