from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from taskiq import Context, SimpleRetryMiddleware, SmartRetryMiddleware, TaskiqDepends
from taskiq.exceptions import SendTaskError
from taskiq.formatters.json_formatter import JSONFormatter
from taskiq.kicker import AsyncKicker
from taskiq.receiver import Receiver

from taskcast import JobBroker, JobContext, JobReceiver, Priority
from taskcast.announcement import TASKS_BYTES, Announcement, tasks_of
from taskcast.errors import ConfigurationError, MessageTooLarge
from taskcast.events import JobRow
from taskcast.values import encode
from tests.taskcast.conftest import Workshop


class Invoice(BaseModel):
    number: int


@dataclasses.dataclass
class Point:
    x: int


async def row_of(shop: Workshop, job: str) -> JobRow:
    row: JobRow = (await shop.events(job))[0].data
    return row


async def test_enqueue_uses_the_task_s_options_and_its_own(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(task_name="import", queue="imports", max_attempts=3, timeout_s=300)
    async def task(file: str, rows: int = 0) -> None: ...

    job = await broker.enqueue(task, "june.csv", kwargs={"rows": 5}, priority="HIGH", user_id="ada", metadata={"a": 1})

    (event,) = await shop.events(job.id)
    assert (job.outcome, event.task, event.queue, event.user, event.state) == ("accepted", "import", "imports", "ada", "queued")  # fmt: skip
    row = event.data
    assert (row.priority, row.max_attempts, row.timeout_s, row.metadata) == (Priority.HIGH, 3, 300, {"a": 1})
    assert row.data == {"file": "june.csv", "rows": 5}


async def test_job_has_its_task_s_limits(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(task_name="sync", rate_limit="10/m", concurrency=2, concurrency_key="{tenant}:{region}:{number}")
    async def task(tenant: str, number: int, region: str = "eu") -> None: ...

    first = await broker.enqueue(task, "acme", 7)
    second = await broker.enqueue(task, kwargs={"tenant": "acme", "number": 8, "region": "us"}, rate_limit_key="api")

    assert (await row_of(shop, first.id)).limits == {
        "concurrency": {"key": "acme:eu:7", "limit": 2},
        "rate": {"key": "sync", "count": 10, "period_ms": 60_000},
    }
    row = await row_of(shop, second.id)
    assert row.limits == {
        "concurrency": {"key": "acme:us:8", "limit": 2},
        "rate": {"key": "api", "count": 10, "period_ms": 60_000},
    }
    assert row.rate_limit_key == "api"


async def test_limit_without_a_key_counts_by_the_task_s_name(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(task_name="sync", concurrency=1)
    async def task(tenant: str) -> None: ...

    job = await broker.enqueue(task, "acme")

    assert (await row_of(shop, job.id)).limits == {"concurrency": {"key": "sync", "limit": 1}}


async def test_missing_argument_of_the_key_is_named_to_the_sender(broker: JobBroker) -> None:
    @broker.task(task_name="sync", concurrency=1, concurrency_key="tenant:{tenant}")
    async def task(**tenant: str) -> None: ...

    with pytest.raises(ValueError, match="needs the argument 'tenant'"):
        await broker.enqueue(task)
    with pytest.raises(SendTaskError) as raised:
        await task.kiq()
    assert "needs the argument 'tenant'" in str(raised.value.__cause__)


async def test_secrets_are_masked_in_the_row_and_kept_in_the_message(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(task_name="sync")
    async def task(account: dict[str, str]) -> None: ...

    job = await broker.enqueue(task, {"user": "ada", "password": "hunter22"}, metadata={"token": "abc"})

    row = await row_of(shop, job.id)
    assert row.data == {"account": {"user": "ada", "password": "***"}}
    assert row.metadata == {"token": "***"}
    assert b"hunter22" in await broker.engine.redis.hget(broker.names.job(job.id), "b")  # type: ignore[misc]


async def test_large_arguments_are_cut_in_the_row(shop: Workshop, broker: JobBroker) -> None:
    job = await broker.enqueue("anything", kwargs={"text": "x" * 50_000})

    assert (await row_of(shop, job.id)).data["$cut"]["bytes"] > 50_000


async def test_message_over_a_mebibyte_is_refused(broker: JobBroker) -> None:
    with pytest.raises(MessageTooLarge, match="file"):
        await broker.enqueue("anything", "x" * 1_100_000)


async def test_message_is_taskiq_s_own_json(broker: JobBroker) -> None:
    job = await broker.enqueue("t", Invoice(number=1), Point(2), float("nan"), {3}, b"raw")

    text = await broker.engine.redis.hget(broker.names.job(job.id), "b")  # type: ignore[misc]
    message = JSONFormatter().loads(text)
    assert message.task_name == "t"
    assert message.args == [{"number": 1}, {"x": 2}, "NaN", [3], "raw"]


async def test_argument_without_a_form_in_json_is_refused(broker: JobBroker) -> None:
    with pytest.raises(ValueError, match="no form in JSON"):
        await broker.enqueue("t", object())


async def test_delay_and_time_schedule_a_job(shop: Workshop, broker: JobBroker) -> None:
    delayed = await broker.enqueue("t", delay_s=60)
    timed = await broker.enqueue("t", run_at=datetime.now(UTC) + timedelta(hours=1))

    assert await shop.moves(delayed.id) == await shop.moves(timed.id) == ["scheduled"]


async def test_duplicate_answers_with_the_job_that_stands(broker: JobBroker) -> None:
    first = await broker.enqueue("t", dedup_key="june")
    second = await broker.enqueue("t", dedup_key="june")
    third = await AsyncKicker("t", broker, {"dedup_key": "june"}).kiq()

    assert (second.outcome, second.id) == ("duplicate", first.id)
    assert third.task_id == first.id


async def test_same_id_is_known_and_accepted_once(shop: Workshop, broker: JobBroker) -> None:
    first = await broker.enqueue("t", job_id="slot-1")
    second = await broker.enqueue("t", job_id="slot-1")

    assert (first.outcome, second.outcome, second.id) == ("accepted", "known", "slot-1")
    assert await shop.moves("slot-1") == ["queued"]


async def test_foreign_id_is_replaced_and_kept_as_metadata(shop: Workshop, broker: JobBroker) -> None:
    await AsyncKicker("t", broker, {}).with_task_id("an id with spaces").kiq()

    (event,) = await shop.events()
    assert event.job.startswith("x-")
    assert event.data.metadata == {"foreign_id": "an id with spaces"}


async def test_kicker_reads_our_options_from_labels(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(task_name="report", queue="reports", colour="blue")
    async def task(month: int) -> None: ...

    sent = await task.kicker().with_labels(priority="CRITICAL", user_id="ada", timeout=7).kiq(6)

    (event,) = await shop.events(sent.task_id)
    assert (event.queue, event.user, event.data.priority, event.data.timeout_s) == ("reports", "ada", 4, 7)
    assert event.data.data == {"month": 6}


async def test_wrong_label_is_named_to_the_sender(broker: JobBroker) -> None:
    with pytest.raises(SendTaskError) as refused:
        await AsyncKicker("t", broker, {"priority": "URGENT"}).kiq()

    assert "priority" in str(refused.value.__cause__)


async def test_enqueue_many_accepts_all_in_order(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(task_name="many")
    async def task(number: int) -> None: ...

    jobs = await broker.enqueue_many(task, [(n,) for n in range(250)] + [{"number": 250}], user_id="ada")

    queued = await shop.events()
    assert [event.job for event in queued] == [job.id for job in jobs]
    assert [event.data.data["number"] for event in queued] == list(range(251))


async def test_unknown_keyword_of_enqueue_is_a_type_error(broker: JobBroker) -> None:
    with pytest.raises(TypeError, match="kwargs"):
        await broker.enqueue("t", file="june.csv")


def test_wrong_option_is_said_where_the_task_is_declared(broker: JobBroker) -> None:
    with pytest.raises(ValueError, match="max_attempts"):

        @broker.task(max_attempts=0)
        async def task() -> None: ...


def test_async_task_cannot_run_in_a_process(broker: JobBroker) -> None:
    with pytest.raises(ValueError, match="executor: 'process' is for plain functions"):

        @broker.task(task_name="work", executor="process")
        async def task() -> None: ...


def test_key_of_a_limit_must_be_made_of_what_the_task_is_given(broker: JobBroker) -> None:
    with pytest.raises(ValueError, match="no parameter 'tenant'"):

        @broker.task(task_name="a", concurrency=1, concurrency_key="{tenant}")
        async def first(file: str) -> None: ...

    with pytest.raises(ValueError, match="no parameter 'job'"):

        @broker.task(task_name="b", concurrency=1, concurrency_key="{job}")
        async def second(file: str, job: JobContext = TaskiqDepends()) -> None: ...

    with pytest.raises(ValueError, match="'api_key' is the name of a secret"):

        @broker.task(task_name="c", concurrency=1, concurrency_key="{api_key}")
        async def third(api_key: str) -> None: ...

    @broker.task(task_name="d", concurrency=1, concurrency_key="{anything}")
    async def fourth(**anything: str) -> None: ...


@pytest.mark.parametrize("middleware", [SimpleRetryMiddleware(), SmartRetryMiddleware()])
async def test_stock_retry_middlewares_stop_the_start(broker: JobBroker, middleware: Any) -> None:
    broker.add_middlewares(middleware)

    with pytest.raises(ConfigurationError, match="max_attempts"):
        await broker.startup()


async def test_foreign_receiver_stops_the_start(broker: JobBroker) -> None:
    with pytest.raises(ConfigurationError, match="taskcast:JobReceiver"):
        broker.listen()
    with pytest.raises(ConfigurationError, match="JobBroker"):
        JobReceiver(_stock_broker())
    Receiver(broker, max_async_tasks=1)  # only its listening is refused


def _stock_broker() -> Any:
    from taskiq import InMemoryBroker

    return InMemoryBroker()


async def test_broker_that_keeps_no_results_says_so(redis_url: str, prefix: str, redis: Any) -> None:
    broker = JobBroker(redis_url, prefix=prefix, keep_results=False)
    job = await broker.enqueue("t")

    with pytest.raises(Exception, match="ready") as refused:
        await job.wait_result(timeout=1)

    assert "keep_results" in str(refused.value.__cause__)
    await broker.shutdown()


def test_announcement_has_options_and_a_schema_without_what_is_injected(broker: JobBroker) -> None:
    @broker.task(task_name="import", queue="imports", max_attempts=2)
    async def task(
        file: str,
        invoices: list[Invoice],
        rows: int = 5,
        job: JobContext = TaskiqDepends(),
        ctx: Context = TaskiqDepends(),
    ) -> None:
        """Import one file."""

    told = tasks_of(broker.get_all_tasks(), broker.options_of)["import"]

    assert (told["queue"], told["max_attempts"], told["priority"]) == ("imports", 2, "NORMAL")
    schema = told["schema"]
    assert schema["required"] == ["file", "invoices"]
    assert set(schema["properties"]) == {"file", "invoices", "rows"}
    assert schema["properties"]["rows"] == {"type": "integer", "default": 5}
    assert schema["x-positions"][:3] == ["file", "invoices", "rows"]
    assert schema["description"] == "Import one file."
    assert "Invoice" in schema["$defs"]


def test_announcement_stays_within_an_event(broker: JobBroker) -> None:
    for number in range(400):
        annotations = {f"parameter_{i}": int for i in range(3)}

        async def task(**_: Any) -> None: ...

        task.__doc__ = "x" * 250
        task.__annotations__ = annotations
        broker.register_task(task, task_name=f"task_{number}")

    tasks = tasks_of(broker.get_all_tasks(), broker.options_of)
    info = Announcement(queues=None, slots=1, tasks=tasks).info(with_tasks=True)

    assert len(tasks) == 400
    assert len(encode(tasks)) <= TASKS_BYTES
    assert json.loads(info)["slots"] == 1


async def test_a_task_of_another_broker_keeps_its_options(shop: Workshop, broker: JobBroker, redis_url: str) -> None:
    elsewhere = JobBroker(redis_url, prefix="elsewhere")

    @elsewhere.task(task_name="foreign", queue="imports", priority="HIGH")
    async def task() -> None: ...

    job = await broker.enqueue(task)

    (event,) = await shop.events(job.id)
    assert (event.queue, event.data.priority) == ("imports", Priority.HIGH)
