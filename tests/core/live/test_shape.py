"""Which events a subscription gets, against a straightforward model."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.gateway.live.shape import Shape
from taskcast.protocol import Filter
from taskcast.states import JobState, Priority
from tests.core.live.sample import entry

TYPES = [
    "job.scheduled",
    "job.queued",
    "job.started",
    "job.progressed",
    "job.logged",
    "job.completed",
    "job.failed",
    "job.retrying",
    "job.cancelled",
    "job.cancel_requested",
    "job.cancel_seen",
    "job.lost",
    "job.stuck",
    "job.deduplicated",
    "job.deleted",
    "worker.beat",
    "queue.paused",
]
MOVES = {
    "job.scheduled": [(None, "scheduled"), ("failed", "scheduled")],
    "job.queued": [(None, "queued"), ("scheduled", "queued"), ("running", "queued"), ("failed", "queued")],
    "job.started": [("queued", "running")],
    "job.completed": [("running", "completed")],
    "job.failed": [("running", "failed"), ("queued", "failed")],
    "job.retrying": [("running", "retrying")],
    "job.cancelled": [("running", "cancelled"), ("queued", "cancelled"), ("scheduled", "cancelled")],
}
QUEUES, TASKS, USERS = ["imports", "reports"], ["import", "report"], ["ada", "bob", None]


def some(values: list[Any]) -> st.SearchStrategy[tuple[Any, ...] | None]:
    return st.none() | st.lists(st.sampled_from(values), max_size=3).map(tuple)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    type_ = draw(st.sampled_from(TYPES))
    was, state = draw(st.sampled_from(MOVES[type_])) if type_ in MOVES else (None, None)
    of_job = type_.startswith("job.")
    return {
        "type": type_,
        "was": was,
        "state": state,
        "job": draw(st.sampled_from(["j1", "j2"])) if of_job else None,
        "task": draw(st.sampled_from(TASKS)) if of_job else None,
        "queue": draw(st.sampled_from(QUEUES)),
        "user": draw(st.sampled_from(USERS)) if of_job else None,
        "priority": draw(st.sampled_from([*Priority])),
    }


@st.composite
def filters(draw: st.DrawFn) -> Filter | None:
    if draw(st.booleans()):
        return None
    return Filter(
        status=draw(some([*JobState])),
        queue=draw(some(QUEUES)),
        type=draw(some(TASKS)),
        user_id=draw(some(["ada", "bob"])),
        priority=draw(some(["LOW", 2, "high", "CRITICAL"])),
    ).normal()


def states_at(event: dict[str, Any]) -> set[str]:
    """In which states a job may have been when this happened to it."""
    if event["state"]:
        return {event["state"], event["was"]} - {None}
    if event["type"] == "job.deleted":
        return {"completed", "failed", "cancelled"}
    if event["type"] == "job.deduplicated":
        return {"scheduled", "queued", "running", "retrying"}
    return {"running"}


def model(event: dict[str, Any], wanted: Filter | None, job: str | None, user: str | None) -> bool:
    if not event["type"].startswith("job."):
        return False
    if user is not None and event["user"] != user:
        return False
    if job is not None:
        return bool(event["job"] == job)
    if event["type"] == "job.logged":
        return False
    if wanted is None:
        return True
    return all(
        [
            wanted.status is None or bool(states_at(event) & set(map(str, wanted.status))),
            wanted.queue is None or event["queue"] in wanted.queue,
            wanted.type is None or event["task"] in wanted.type,
            wanted.user_id is None or event["user"] in wanted.user_id,
            wanted.priority is None or event["priority"].name in wanted.priority,
        ]
    )


@given(events(), filters(), st.sampled_from([None, None, "j1"]), st.sampled_from([None, None, "ada"]))
def test_a_shape_decides_like_the_model(
    event: dict[str, Any], wanted: Filter | None, job: str | None, user: str | None
) -> None:
    shape = Shape(sub="s1", job=job, filter=None if job else wanted, user=user)
    fields = {key: event[key] for key in ("was", "state", "job", "task", "queue", "user")}
    happened = entry(event["type"], 1, **fields)
    happened.priority = int(event["priority"])  # as the hub looks it up

    assert shape.wants(happened) == model(event, None if job else wanted, job, user)


def test_a_job_is_seen_leaving_the_state_that_is_watched() -> None:
    shape = Shape(sub="s1", filter=Filter(status=(JobState.RUNNING,)))

    assert shape.wants(entry("job.completed", 1))


def test_the_priority_of_an_accepted_job_is_read_from_its_event() -> None:
    shape = Shape(sub="s1", filter=Filter(priority=("CRITICAL",)))

    assert shape.wants(entry("job.queued", 1, data={"priority": 4}))
    assert not shape.wants(entry("job.queued", 1, data={"priority": 1}))
