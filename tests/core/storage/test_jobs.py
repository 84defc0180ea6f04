from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import InvalidInput
from core.recorder.apply import apply, read_position
from core.storage.connection import connection
from core.storage.filters import JobFilter
from core.storage.jobs import _SEARCHES, job_detail, job_message, list_jobs, snapshot
from core.storage.pages import Row
from tests.core.recorder.history import History

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
async def jobs(database: str) -> AsyncIterator[list[Row]]:
    """Sixty jobs of three types, in two queues, of two people, in five states; two share each moment of creation."""
    history, chance = History(), random.Random(7)
    for number in range(60):
        job = f"0198-{number:04d}"
        created = (NOON + timedelta(seconds=number // 2)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        history.queued(job, created_at=created, priority=1 + number % 4)
        line = history.told[-1]
        head = {
            "TASK": f"TASK_{number % 3}",
            "default": ("default", "mail")[number % 2],
            "ada": ("ada", "bob")[number // 30],
        }
        if number % 5:
            history.started(job, worker=f"w{number % 2}")
        if number % 5 == 2:
            history.completed(job)
        elif number % 5 == 3:
            history.failed(job, message=chance.choice(("the mail server timed out", "no such file")))
        elif number % 5 == 4:
            history.cancelled(job)
        for at in range(history.told.index(line), len(history.told)):
            text = history.told[at].line
            for old, new in head.items():
                text = text.replace(f'"{old}"'.encode(), f'"{new}"'.encode())
            history.told[at] = type(line)(history.told[at].seq, text, job)
    await apply([history.batch()], await read_position(), None, Counter())
    rows: list[Row] = []
    cursor = None
    while True:
        page = await list_jobs(JobFilter(), limit=7, cursor=cursor)
        rows += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    yield rows


async def test_pages_hold_every_job_once_newest_first(jobs: list[Row]) -> None:
    keys = [(row["created_at"], row["id"]) for row in jobs]

    assert len(jobs) == 60
    assert keys == sorted(set(keys), reverse=True)
    assert (await list_jobs(JobFilter(), sort="created_at", limit=1)).items[0]["id"] == jobs[-1]["id"]
    assert (await list_jobs(JobFilter())).total == 60


FILTERS = [
    JobFilter(status=["failed"]),
    JobFilter(status=["failed", "running"]),
    JobFilter(type=["TASK_1"]),
    JobFilter(type=["TASK_1", "TASK_2"], status=["completed"]),
    JobFilter(queue=["mail"]),
    JobFilter(queue=["mail"], type=["TASK_0"], status=["queued", "cancelled"]),
    JobFilter(user_id=["ada"]),
    JobFilter(user_id=["ada", "bob"], status=["queued"]),
    JobFilter(priority=[4]),
    JobFilter(priority=[1, 2], type=["TASK_2"]),
    JobFilter(worker="w1"),
    JobFilter(since=NOON + timedelta(seconds=10), until=NOON + timedelta(seconds=20)),
    JobFilter(status=["failed"], since=NOON + timedelta(seconds=10)),
    JobFilter(type=["NONE"]),
    JobFilter(status=["scheduled"]),
]


def wanted(row: Row, wish: JobFilter) -> bool:
    created = datetime.fromisoformat(row["created_at"])
    return (
        (not wish.status or row["status"] in wish.status)
        and (not wish.type or row["type"] in wish.type)
        and (not wish.queue or row["queue"] in wish.queue)
        and (not wish.user_id or row["user_id"] in wish.user_id)
        and (not wish.priority or {"LOW": 1, "NORMAL": 2, "HIGH": 3, "CRITICAL": 4}[row["priority"]] in wish.priority)
        and (not wish.worker or row["worker"] == wish.worker)
        and (not wish.since or created >= wish.since)
        and (not wish.until or created < wish.until)
    )


async def test_filters_find_what_they_say_and_count_it(jobs: list[Row]) -> None:
    for wish in FILTERS:
        expected = [row["id"] for row in jobs if wanted(row, wish)]
        found: list[str] = []
        cursor = None
        while True:
            page = await list_jobs(wish, limit=4, cursor=cursor)
            found += [row["id"] for row in page.items]
            assert page.total == len(expected), wish
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == expected, wish


async def test_words_are_searched_in_names_and_errors_and_the_last_may_be_begun(jobs: list[Row]) -> None:
    async def found(q: str) -> set[str]:
        return {row["id"] for row in (await list_jobs(JobFilter(q=q), limit=200)).items}

    timed_out = {row["id"] for row in jobs if row["error"] and "timed out" in row["error"]["message"]}

    assert timed_out
    assert await found("timed out") == timed_out
    assert await found("mail serv") == timed_out
    assert await found("valueerror TIMED") == timed_out
    assert await found("imed") == set()
    assert await found("task_1") == {row["id"] for row in jobs if row["type"] == "TASK_1"}
    assert await found("0198-000") == {f"0198-{n:04d}" for n in range(10)}
    assert await found("0198-0007") == {"0198-0007"}
    assert await found("'; DROP TABLE jobs; --") == set()
    assert await found("& | ! :* ()") == set()
    assert await found("   ") == {row["id"] for row in jobs}


async def test_a_wrong_sort_or_cursor_is_refused_by_name(jobs: list[Row]) -> None:
    for cursor in ("nonsense", "MXwx", "!!!", "YXxi", "a" * 500):
        with pytest.raises(InvalidInput) as refused:
            await list_jobs(JobFilter(), cursor=cursor)
        assert "cursor" in refused.value.fields
    with pytest.raises(InvalidInput) as refused:
        await list_jobs(JobFilter(), sort="password")
    assert "-created_at" in refused.value.fields["sort"]


async def test_a_snapshot_names_the_position_it_is_true_at(jobs: list[Row]) -> None:
    items, position = await snapshot(JobFilter(status=["failed"]), 3)

    assert [row["id"] for row in items] == [row["id"] for row in jobs if row["status"] == "failed"][:3]
    assert position == await read_position()


async def test_a_total_that_takes_too_long_is_a_lower_bound(jobs: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.storage.pages.EXACT_UP_TO", 5)

    page = await list_jobs(JobFilter(user_id=["ada"]), limit=3)

    assert page.total == {"at_least": 5}


async def test_a_search_finds_the_same_however_it_is_planned(jobs: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = _SEARCHES
    found = []
    for searches in (
        (first,),
        (second,),
        (third,),
        (("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(5)", 9), second),
    ):
        monkeypatch.setattr("core.storage.jobs._SEARCHES", searches)
        found.append(
            [row["id"] for row in (await list_jobs(JobFilter(q="timed out", status=["failed"]), limit=3)).items]
        )

    assert found[0]
    assert found == [found[0]] * 4


async def test_an_unknown_job_is_none(database: str) -> None:
    assert await job_detail("nobody") is None
    assert await job_message("nobody") is None


async def test_lists_read_their_index_and_never_sort_the_table(jobs: list[Row]) -> None:
    async with connection() as lent:
        await lent.execute("SET enable_seqscan = off")
        plan = await lent.fetch(
            "EXPLAIN SELECT id FROM ((SELECT id, created_at FROM jobs WHERE type = 'TASK_1' AND status = 'failed'"
            " ORDER BY created_at DESC, id DESC LIMIT 50) UNION ALL (SELECT id, created_at FROM jobs WHERE type = 'TASK_1'"
            " AND status = 'queued' ORDER BY created_at DESC, id DESC LIMIT 50)) AS few"
            " ORDER BY created_at DESC, id DESC LIMIT 50"
        )
        await lent.execute("RESET enable_seqscan")
    text = "\n".join(row[0] for row in plan)

    assert "Merge Append" in text
    assert "Sort" not in text.replace("Sort Key", "")


async def test_dead_letters_are_found_by_why_they_were_given_up(database: str) -> None:
    history = History()
    for number, reason in enumerate(["error", "worker_lost", "timeout", "worker_lost"]):
        history.queued(f"j{number}")
        history.started(f"j{number}")
        history.failed(f"j{number}", final_reason=reason)
    await apply([history.batch()], await read_position(), None, Counter())

    lost = await list_jobs(JobFilter(final_reason=["worker_lost"]))
    dead = await list_jobs(JobFilter(final_reason=["timeout", "worker_lost"], queue=["default"]), limit=2)
    rest = await list_jobs(JobFilter(final_reason=["timeout", "worker_lost"]), limit=2, cursor=dead.next_cursor)

    assert {job["id"] for job in lost.items} == {"j1", "j3"}
    assert (lost.total, dead.total) == (2, 3)
    assert {job["id"] for job in [*dead.items, *rest.items]} == {"j1", "j2", "j3"}
