"""Every Redis key and channel of Taskcast, each a function of one `Names`.

All keys of an installation share one hash tag, so that a script may touch any of them on a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_PREFIX = "taskcast"


@dataclass(frozen=True, slots=True)
class Names:
    """The keys and channels of one installation on one server."""

    prefix: str = DEFAULT_PREFIX

    @property
    def tag(self) -> str:
        """What every key begins with: `{prefix}:`."""
        return f"{{{self.prefix}}}:"

    @property
    def events(self) -> str:
        """STREAM of event batches; an entry's id is `<seq of its last event>-0`."""
        return self.tag + "events"

    @property
    def nothing(self) -> str:
        """KEY that never exists: a script names it, so that a server that is giving our slot away runs none half-way."""
        return self.tag + "none"

    @property
    def seq(self) -> str:
        """STRING: the seq of the last event."""
        return self.tag + "seq"

    @property
    def live(self) -> str:
        """CHANNEL of event batches: `<prev> <last>`, a newline, one event a line."""
        return self.tag + "live"

    def probe(self, reader: str) -> str:
        """CHANNEL on which a reader of `live` hears itself; silence means that it hears nobody."""
        return f"{self.tag}probe:{reader}"

    @property
    def control(self) -> str:
        """CHANNEL of the fast path to workers: JSON such as `{"cancel": id, "attempt": n}`."""
        return self.tag + "control"

    @property
    def bell(self) -> str:
        """CHANNEL rung when a lane that may have been empty got a job; the message is the queue's name."""
        return self.tag + "bell"

    @property
    def lanes(self) -> str:
        """SET of `queue:priority` of every lane that has a job, or may get one back; of others as many as are kept."""
        return self.tag + "lanes"

    def lane(self, queue: str, priority: int) -> str:
        """LIST of waiting job ids of one queue and priority; taken from the left."""
        return f"{self.tag}lane:{queue}:{priority}"

    @property
    def shares(self) -> str:
        """HASH of stride scheduling: the pass value of every queue and lane."""
        return self.tag + "shares"

    def job(self, job_id: str) -> str:
        """HASH: the record of an unfinished job."""
        return f"{self.tag}job:{job_id}"

    def tombstone(self, job_id: str) -> str:
        """STRING with an expiry of an hour: how and when a job ended."""
        return f"{self.tag}tomb:{job_id}"

    @property
    def delayed(self) -> str:
        """ZSET of job ids by the time they are due, in milliseconds; scheduled and retrying jobs alike."""
        return self.tag + "delayed"

    @property
    def workers(self) -> str:
        """ZSET of worker ids by the time of their last beat, in milliseconds."""
        return self.tag + "workers"

    def lease(self, worker: str) -> str:
        """STRING with an expiry: this worker is alive."""
        return f"{self.tag}lease:{worker}"

    def held(self, worker: str) -> str:
        """HASH of the jobs a worker owns: id to `<attempt> <number of the take>`; see `engine/lua/lib.lua`."""
        return f"{self.tag}held:{worker}"

    @property
    def counts(self) -> str:
        """HASH: how many jobs of a queue are running, scheduled, retrying or held back; the field is `<queue>:<state>`."""
        return self.tag + "counts"

    @property
    def paused(self) -> str:
        """HASH of what is paused: `q:<queue>` or `t:<task>` to JSON `{"by", "reason", "until_ms", "at_ms"}`."""
        return self.tag + "paused"

    @property
    def holds(self) -> str:
        """ZSET, all scores 0, of `<hold key>`, a newline, `<lane>`: every list of `hold` that is not empty.

        A hold key says what keeps jobs back: `t:<task>` a pause, `c:<concurrency key>` or `r:<rate limit key>` a limit.
        """
        return self.tag + "holds"

    def hold(self, hold_key: str, queue: str, priority: int) -> str:
        """LIST of job ids of one lane that are held back; the first to come back stands left."""
        return f"{self.tag}hold:{queue}:{priority} {hold_key}"

    @property
    def wakes(self) -> str:
        """ZSET of hold keys, and of `q:<queue>` whose pause ends, by the time to look at them again in milliseconds."""
        return self.tag + "wakes"

    def concurrency(self, key: str) -> str:
        """SET of the ids of running jobs that count under a concurrency key."""
        return f"{self.tag}concurrency:{key}"

    def rate(self, key: str) -> str:
        """STRING with an expiry: when the jobs that began under a rate limit key are paid off, in microseconds."""
        return f"{self.tag}rate:{key}"

    def told(self, token: str) -> str:
        """STRING with an expiry of a minute: what a call that must not be written twice has answered."""
        return f"{self.tag}told:{token}"

    @property
    def run(self) -> str:
        """HASH: the server's `run_id` and since when this installation has seen it."""
        return self.tag + "run"

    def dedup(self, key: str) -> str:
        """STRING: the id of the job that holds a deduplication key."""
        return f"{self.tag}dedup:{key}"

    def ticket(self, digest: str) -> str:
        """STRING with an expiry of 30 seconds: who may open a websocket with the ticket of this SHA-256."""
        return f"{self.tag}ticket:{digest}"

    def result_prefix(self) -> str:
        """What the result backend's keys begin with."""
        return self.tag + "result"
