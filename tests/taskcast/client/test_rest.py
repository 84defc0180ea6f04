"""The client against a whole gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.first_admin import ensure_first_admin
from core.recorder.recorder import Recorder
from taskcast.client import Client, GatewayError, GatewayUnavailable, Tokens
from taskcast.engine.jobs import End
from tests.core.live.conftest import As, Gateway, Work

PERSON = {"email": "admin@example.com", "password": "a password of the tests"}


async def recorded(recorder: Recorder, work: Work) -> None:
    await recorder.reached((await work.engine.server()).seq)


@pytest.fixture
async def admin(gateway: Gateway) -> None:
    await ensure_first_admin(gateway.settings)


async def test_signing_in_with_a_password_makes_and_renews_the_token(gateway: Gateway, admin: None) -> None:
    told: list[Tokens] = []
    async with Client(gateway.url, **PERSON, on_tokens=told.append) as client:
        me = await client.me()
        first = await client.credentials.access()
        renewed = await client.refresh()

    assert me["email"] == "admin@example.com"
    assert [each.access_token for each in told] == [first, renewed.access_token]


async def test_a_refused_access_token_is_replaced_once_and_the_call_repeated(gateway: Gateway, admin: None) -> None:
    async with Client(gateway.url, **PERSON) as client:
        tokens = await client.login(**PERSON)
        client.credentials._tokens = Tokens(access_token="spoilt", expires_in=600)

        assert (await client.me())["role"] == "admin"
        assert client.credentials.refresh_token != tokens.refresh_token


async def test_a_session_lives_on_its_refresh_token_and_ends_with_logout(gateway: Gateway, admin: None) -> None:
    async with Client(gateway.url) as client:
        kept = (await client.login(**PERSON, kind="session")).refresh_token
    async with Client(gateway.url, refresh_token=kept, kind="session") as client:
        assert (await client.me())["role"] == "admin"
        assert client.credentials.refresh_token == kept
        await client.logout()
    async with Client(gateway.url, refresh_token=kept, kind="session") as client:
        with pytest.raises(GatewayError) as refused:
            await client.me()

    assert refused.value.status == 401


async def test_a_wrong_password_is_an_error_with_a_code(gateway: Gateway, admin: None) -> None:
    async with Client(gateway.url) as client:
        with pytest.raises(GatewayError) as refused:
            await client.login("admin@example.com", "wrong")

    assert (refused.value.status, refused.value.code) == (401, "wrong_credentials")


async def test_sign_ins_are_throttled_by_the_address_a_trusted_program_speaks_for(
    gateway: Gateway, admin: None
) -> None:
    async with Client(gateway.url, headers={"X-Forwarded-For": "203.0.113.7"}) as client:
        codes = []
        for _ in range(6):
            with pytest.raises(GatewayError) as refused:
                await client.login("admin@example.com", "wrong")
            codes.append(refused.value.code)
    async with Client(gateway.url, headers={"X-Forwarded-For": "203.0.113.8"}) as client:
        await client.login(**PERSON)

    assert codes == ["wrong_credentials"] * 5 + ["too_many_attempts"]


async def test_an_error_names_the_fields(acting: As) -> None:
    client = await acting("operator")

    with pytest.raises(GatewayError) as refused:
        await client.jobs(status=["runing"])

    assert refused.value.status == 422
    assert [name.split(".")[0] for name in refused.value.fields] == ["status"]


async def test_a_gateway_that_is_away_is_an_error_of_its_own() -> None:
    async with Client("http://127.0.0.1:9") as client:
        with pytest.raises(GatewayUnavailable, match=r"http://127.0.0.1:9 cannot be reached"):
            await client.health()


async def test_lists_filters_and_pages(acting: As, recorder: Recorder, work: Work) -> None:
    ids = [await work.enqueue(queue=queue) for queue in ("a", "b", "b", "c")]
    await recorded(recorder, work)
    client = await acting()

    first = await client.jobs(queue=["a", "b"], limit=2)
    second = await client.jobs(queue=["a", "b"], limit=2, cursor=first.next_cursor)

    assert {row["id"] for row in first.items + second.items} == set(ids[:3])
    assert first.total == 3
    assert second.next_cursor is None


async def test_all_log_lines_are_read_page_by_page(acting: As, recorder: Recorder, work: Work) -> None:
    job = await work.running()
    await work.log(job, *(f"line {number}" for number in range(25)))
    await recorded(recorder, work)
    client = await acting()

    lines = [line["line"] async for line in client.all_logs(job, limit=10)]
    exported = b"".join([piece async for piece in client.export_logs(job, format="txt")])

    assert lines == list(range(1, 26))
    assert exported.count(b"\n") == 25


async def test_a_job_is_enqueued_cancelled_retried_and_deleted(acting: As, recorder: Recorder, work: Work) -> None:
    client = await acting("admin")

    row = await client.enqueue("report", {"month": "2026-10"}, force=True, priority="HIGH")
    await recorded(recorder, work)
    await client.cancel(row["id"], reason="a mistake")
    await recorded(recorder, work)
    await client.retry(row["id"], arguments={"month": "2026-11"})
    await recorded(recorder, work)
    again = await client.job(row["id"])
    await client.cancel(row["id"])
    await recorded(recorder, work)
    await client.delete(row["id"])
    await recorded(recorder, work)

    assert again["status"] == "queued"
    assert again["data"] == {"month": "2026-11"}
    with pytest.raises(GatewayError) as gone:
        await client.job(row["id"])
    assert gone.value.code == "job_not_found"


async def test_the_whole_is_read(acting: As, recorder: Recorder, work: Work) -> None:
    await work.running()
    await recorded(recorder, work)
    client = await acting()

    assert (await client.statistics(range_s=3600))["by_status"]["running"] == 1
    assert [row["name"] for row in await client.queues()] == ["imports"]
    assert (await client.queue("imports"))["running"] == 1
    assert [row["id"] for row in await client.workers()] == ["w1"]
    assert await client.tasks() == []


async def test_a_file_goes_up_and_down(acting: As, tmp_path: Path) -> None:
    client = await acting("operator")
    (tmp_path / "june.csv").write_bytes(b"a;b\n" * 10_000)

    by_path = await client.upload(tmp_path / "june.csv")
    by_bytes = await client.upload(b"1;2", "july.csv")
    down = b"".join([piece async for piece in client.download(by_path["id"])])

    assert (by_path["name"], by_path["size_bytes"]) == ("june.csv", 40_000)
    assert down == b"a;b\n" * 10_000
    assert await client.download_name(by_bytes["id"]) == ("july.csv", b"1;2")


async def test_a_file_that_there_is_not_is_an_error_before_the_first_piece(acting: As) -> None:
    client = await acting("operator")

    with pytest.raises(GatewayError) as refused:
        async for _ in client.download("0198c0de-0000-7000-8000-000000000000"):
            pass

    assert refused.value.status == 404


async def test_queues_and_tasks_are_paused_resumed_drained_and_cleaned(
    acting: As, recorder: Recorder, work: Work
) -> None:
    job = await work.enqueue()
    info = b'{"worker":"w1","host":"h","pid":1,"tasks":{"import":{"queue":"imports"}}}'
    await work.engine.register("w1", lease_ms=60_000, info=info)
    await recorded(recorder, work)
    client = await acting("admin")

    paused = await client.pause_queue("imports", reason="the bank is down", until="2030-01-01T00:00:00Z")
    resumed = await client.resume_queue("imports")
    task = await client.pause_task("import", reason="a bug")
    going = await client.resume_task("import")
    drained = await client.drain_queue("imports", reason="sent twice")
    await recorded(recorder, work)
    row = await client.job(job)
    cleaned = await client.clean_queue("imports", older_than_s=0, status=["cancelled"])
    rest = await client.clean_jobs(older_than_s=0)
    stuck = await client.check_stuck()

    assert (paused["queue"]["paused"]["reason"], resumed["queue"]["paused"]) == ("the bank is down", None)
    assert (task["paused"]["reason"], going["paused"]) == ("a bug", None)
    assert (drained["count"], row["status"], row["cancel_reason"]) == (1, "cancelled", "sent twice")
    assert (cleaned["count"], rest["count"]) == (1, 0)
    assert (stuck["checked"], stuck["found"]) == (0, [])


async def test_dead_letters_are_listed(acting: As, recorder: Recorder, work: Work) -> None:
    lost = await work.running()
    await work.engine.finish("w1", [_failed(lost, "worker_lost")])
    other = await work.enqueue()
    await work.begin()
    await work.engine.finish("w1", [_failed(other, "error")])
    await recorded(recorder, work)

    page = await (await acting()).jobs(final_reason=["worker_lost", "timeout"])

    assert [row["id"] for row in page.items] == [lost]


def _failed(job: str, reason: str) -> End:
    data = '{"duration_ms":5,"error":{"type":"E","message":"no"},"final_reason":"' + reason + '"}'
    return End(job=job, attempt=1, state="failed", data=data.encode())
