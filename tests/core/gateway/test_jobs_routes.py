from __future__ import annotations

from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from core.gateway.services import Services
from core.secrets import MessageCipher
from core.storage.models import AuditEntry, Job, JobAttempt, JobCount, JobLog
from core.storage.pages import make_cursor
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import End
from taskcast.names import Names
from tests.conftest import SECRET
from tests.core.gateway.conftest import add_job, add_lines, code_of, take_one
from tests.core.gateway.messages import message_of

JOBS = "/job-monitor/jobs"
UNKNOWN = f"{JOBS}/0198aaaa-0000-7000-8000-000000000000"


async def enqueue(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post(JOBS, json={"type": "IMPORT", "data": {"file": "june.csv"}} | more)
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


# List


async def test_list_filters_and_pages(viewer: httpx.AsyncClient) -> None:
    for number in range(5):
        await add_job(status="failed" if number % 2 else "completed", type=f"T{number}")

    failed = (await viewer.get(JOBS, params={"status": "failed"})).json()
    first = (await viewer.get(JOBS, params={"limit": 3})).json()
    rest = (await viewer.get(JOBS, params={"limit": 3, "cursor": first["next_cursor"]})).json()

    assert {job["type"] for job in failed["items"]} == {"T1", "T3"}
    assert len(first["items"]) == 3
    assert len(rest["items"]) == 2
    assert rest["next_cursor"] is None
    assert first["total"] == 5


async def test_list_takes_several_values_of_one_key(viewer: httpx.AsyncClient) -> None:
    for status in ("completed", "failed", "cancelled"):
        await add_job(status=status)

    repeated = await viewer.get(JOBS, params=[("status", "failed"), ("status", "cancelled")])
    joined = await viewer.get(JOBS, params={"status": "failed,cancelled"})

    assert len(repeated.json()["items"]) == len(joined.json()["items"]) == 2


async def test_user_lists_only_their_own_jobs(ada: httpx.AsyncClient) -> None:
    own = await add_job(user_id="ada")
    await add_job(user_id="bob")
    await add_job()

    page = (await ada.get(JOBS)).json()

    assert [job["id"] for job in page["items"]] == [own.id]
    assert code_of(await ada.get(JOBS, params={"user_id": "bob"}), 403) == "forbidden"


async def test_list_of_dead_letters(viewer: httpx.AsyncClient) -> None:
    for reason in ("error", "worker_lost", "unreadable"):
        await add_job(status="failed", final_reason=reason)

    page = (await viewer.get(JOBS, params={"final_reason": "worker_lost,unreadable"})).json()

    assert {job["final_reason"] for job in page["items"]} == {"worker_lost", "unreadable"}


WRONG_FILTERS = [
    ({"final_reason": "bad luck"}, "final_reason.0"),
    ({"status": "done"}, "status.0"),
    ({"priority": "URGENT"}, "priority.0"),
    ({"limit": "0"}, "limit"),
    ({"limit": "many"}, "limit"),
    ({"from": "yesterday"}, "from"),
    ({"from": "0001-01-01T00:00:00+23:59"}, "from"),
    ({"to": "9999-12-31T23:59:59-23:59"}, "to"),
    ({"state": "failed"}, "state"),
    ({"cursor": "nonsense"}, "cursor"),
    ({"cursor": make_cursor("0001-01-01T00:00:00+23:59", "x")}, "cursor"),
    ({"sort": "password"}, "sort"),
    ({"q": "x" * 501}, "q"),
]


async def test_wrong_filter_names_the_field(viewer: httpx.AsyncClient) -> None:
    for params, field in WRONG_FILTERS:
        answer = await viewer.get(JOBS, params=params)

        assert code_of(answer, 422) == "invalid_input"
        assert field in answer.json()["fields"]


async def test_parameter_given_twice_is_refused(viewer: httpx.AsyncClient) -> None:
    answer = await viewer.get(JOBS, params=[("limit", "1"), ("limit", "2")])

    assert "more than once" in answer.json()["fields"]["limit"]


GUARDED = [JOBS, UNKNOWN, f"{UNKNOWN}/logs", "/job-monitor/statistics", "/auth/me"]


async def test_nobody_sees_nothing(anybody: httpx.AsyncClient) -> None:
    for path in GUARDED:
        assert code_of(await anybody.get(path), 401) == "unauthenticated"
        assert code_of(await anybody.get(path, headers={"Authorization": "Bearer x"}), 401) == "invalid_token"
        assert code_of(await anybody.get(path, headers={"Authorization": "Basic eA=="}), 401) == "invalid_token"


# One


async def test_detail_has_all_that_is_known(operator: httpx.AsyncClient) -> None:
    job = await add_job(result={"imported": 3}, status="completed")

    shown = (await operator.get(f"{JOBS}/{job.id}")).json()

    assert shown["data"] == {"file": "june.csv"}
    assert shown["result"] == {"imported": 3}
    assert [attempt["attempt"] for attempt in shown["attempts"]] == [1]
    assert shown["may"] == {"retry": True, "cancel": False, "delete": False}
    assert (await operator.get(f"{JOBS}/{job.id}/result")).json() == {"imported": 3}


async def test_anothers_job_is_not_told_to_exist(ada: httpx.AsyncClient) -> None:
    job = await add_job(user_id="bob")

    for path in (f"{JOBS}/{job.id}", f"{JOBS}/{job.id}/result", f"{JOBS}/{job.id}/logs", UNKNOWN):
        assert code_of(await ada.get(path), 404) == "job_not_found"
    assert code_of(await ada.post(f"{JOBS}/{job.id}/cancel", json={}), 404) == "job_not_found"


ODD_IDS = ["x" * 500, "..", "%00", "a b", "'; DROP TABLE jobs; --", "%ff", "%F0%9F%98%80"]


async def test_odd_job_id_is_not_found(viewer: httpx.AsyncClient) -> None:
    for job_id in ODD_IDS:
        answer = await viewer.get(f"{JOBS}/{job_id}")

        assert answer.status_code in {404, 422}


async def test_job_without_result_says_so(viewer: httpx.AsyncClient) -> None:
    job = await add_job(status="running")

    assert code_of(await viewer.get(f"{JOBS}/{job.id}/result"), 409) == "not_completed"


async def test_job_that_ended_before_it_was_recorded_waits_for_the_recorder(
    operator: httpx.AsyncClient, announced: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await enqueue(operator)
    await engine.cancel(job["id"])

    answer = await operator.get(f"{JOBS}/{job['id']}")

    assert code_of(answer, 503) == "not_recorded_yet"
    assert answer.headers["retry-after"]
    assert code_of(await operator.post(f"{JOBS}/{job['id']}/cancel", json={}), 409) == "already_final"


async def test_the_attempt_of_a_job_that_has_just_begun_is_told_before_it_is_recorded(
    operator: httpx.AsyncClient, announced: str, engine: Engine
) -> None:
    job = await enqueue(operator)
    await take_one(engine)

    shown = (await operator.get(f"{JOBS}/{job['id']}")).json()

    [attempt] = shown["attempts"]
    assert (attempt["attempt"], attempt["state"], attempt["worker"]) == (1, "running", "w1")
    assert attempt["started_at"] == shown["started_at"]
    assert attempt["waited_ms"] == shown["waited_ms"] >= 0


async def test_state_is_the_engines_while_the_recorder_is_behind(
    operator: httpx.AsyncClient, announced: str, engine: Engine
) -> None:
    job = await enqueue(operator)
    await add_job(id=job["id"], status="queued", attempts=0, seq=job["seq"])
    await take_one(engine)

    shown = (await operator.get(f"{JOBS}/{job['id']}")).json()

    assert (shown["status"], shown["attempt"], shown["worker"]) == ("running", 1, "w1")


async def test_an_attempt_that_is_taken_again_is_told_as_running(
    operator: httpx.AsyncClient, announced: str, engine: Engine
) -> None:
    job = await enqueue(operator)
    await add_job(id=job["id"], status="queued", attempts=0, seq=job["seq"])
    await JobAttempt.filter(job_id=job["id"]).update(state="queued", worker="w0", reason="released")
    await take_one(engine)

    shown = (await operator.get(f"{JOBS}/{job['id']}")).json()

    assert [(each["attempt"], each["state"], each["worker"]) for each in shown["attempts"]] == [(1, "running", "w1")]


# Enqueue


async def test_enqueue_takes_the_options_of_the_task(
    operator: httpx.AsyncClient, announced: str, engine: Engine
) -> None:
    job = await enqueue(operator)

    assert (job["status"], job["queue"], job["priority"], job["max_attempts"]) == ("queued", "imports", "HIGH", 3)
    assert job["data"] == {"file": "june.csv"}
    assert job["may"]["cancel"] is True
    taken, attempt = await take_one(engine)
    assert (taken, attempt) == (job["id"], 1)


async def test_enqueued_options_win_over_the_tasks(operator: httpx.AsyncClient, announced: str) -> None:
    job = await enqueue(
        operator,
        queue="other",
        priority="low",
        max_attempts=1,
        timeout_s=5,
        delay_s=3600,
        user_id="ada",
        metadata={"month": "2026-10"},
        dedup_key="june",
    )

    assert (job["status"], job["queue"], job["priority"]) == ("scheduled", "other", "LOW")
    assert (job["max_attempts"], job["timeout_s"], job["user_id"]) == (1, 5.0, "ada")
    assert (job["metadata"], job["deduplication_key"]) == ({"month": "2026-10"}, "june")
    assert job["run_at"] is not None


async def test_duplicate_answers_the_job_that_stands(operator: httpx.AsyncClient, announced: str) -> None:
    first = await enqueue(operator, dedup_key="june")

    answer = await operator.post(JOBS, json={"type": "IMPORT", "data": {"file": "june.csv"}, "dedup_key": "june"})

    assert answer.status_code == 200
    assert answer.json()["id"] == first["id"]


async def test_unknown_task_is_refused_with_the_known_ones_unless_forced(
    operator: httpx.AsyncClient, announced: str
) -> None:
    refused = await operator.post(JOBS, json={"type": "INPORT", "data": {}})
    forced = await operator.post(JOBS, json={"type": "INPORT", "data": {}, "force": True})

    assert code_of(refused, 422) == "unknown_task"
    assert "IMPORT" in refused.json()["fields"]["type"]
    assert forced.status_code == 201


WRONG_ORDERS = [
    ({"data": {"file": "x"}}, "type"),
    ({"type": "IMPORT", "data": {}}, "data.file"),
    ({"type": "IMPORT", "data": {"file": "x", "rows": 0}}, "data.rows"),
    ({"type": "IMPORT", "data": {"file": "x", "fil": 1}}, "data.fil"),
    ({"type": "IMPORT", "data": []}, "data"),
    ({"type": "IMPORT", "data": {"file": "x"}, "priority": 9}, "priority"),
    ({"type": "IMPORT", "data": {"file": "x"}, "queue": "a b"}, "queue"),
    ({"type": "IMPORT", "data": {"file": "x"}, "delay_s": -1}, "delay_s"),
    ({"type": "IMPORT", "data": {"file": "x"}, "run_at": "soon"}, "run_at"),
    ({"type": "IMPORT", "data": {"file": "x"}, "run_at": "9000-01-01"}, "run_at"),
    ({"type": "IMPORT", "data": {"file": "x"}, "run_at": "0001-01-01T00:00:00Z"}, "run_at"),
    ({"type": "IMPORT", "data": {"file": "x"}, "max_attempts": 0}, "max_attempts"),
    ({"type": "IMPORT", "data": {"file": "x"}, "dedup": "june"}, "dedup"),
    ({"type": "IMPORT", "data": {"file": "a\u0000b"}}, "data"),
    ({"type": "IMPORT", "data": {"file": "x"}, "metadata": 5}, "metadata"),
    ({"type": "IMPORT", "data": {"file": "x"}, "metadata": {"long": "x" * 20_000}}, "metadata"),
]


async def test_wrong_text_says_how_long_it_may_be(operator: httpx.AsyncClient) -> None:
    answer = await operator.post(JOBS, json={"type": "", "user_id": "u" * 256, "priority": "URGENT"})

    assert answer.json()["fields"] == {
        "type": "must have 1 characters or more",
        "user_id": "must have 255 characters at most",
        "priority": "must be one of LOW, NORMAL, HIGH, CRITICAL or 1 to 4, not 'URGENT'",
    }


async def test_wrong_order_names_the_field(operator: httpx.AsyncClient, announced: str) -> None:
    for body, field in WRONG_ORDERS:
        answer = await operator.post(JOBS, json=body)

        assert code_of(answer, 422) == "invalid_input"
        assert field in answer.json()["fields"]


NO_ORDERS = [
    (b"{", "application/json", 422, "invalid_input"),
    (b"[1]", "application/json", 422, "invalid_input"),
    (b'{"type": NaN}', "application/json", 422, "invalid_input"),
    (b'{"type": "IMPORT", "data": {"file": "x", "n": Infinity}}', "application/json", 422, "invalid_input"),
    (b"\xff\xfe", "application/json", 422, "invalid_input"),
    (b"[" * 100_000, "application/json", 422, "invalid_input"),
    (b"type=IMPORT", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    (b"", "application/json", 422, "invalid_input"),
]


async def test_body_that_is_no_order_is_refused(operator: httpx.AsyncClient) -> None:
    for content, kind, status, code in NO_ORDERS:
        answer = await operator.post(JOBS, content=content, headers={"Content-Type": kind})

        assert code_of(answer, status) == code


async def test_charset_of_json_is_allowed(operator: httpx.AsyncClient, announced: str) -> None:
    answer = await operator.post(
        JOBS,
        content=b'{"type": "IMPORT", "data": {"file": "x"}}',
        headers={"Content-Type": "application/json; charset=utf-8"},
    )

    assert answer.status_code == 201


async def test_enormous_orders_are_refused(operator: httpx.AsyncClient, announced: str) -> None:
    message = await operator.post(JOBS, json={"type": "IMPORT", "data": {"file": "x" * (1024 * 1024 + 1)}})
    body = await operator.post(JOBS, json={"type": "IMPORT", "data": {"file": "x" * (3 * 1024 * 1024)}})

    assert code_of(message, 413) == "message_too_large"
    assert code_of(body, 413) == "body_too_large"


async def test_secrets_are_hidden_in_the_row_and_not_in_the_message(
    operator: httpx.AsyncClient, redis: Redis, names: Names
) -> None:
    job = await enqueue(operator, type="ANY", data={"password": "hunter22"}, force=True)

    assert job["data"] == {"password": "***"}
    assert b"hunter22" in b"".join((await redis.hgetall(names.job(job["id"]))).values())


@pytest.mark.parametrize("role", ["user", "viewer"])
async def test_enqueue_and_retry_need_an_operator(acting: Any, announced: str, role: str) -> None:
    client = await acting(role, "ada")
    job = await add_job(user_id="ada")

    enqueued = await client.post(JOBS, json={"type": "IMPORT", "data": {"file": "x"}})
    retried = await client.post(f"{JOBS}/{job.id}/retry", json={"after_attempt": 1})

    assert code_of(enqueued, 403) == code_of(retried, 403) == "forbidden"
    assert "operator" in enqueued.json()["detail"]
    refusals = await AuditEntry.filter(outcome="refused").order_by("id")
    assert [(entry.action, entry.role) for entry in refusals] == [("job.enqueue", role), ("job.retry", role)]


# Cancel


async def test_cancel_of_a_waiting_job_is_at_once(operator: httpx.AsyncClient, announced: str) -> None:
    job = await enqueue(operator)

    answer = await operator.post(f"{JOBS}/{job['id']}/cancel", json={"reason": "not needed"})

    assert answer.status_code == 202
    assert answer.json()["status"] == "cancelled"
    entry = await AuditEntry.get(action="job.cancel")
    assert (entry.outcome, entry.target, entry.actor) == ("done", job["id"], "token:operator")


async def test_cancel_of_a_running_job_is_a_request(
    operator: httpx.AsyncClient, announced: str, engine: Engine
) -> None:
    job = await enqueue(operator)
    await take_one(engine)

    answer = await operator.post(f"{JOBS}/{job['id']}/cancel", json={})

    assert answer.status_code == 202
    live = await engine.job(job["id"])
    assert live is not None
    assert live.cancel is not None
    assert live.cancel.by == "token:operator"


async def test_cancel_of_an_ended_job_is_a_conflict(operator: httpx.AsyncClient) -> None:
    job = await add_job(status="completed")

    assert code_of(await operator.post(f"{JOBS}/{job.id}/cancel", json={}), 409) == "already_final"
    assert code_of(await operator.post(f"{UNKNOWN}/cancel", json={}), 404) == "job_not_found"


async def test_cancel_of_a_forgotten_job_says_so(operator: httpx.AsyncClient) -> None:
    job = await add_job(status="queued")

    assert code_of(await operator.post(f"{JOBS}/{job.id}/cancel", json={}), 409) == "forgotten"


async def test_user_cancels_their_own_job(operator: httpx.AsyncClient, ada: httpx.AsyncClient, announced: str) -> None:
    own = await enqueue(operator, user_id="ada")
    other = await enqueue(operator, user_id="bob")

    cancelled = await ada.post(f"{JOBS}/{own['id']}/cancel", json={})
    deleted = await ada.delete(f"{JOBS}/{other['id']}", params={"expect": "active"})

    assert cancelled.status_code == 202
    assert code_of(deleted, 404) == "job_not_found"


async def test_viewer_does_not_cancel_anothers_job(
    operator: httpx.AsyncClient, viewer: httpx.AsyncClient, announced: str
) -> None:
    job = await enqueue(operator)

    assert code_of(await viewer.post(f"{JOBS}/{job['id']}/cancel", json={}), 403) == "forbidden"


# Retry


async def ended(operator: httpx.AsyncClient, engine: Engine, **more: Any) -> dict[str, Any]:
    """Let a job fail, and write the row that the recorder would have written."""
    job = await enqueue(operator, **more)
    job_id, attempt = await take_one(engine)
    data = b'{"error":{"type":"ValueError","message":"no"},"final_reason":"error","duration_ms":5}'
    await engine.finish("w1", [End(job=job_id, attempt=attempt, state="failed", data=data)])
    live = await engine.job(job_id)
    assert live is not None
    assert live.tombstone is not None
    await add_job(
        id=job_id,
        status="failed",
        attempts=1,
        errors=1,
        seq=live.tombstone.seq,
        max_attempts=3,
        priority=3,
        message=MessageCipher(SECRET).encrypt(job_id, message_of(job_id, args=["june.csv"], kwargs={"rows": 5})),
    )
    return job


async def test_retry_runs_the_kept_message_again(
    operator: httpx.AsyncClient, announced: str, engine: Engine, redis: Redis, names: Names
) -> None:
    job = await ended(operator, engine)

    answer = await operator.post(
        f"{JOBS}/{job['id']}/retry", json={"after_attempt": 1, "arguments": {"file": "may.csv"}}
    )

    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "queued"
    assert answer.json()["attempt"] == 1
    await engine.register("w2", lease_ms=15000, info=b'{"worker":"w2","host":"h","pid":1}')
    taken = (await engine.take("w2", 1, number=1, known=0, started=b'{"worker":"w2","host":"h","pid":1}')).jobs[0]
    assert (taken.job, taken.attempt) == (job["id"], 2)
    assert b'"args":["may.csv"],"kwargs":{"rows":5}' in taken.message


async def test_second_click_on_retry_is_a_conflict(operator: httpx.AsyncClient, announced: str, engine: Engine) -> None:
    job = await ended(operator, engine)
    url = f"{JOBS}/{job['id']}/retry"

    first = await operator.post(url, json={"after_attempt": 1})
    second = await operator.post(url, json={"after_attempt": 1})

    assert first.status_code == 202
    assert code_of(second, 409) == "unfinished"


async def test_retry_after_another_attempt_is_a_conflict(
    operator: httpx.AsyncClient, announced: str, engine: Engine
) -> None:
    job = await ended(operator, engine)

    answer = await operator.post(f"{JOBS}/{job['id']}/retry", json={"after_attempt": 7})

    assert code_of(answer, 409) == "changed"


async def test_retry_is_refused_while_another_holds_its_key(
    operator: httpx.AsyncClient, announced: str, engine: Engine
) -> None:
    job = await ended(operator, engine, dedup_key="june")
    await Job.filter(id=job["id"]).update(deduplication_key="june")
    await enqueue(operator, dedup_key="june")

    answer = await operator.post(f"{JOBS}/{job['id']}/retry", json={"after_attempt": 1})

    assert code_of(answer, 409) == "duplicate"


async def test_retry_checks_changed_arguments(operator: httpx.AsyncClient, announced: str, engine: Engine) -> None:
    job = await ended(operator, engine)

    answer = await operator.post(f"{JOBS}/{job['id']}/retry", json={"after_attempt": 1, "arguments": {"rows": "many"}})

    assert code_of(answer, 422) == "invalid_input"
    assert "arguments.rows" in answer.json()["fields"]


async def test_retry_without_a_kept_message_says_so(operator: httpx.AsyncClient) -> None:
    job = await add_job(status="failed", attempts=1)

    answer = await operator.post(f"{JOBS}/{job.id}/retry", json={"after_attempt": 1})

    assert code_of(answer, 409) == "message_gone"


async def test_retry_of_a_message_of_another_secret_says_so(operator: httpx.AsyncClient) -> None:
    sealed = MessageCipher("another secret, long enough for everyone").encrypt("j", b"{}")
    job = await add_job(status="failed", attempts=1, message=sealed)

    answer = await operator.post(f"{JOBS}/{job.id}/retry", json={"after_attempt": 1})

    assert code_of(answer, 409) == "message_unreadable"


WRONG_RETRIES = [
    {},
    {"after_attempt": -1},
    {"after_attempt": 10**30},
    {"after_attempt": "x"},
    {"after_attempt": 1, "x": 2},
]


async def test_wrong_retry_is_refused(operator: httpx.AsyncClient) -> None:
    for body in WRONG_RETRIES:
        assert code_of(await operator.post(f"{UNKNOWN}/retry", json=body), 422) == "invalid_input"


async def test_retry_of_nothing_is_not_found(operator: httpx.AsyncClient) -> None:
    assert code_of(await operator.post(f"{UNKNOWN}/retry", json={"after_attempt": 1}), 404) == "job_not_found"


# Delete


async def test_admin_deletes_an_ended_job_with_all_that_hangs_on_it(
    admin: httpx.AsyncClient, services: Services, redis: Redis, names: Names
) -> None:
    job, stays = await add_job(), await add_job()
    await add_lines(job.id, "one", "two")

    answer = await admin.delete(f"{JOBS}/{job.id}", params={"expect": "final"})

    assert answer.status_code == 204
    assert await Job.all().values_list("id", flat=True) == [stays.id]
    assert await JobLog.all().count() == 0
    assert await JobAttempt.filter(job_id=job.id).count() == 0
    assert (await JobCount.get(type="IMPORT", queue_name="imports", status="completed")).count == 1
    entries = await redis.xrange(names.events)
    assert b"job.deleted" in b"".join(entries[-1][1].values())


async def test_delete_of_what_has_not_ended_is_a_conflict(
    admin: httpx.AsyncClient, operator: httpx.AsyncClient, announced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await enqueue(operator)

    assert code_of(await admin.delete(f"{JOBS}/{job['id']}", params={"expect": "final"}), 409) == "not_final"
    assert (await admin.delete(f"{JOBS}/{job['id']}", params={"expect": "active"})).status_code == 202
    assert code_of(await admin.delete(f"{JOBS}/{job['id']}", params={"expect": "active"}), 409) == "already_final"


async def test_delete_needs_an_admin_and_an_expectation(operator: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    job = await add_job()

    assert code_of(await operator.delete(f"{JOBS}/{job.id}", params={"expect": "final"}), 403) == "forbidden"
    assert "expect" in (await admin.delete(f"{JOBS}/{job.id}")).json()["fields"]
    assert code_of(await admin.delete(UNKNOWN, params={"expect": "final"}), 404) == "job_not_found"
