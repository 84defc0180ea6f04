"""Schedules over REST: made, shown, changed, paused, run, deleted; who may, and what is wrong with what was sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from core.storage import schedules as stored
from core.storage.models import AuditEntry, ScheduleRun
from core.timing import Timing
from taskcast.engine.engine import Engine
from tests.core.gateway.conftest import code_of

ROOT = "/job-monitor/schedules"
DAILY = {"task": "IMPORT", "title": "Daily import", "cron": "0 6 * * *", "time_zone": "Europe/Berlin", "force": True}


async def made(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post(ROOT, json=DAILY | changes)
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row


async def in_code(name: str = "nightly") -> None:
    fields = {"name": name, "title": "Nightly", "task": "IMPORT", "source": "code"}
    await stored.add(fields, Timing(kind="cron", cron="0 0 * * *"), by="code")


async def test_a_schedule_that_is_made_is_listed_with_its_next_runs(
    operator: httpx.AsyncClient, viewer: httpx.AsyncClient
) -> None:
    row = await made(operator, why="the banks are done by then")
    listed = (await viewer.get(ROOT)).json()

    assert (row["id"], row["source"], row["kind"], row["created_by"]) == (
        "daily-import",
        "stored",
        "cron",
        "token:operator",
    )
    assert len(row["next_runs"]) == 5
    assert {datetime.fromisoformat(at).astimezone(UTC).hour for at in row["next_runs"]} <= {4, 5}
    assert (listed["items"], listed["total"]) == ([row], 1)
    entry = await AuditEntry.all().order_by("-id").first()
    assert entry is not None
    assert (entry.action, entry.target, entry.outcome) == ("schedule.create", "daily-import", "done")


async def test_changed_fields_change_and_the_others_stay(operator: httpx.AsyncClient) -> None:
    await made(operator, arguments={"file": "x"})

    answer = await operator.patch(f"{ROOT}/daily-import", json={"every_s": 900, "policy": "skip", "force": True})

    row = answer.json()
    assert (row["kind"], row["every_s"], row["cron"], row["policy"]) == ("interval", 900, None, "skip")
    assert (row["title"], row["arguments"]) == ("Daily import", {"file": "x"})


async def test_a_paused_schedule_says_who_and_why_and_has_no_next_run_until_it_goes_on(
    operator: httpx.AsyncClient,
) -> None:
    await made(operator)

    paused = (await operator.patch(f"{ROOT}/daily-import", json={"paused": {"reason": "holidays"}})).json()
    resumed = (await operator.patch(f"{ROOT}/daily-import", json={"paused": None})).json()

    assert (paused["paused"]["by"], paused["paused"]["reason"], paused["next_runs"]) == (
        "token:operator",
        "holidays",
        [],
    )
    assert (resumed["paused"], len(resumed["next_runs"])) == (None, 5)


async def test_a_pause_with_an_end_shows_the_runs_after_it(operator: httpx.AsyncClient) -> None:
    await made(operator)
    until = datetime.now(UTC) + timedelta(days=10)

    paused = (await operator.patch(f"{ROOT}/daily-import", json={"paused": {"until": until.isoformat()}})).json()

    assert datetime.fromisoformat(paused["next_runs"][0]) > until


async def test_run_now_makes_a_job_and_is_among_the_last_runs(operator: httpx.AsyncClient, engine: Engine) -> None:
    await made(operator)
    await operator.patch(f"{ROOT}/daily-import", json={"paused": {}})

    answer = await operator.post(f"{ROOT}/daily-import/run")

    assert answer.status_code == 202, answer.text
    job = answer.json()["job"]
    assert list((await engine.known([job])).values()) == ["record"]
    row = (await operator.get(f"{ROOT}/daily-import")).json()
    assert (row["last_run"]["by"], row["last_run"]["state"]) == ("token:operator", "sent")
    assert await ScheduleRun.filter(job_id=job).count() == 1


async def test_a_deleted_schedule_is_gone(operator: httpx.AsyncClient) -> None:
    await made(operator)

    assert (await operator.delete(f"{ROOT}/daily-import")).status_code == 204
    assert code_of(await operator.get(f"{ROOT}/daily-import"), 404) == "not_found"
    assert code_of(await operator.delete(f"{ROOT}/daily-import"), 404) == "not_found"


async def test_one_of_the_code_is_paused_and_run_but_not_changed_or_deleted(operator: httpx.AsyncClient) -> None:
    await in_code()

    assert code_of(await operator.patch(f"{ROOT}/nightly", json={"title": "x"}), 409) == "schedule_in_code"
    assert code_of(await operator.delete(f"{ROOT}/nightly"), 409) == "schedule_in_code"
    assert (await operator.patch(f"{ROOT}/nightly", json={"paused": {}})).status_code == 200


async def test_what_is_in_the_code_says_that_the_code_wins_at_the_next_deploy(operator: httpx.AsyncClient) -> None:
    await in_code()

    told = (await operator.patch(f"{ROOT}/nightly", json={"cron": "5 5 * * *"})).json()["detail"]

    assert "in the code, which wins at the next deploy; change schedules/table.py" in told
    assert (await operator.get(f"{ROOT}/nightly")).json()["cron"] == "0 0 * * *"


async def test_a_schedule_made_again_under_an_id_has_no_part_in_what_was_before(operator: httpx.AsyncClient) -> None:
    await made(operator)
    await operator.post(f"{ROOT}/daily-import/run")
    await operator.delete(f"{ROOT}/daily-import")

    row = await made(operator)

    assert (row["recent"], row["missed"]) == ([], 0)


async def test_a_one_off_that_is_over_can_be_given_another_title(operator: httpx.AsyncClient) -> None:
    over = datetime.now(UTC) - timedelta(days=1)
    fields = {"name": "once", "title": "Once", "task": "IMPORT", "source": "stored"}
    await stored.add(fields, Timing(kind="once", at=over), by="a test")

    answer = await operator.patch(f"{ROOT}/once", json={"title": "Done", "force": True})

    assert answer.status_code == 200, answer.text
    assert (answer.json()["title"], answer.json()["next_runs"]) == ("Done", [])


async def test_two_runs_by_hand_in_one_moment_are_two_jobs(operator: httpx.AsyncClient) -> None:
    await made(operator)

    answers = await asyncio.gather(*(operator.post(f"{ROOT}/daily-import/run") for _ in range(2)))

    jobs = {answer.json()["job"] for answer in answers}
    assert len(jobs) == 2
    assert {run["job"] for run in (await operator.get(f"{ROOT}/daily-import")).json()["recent"]} == jobs


async def test_everything_that_is_done_to_a_schedule_is_in_the_audit_log(
    operator: httpx.AsyncClient, viewer: httpx.AsyncClient
) -> None:
    await made(operator)
    for changes in ({"title": "Other", "force": True}, {"paused": {"reason": "holidays"}}, {"paused": None}):
        await operator.patch(f"{ROOT}/daily-import", json=changes)
    await operator.post(f"{ROOT}/daily-import/run")
    await viewer.delete(f"{ROOT}/daily-import")
    await operator.delete(f"{ROOT}/daily-import")

    entries = await AuditEntry.filter(action__startswith="schedule.").order_by("id")
    assert [(entry.action.removeprefix("schedule."), entry.outcome) for entry in entries] == [
        ("create", "done"),
        ("change", "done"),
        ("pause", "done"),
        ("resume", "done"),
        ("run", "done"),
        ("delete", "refused"),
        ("delete", "done"),
    ]


async def test_an_id_that_is_taken_is_a_conflict(operator: httpx.AsyncClient) -> None:
    await made(operator)

    assert code_of(await operator.post(ROOT, json=DAILY), 409) == "schedule_exists"


async def test_the_preview_says_when_it_would_run(viewer: httpx.AsyncClient) -> None:
    answer = await viewer.post(f"{ROOT}/preview", json={"cron": "0 0 1 1 *"})

    runs = answer.json()["next_runs"]
    assert [at[4:] for at in runs] == ["-01-01T00:00:00.000Z"] * 5


async def test_who_may_only_look_changes_nothing(viewer: httpx.AsyncClient, ada: httpx.AsyncClient) -> None:
    await in_code()

    assert code_of(await viewer.post(ROOT, json=DAILY), 403) == "forbidden"
    assert code_of(await viewer.patch(f"{ROOT}/nightly", json={"paused": {}}), 403) == "forbidden"
    assert code_of(await viewer.post(f"{ROOT}/nightly/run"), 403) == "forbidden"
    assert code_of(await ada.get(ROOT), 403) == "forbidden"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"cron": "99 * * * *"}, "cron"),
    ({"cron": "0 0 * * * *"}, "cron"),
    ({"cron": None}, "cron"),
    ({"every_s": 60}, "cron"),
    ({"cron": None, "every_s": 1}, "every_s"),
    ({"cron": None, "at": "2020-01-01T00:00:00Z"}, "at"),
    ({"cron": None, "at": "soon"}, "at"),
    ({"time_zone": "Europe/Atlantis"}, "time_zone"),
    ({"id": "Not Good"}, "id"),
    ({"queue": "not good!"}, "queue"),
    ({"queue": "q" * 65}, "queue"),
    ({"policy": "twice"}, "policy"),
    ({"task": "NOBODY", "force": False}, "type"),
    ({"task": "IMPORT", "arguments": {"file": 7}, "force": False}, "data.file"),
]
WRONG_CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"time_zone": None}, "time_zone"),
    ({"task": None}, "task"),
    ({"title": None}, "title"),
    ({"cron": None}, "cron"),
    ({"queue": "not good!"}, "queue"),
    ({"paused": {"until": "2020-01-01T00:00:00Z"}}, "paused"),
    ({"time_zone": "Europe/Atlantis"}, "time_zone"),
]


async def test_what_is_wrong_is_refused_with_its_field(operator: httpx.AsyncClient, announced: str) -> None:
    for changes, field in WRONG:
        body = {key: value for key, value in (DAILY | changes).items() if value is not None}
        answer = await operator.post(ROOT, json=body)

        assert answer.status_code == 422, (changes, answer.text)
        assert field in answer.json()["fields"], answer.json()
    assert await stored.list_schedules() == []


async def test_a_change_that_is_wrong_is_refused_with_its_field_and_changes_nothing(
    operator: httpx.AsyncClient,
) -> None:
    before = await made(operator)

    for changes, field in WRONG_CHANGES:
        answer = await operator.patch(f"{ROOT}/daily-import", json=changes | {"force": True})

        assert answer.status_code == 422, (changes, answer.text)
        assert any(name.startswith(field) for name in answer.json()["fields"]), answer.json()
    assert (await operator.get(f"{ROOT}/daily-import")).json() == before


async def test_arguments_too_large_for_a_message_are_refused_when_they_are_given(operator: httpx.AsyncClient) -> None:
    answer = await operator.post(ROOT, json=DAILY | {"arguments": {"text": "x" * 1_100_000}})

    assert code_of(answer, 413) == "message_too_large"
