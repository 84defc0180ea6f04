"""Jobs in child processes, with the real receiver in this process."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from taskiq import TaskiqMessage, TaskiqMiddleware, TaskiqResult

from taskcast import JobBroker, JobReceiver, receiver
from taskcast.children import link, pool
from taskcast.errors import ConfigurationError
from tests.stopwatch import Stopwatch
from tests.taskcast import process_app
from tests.taskcast import process_tasks as tasks
from tests.taskcast.conftest import Workshop
from tests.waiting import eventually


def declare(broker: JobBroker, function: Any, **options: Any) -> Any:
    name = function.__name__.replace("__taskiq_original", "")
    return broker.task(task_name=name, executor="process", **options)(function)


def lines(file: Path, what: str) -> list[str]:
    return [line for line in file.read_text().splitlines() if line.startswith(what)] if file.exists() else []


async def begun(file: Path) -> int:
    """Return the process that runs the job, as soon as it has begun."""
    (line, *_) = await eventually(lambda: lines(file, "begin"))
    return int(line.split()[1])


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_result_of_a_child_comes_with_the_event_and_by_wait_result(shop: Workshop, broker: JobBroker) -> None:
    add = declare(broker, tasks.add)

    async with shop.working():
        job = await broker.enqueue(add, 2, kwargs={"b": 3})
        result = await job.wait_result(check_interval=0.01, timeout=10)

    assert result.return_value == {"sum": 5}
    assert (await shop.events(job.id))[-1].data.result == {"sum": 5}


async def test_results_of_a_child_are_those_of_the_worker(shop: Workshop, broker: JobBroker) -> None:
    in_child = declare(broker, tasks.give)

    @broker.task(task_name="in_thread")
    def in_thread(name: str) -> Any:
        return tasks.VALUES[name]

    async with shop.working():
        ours = {name: await shop.ended((await broker.enqueue(in_thread, name)).id) for name in tasks.VALUES}
        theirs = {name: await shop.ended((await broker.enqueue(in_child, name)).id) for name in tasks.VALUES}

    assert {event.state for event in theirs.values()} == {"completed"}
    for name in tasks.VALUES.keys() - {"object"}:  # whose description tells its address
        assert theirs[name].data.result == ours[name].data.result


async def test_awaitable_that_a_function_returns_is_awaited_in_the_child(shop: Workshop, broker: JobBroker) -> None:
    async with shop.working():
        event = await shop.ended((await broker.enqueue(declare(broker, tasks.give_awaitable))).id)

    assert event.data.result == "later"


async def test_arguments_are_read_and_the_job_known_in_the_child(shop: Workshop, broker: JobBroker) -> None:
    task = declare(broker, tasks.described, queue="imports", max_attempts=4, timeout_s=30)

    async with shop.working():
        sent = await task.kicker().with_labels(colour="red").kiq("2026-11-24", 7, kind=0.5)
        event = await shop.ended(sent.task_id)

    day, rest, more, job_id, name, queue, attempt, max_attempts, timeout_s, labels = event.data.result
    assert (day, rest, more) == (repr(date(2026, 11, 24)), [7], {"kind": 0.5})
    assert (job_id, name, queue, attempt, max_attempts, timeout_s) == (sent.task_id, "described", "imports", 1, 4, 30)
    assert labels["colour"] == "red"


async def test_error_of_a_child_has_its_type_text_trace_and_cause(shop: Workshop, broker: JobBroker) -> None:
    async with shop.working():
        job = await broker.enqueue(declare(broker, tasks.fail))
        event = await shop.ended(job.id)
        result = await job.wait_result(check_interval=0.01, timeout=10)

    assert (event.state, event.data.final_reason) == ("failed", "error")
    assert event.data.error.type == "tests.taskcast.process_tasks.Refused"
    assert event.data.error.message == "outer, password=***"
    assert "KeyError: 'inner'" in event.data.stack_trace
    assert "taskcast/children" not in event.data.stack_trace
    assert isinstance(result.error, tasks.Refused)
    assert isinstance(result.error.__cause__, KeyError)


@pytest.mark.parametrize(("options", "moves"), [
    ({"retry_on": tasks.Refused}, ["queued", "running", "retrying", "queued", "running", "failed"]),
    ({"retry_on": ValueError}, ["queued", "running", "failed"]),
    ({"never_retry_on": tasks.Refused}, ["queued", "running", "failed"]),
])  # fmt: skip
async def test_retries_are_decided_by_the_class_raised_in_the_child(
    shop: Workshop, broker: JobBroker, options: dict[str, Any], moves: list[str]
) -> None:
    task = declare(broker, tasks.refuse_for_good, max_attempts=2, backoff_s=0, **options)

    async with shop.working():
        job = await broker.enqueue(task)
        await shop.ended(job.id)

    assert await shop.moves(job.id) == moves


DEATHS = {
    "segfault": ("taskcast.errors.ProcessDied", "SIGSEGV"),
    "os._exit": ("taskcast.errors.ProcessDied", "exit code 3"),
    "abort": ("taskcast.errors.ProcessDied", "SIGABRT"),
    "SIGKILL": ("taskcast.errors.ProcessDied", "SIGKILL: killed from outside"),
    "cpu": ("taskcast.errors.ProcessDied", "SIGXCPU"),
    "memory": ("MemoryError", ""),
    "sys.exit": ("SystemExit", "4"),
    "KeyboardInterrupt": ("KeyboardInterrupt", ""),
}


async def test_death_of_a_child_fails_its_job_alone_and_says_how(shop: Workshop, broker: JobBroker) -> None:
    end, sleep = declare(broker, tasks.end), declare(broker, tasks.sleep)

    async with shop.working():
        beside = await broker.enqueue(sleep, "", 3.0)
        died = {how: await shop.ended((await broker.enqueue(end, how)).id) for how in DEATHS}
        after = await shop.ended((await broker.enqueue(sleep, "", 0.0)).id)
        last = await shop.ended(beside.id)

    for how, (kind, text) in DEATHS.items():
        event = died[how]
        assert (event.state, event.data.final_reason, event.data.error.type) == ("failed", "error", kind)
        assert text in event.data.error.message
    assert (after.state, last.state, last.attempt) == ("completed", "completed", 1)


async def test_crash_in_native_code_shows_where_python_was(shop: Workshop, broker: JobBroker) -> None:
    async with shop.working():
        event = await shop.ended((await broker.enqueue(declare(broker, tasks.end), "segfault")).id)

    assert "Segmentation fault" in event.data.stack_trace
    assert "process_tasks.py" in event.data.stack_trace


async def test_death_of_a_child_is_retried_as_an_error_is(shop: Workshop, broker: JobBroker) -> None:
    task = declare(broker, tasks.end_at_first, max_attempts=2, backoff_s=0)

    async with shop.working():
        event = await shop.ended((await broker.enqueue(task, "segfault")).id)

    assert (event.state, event.data.result) == ("completed", 2)


async def test_kill_of_a_child_from_outside_fails_its_job(shop: Workshop, broker: JobBroker, tmp_path: Path) -> None:
    file = tmp_path / "told"

    async with shop.working():
        job = await broker.enqueue(declare(broker, tasks.sleep), str(file))
        os.kill(await begun(file), signal.SIGKILL)
        event = await shop.ended(job.id)

    assert "SIGKILL" in event.data.error.message


async def test_idle_child_that_was_killed_costs_no_job_anything(shop: Workshop, broker: JobBroker) -> None:
    pid = declare(broker, tasks.pid)

    async with shop.working():
        first = await shop.ended((await broker.enqueue(pid)).id)
        os.kill(first.data.result, signal.SIGKILL)
        second = await shop.ended((await broker.enqueue(pid)).id)

    assert second.state == "completed"
    assert second.data.result != first.data.result


@pytest.mark.parametrize("task", [tasks.sleep, tasks.sleep_at_checkpoints, tasks.resist, tasks.spin])
async def test_cancel_ends_whatever_a_child_does(shop: Workshop, broker: JobBroker, tmp_path: Path, task: Any) -> None:
    file = tmp_path / "told"

    async with shop.working() as worker:
        job = await broker.enqueue(declare(broker, task), str(file))
        process = await begun(file)
        with Stopwatch() as took:
            await broker.engine.cancel(job.id, by="ada", reason="enough")
            event = await shop.ended(job.id)
        await eventually(lambda: not lives(process))
        free = worker.free_slots

    assert (event.state, event.data.by, event.data.reason) == ("cancelled", "ada", "enough")
    assert took.seconds < 3
    assert event.data.duration_ms < 30_000
    assert free == 10


async def test_job_may_clean_up_before_its_process_is_killed(
    shop: Workshop, broker: JobBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "GRACE_S", 30.0)
    file = tmp_path / "told"

    async with shop.working():
        job = await broker.enqueue(declare(broker, tasks.sleep), str(file))
        await begun(file)
        await broker.engine.cancel(job.id)
        await shop.ended(job.id)

    assert lines(file, "cleaned")


async def test_checkpoint_in_a_child_raises_what_it_was_asked(
    shop: Workshop, broker: JobBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "GRACE_S", 30.0)
    file = tmp_path / "told"

    async with shop.working():
        await shop.ended(
            (await broker.enqueue(declare(broker, tasks.sleep_at_checkpoints, timeout_s=0.3), str(file))).id
        )

    assert lines(file, "JobTimeout")


async def test_what_a_job_has_started_is_killed_with_it(shop: Workshop, broker: JobBroker, tmp_path: Path) -> None:
    file = tmp_path / "told"

    async with shop.working():
        job = await broker.enqueue(declare(broker, tasks.start_another), str(file))
        (line,) = await eventually(lambda: lines(file, "other"))
        await broker.engine.cancel(job.id)
        await shop.ended(job.id)
        await eventually(lambda: not lives(int(line.split()[1])))


@pytest.mark.parametrize("task", [tasks.sleep, tasks.resist, tasks.spin])
async def test_timeout_fails_a_job_in_a_child(shop: Workshop, broker: JobBroker, tmp_path: Path, task: Any) -> None:
    file = tmp_path / "told"

    async with shop.working():
        event = await shop.ended((await broker.enqueue(declare(broker, task, timeout_s=0.5), str(file))).id)
        # It may be killed before it has written a word.
        await eventually(lambda: not any(lives(int(line.split()[1])) for line in lines(file, "begin")))

    assert (event.state, event.data.final_reason, event.data.error.code) == ("failed", "timeout", "timeout")
    assert "0.5 s" in event.data.error.message
    assert 500 <= event.data.duration_ms < 30_000


async def test_timeout_tells_where_the_job_was(shop: Workshop, broker: JobBroker) -> None:
    # A child that the machine held up may be somewhere else at the time: then the next attempt tells.
    task = declare(broker, tasks.sleep, timeout_s=0.3, max_attempts=20, backoff="fixed", backoff_s=0)

    async with shop.working():
        job = await broker.enqueue(task)

        async def told() -> bool:
            late = await shop.events(job.id, "job.retrying")
            assert all(event.data.final_reason == "timeout" for event in late)
            return any("time.sleep(seconds)" in event.data.stack_trace for event in late)

        await eventually(told)
        await broker.engine.cancel(job.id)


async def test_time_counts_from_the_begin_in_the_child(shop: Workshop, broker: JobBroker, tmp_path: Path) -> None:
    file = tmp_path / "told"
    sleep = declare(broker, tasks.sleep)

    @broker.task
    async def in_the_loop() -> None:
        await asyncio.Event().wait()

    async with shop.working() as worker:
        busy = await broker.enqueue(sleep, str(file))
        await begun(file)
        template = worker._children.template_pid
        os.kill(template, signal.SIGSTOP)  # no other child begins
        job = await broker.enqueue(sleep, "", 0.0, timeout_s=4)
        await shop.until(job.id, "running")
        as_long = await shop.ended((await broker.enqueue(in_the_loop, timeout_s=4)).id)
        os.kill(template, signal.SIGCONT)
        event = await shop.ended(job.id)
        await broker.engine.cancel(busy.id)

    assert as_long.data.final_reason == "timeout"
    assert event.state == "completed"
    assert event.data.duration_ms < 4000


async def test_cancel_of_a_job_that_waits_for_a_child_runs_nothing(
    shop: Workshop, broker: JobBroker, tmp_path: Path
) -> None:
    file = tmp_path / "told"

    async with shop.working():
        job = await broker.enqueue(declare(broker, tasks.sleep), str(file))
        await shop.until(job.id, "running")
        await broker.engine.cancel(job.id)  # the template still imports
        event = await shop.ended(job.id)
        await shop.ended((await broker.enqueue(declare(broker, tasks.add), 1)).id)

    assert event.state == "cancelled"
    assert not lines(file, "begin")


async def test_progress_and_lines_of_a_child_arrive_in_order(shop: Workshop, broker: JobBroker) -> None:
    async with shop.working():
        job = await broker.enqueue(declare(broker, tasks.tell), 1500)
        await shop.ended(job.id)

    logged = [event.data for event in await shop.events(job.id, "job.logged")]
    assert [line.line for line in logged] == list(range(1, 1501))
    assert [line.message for line in logged] == [f"line {number}" for number in range(1500)]
    assert (logged[1].level, logged[1].context) == ("WARNING", {"number": 1})
    progress = (await shop.events(job.id, "job.progressed"))[-1].data
    assert (progress.percentage, progress.total_steps, progress.current_step) == (100, 1500, "done")
    assert progress.message == "a"


async def test_standard_logging_in_a_child_is_captured(shop: Workshop, broker: JobBroker) -> None:
    tasks.logger.setLevel("INFO")
    async with shop.working():
        job = await broker.enqueue(declare(broker, tasks.tell_by_logging))
        await shop.ended(job.id)

    told, wrong = [event.data for event in await shop.events(job.id, "job.logged")]
    assert (told.message, told.level, told.context) == (
        "told at info", "INFO", {"logger": "tests.process_tasks", "row": 17},
    )  # fmt: skip
    assert "Refused: with a trace" in wrong.stack_trace


async def test_secret_that_a_child_registers_is_masked_everywhere(shop: Workshop, broker: JobBroker) -> None:
    broker.task(task_name="tell_a_secret", executor="process")(process_app.tell_a_secret.original_func)

    async with shop.working():
        job = await broker.enqueue("tell_a_secret")
        event = await shop.ended(job.id)

    (line,) = await shop.events(job.id, "job.logged")
    assert line.data.message == "it is ***, token=***"
    assert event.data.result == {"note": "***", "api_key": "***"}


async def test_child_that_dies_while_it_tells_leaves_whole_lines(shop: Workshop, broker: JobBroker) -> None:
    async with shop.working():
        job = await broker.enqueue(declare(broker, tasks.tell_then_end), 300, "SIGKILL")
        event = await shop.ended(job.id)

    logged = [event.data for event in await shop.events(job.id, "job.logged")]
    assert event.state == "failed"
    assert [line.line for line in logged] == list(range(1, len(logged) + 1))
    assert all(line.message.startswith(f"line {line.line - 1} ") for line in logged)


async def test_lines_after_the_end_are_not_taken_for_the_next_job_s(shop: Workshop, broker: JobBroker) -> None:
    tell, sleep = declare(broker, tasks.tell_after_the_end), declare(broker, tasks.sleep)

    async with shop.working(slots=1):
        await shop.ended((await broker.enqueue(tell)).id)
        job = await broker.enqueue(sleep, "", 0.3)
        await shop.ended(job.id)

    assert await shop.events(job.id, "job.logged") == []


async def test_process_that_a_function_forks_and_returns_from_ends_no_job(shop: Workshop, broker: JobBroker) -> None:
    fork, pid = declare(broker, tasks.fork_and_return), declare(broker, tasks.pid)

    async with shop.working(slots=1):
        first = await shop.ended((await broker.enqueue(fork)).id)
        second = await shop.ended((await broker.enqueue(pid)).id)

    assert first.data.result == second.data.result


async def test_child_that_cannot_be_understood_is_killed(shop: Workshop, broker: JobBroker) -> None:
    write, pid = declare(broker, tasks.write_over_everything), declare(broker, tasks.pid)

    async with shop.working(slots=1):
        first = await shop.ended((await broker.enqueue(write)).id)
        second = await shop.ended((await broker.enqueue(pid)).id)

    assert "written into its connection" in first.data.error.message
    assert second.state == "completed"


async def test_job_of_another_worker_is_killed_without_an_end(
    shop: Workshop, broker: JobBroker, tmp_path: Path
) -> None:
    file = tmp_path / "told"

    async with shop.working(slots=1) as first:
        job = await broker.enqueue(declare(broker, tasks.end_of_sleep), str(file))
        process = await begun(file)
        await broker.engine.release(first.worker, [(job.id, 1)], begun=True)  # as reclaim would
        first._lease.renew_now()
        await eventually(lambda: not lives(process))
        event = await shop.ended(job.id)

    assert event.attempt == 2
    assert lines(file, "begin") == [f"begin {process}"]
    assert not lines(file, "cleaned")


async def test_cancel_works_while_the_template_is_frozen(shop: Workshop, broker: JobBroker, tmp_path: Path) -> None:
    file = tmp_path / "told"

    async with shop.working() as worker:
        job = await broker.enqueue(declare(broker, tasks.resist), str(file))
        process = await begun(file)
        os.kill(worker._children.template_pid, signal.SIGSTOP)
        try:
            await broker.engine.cancel(job.id)
            event = await shop.ended(job.id)
        finally:
            os.kill(worker._children.template_pid, signal.SIGCONT)
        await eventually(lambda: not lives(process))

    assert event.state == "cancelled"


async def test_lines_before_a_crash_are_kept(shop: Workshop, broker: JobBroker) -> None:
    async with shop.working():
        job = await broker.enqueue(declare(broker, tasks.tell_and_crash))
        await shop.ended(job.id)

    logged = [event.data.message for event in await shop.events(job.id, "job.logged")]
    assert logged == [f"line {number}" for number in range(20)]
    assert (await shop.events(job.id, "job.progressed"))[-1].data.percentage == 40


async def test_flood_of_lines_is_bounded_and_its_gaps_are_told(
    shop: Workshop, broker: JobBroker, tmp_path: Path
) -> None:
    file = tmp_path / "told"

    async with shop.working() as worker:
        job = await broker.enqueue(declare(broker, tasks.tell_for_ever), str(file))
        await begun(file)

        async def dropped() -> list[Any]:
            lines = await shop.events(job.id, "job.logged")
            return [line for line in lines if "dropped" in (line.data.context or {})]

        await eventually(dropped)
        await eventually(lambda: worker._lag_ms < 500)  # as it is most of the time, not at each moment
        os.kill(await begun(file), signal.SIGKILL)  # in the middle of a line
        event = await shop.ended(job.id)

    assert event.state == "failed"
    logged = [event.data.line for event in await shop.events(job.id, "job.logged")]
    assert logged == list(range(1, len(logged) + 1))


async def test_job_in_a_child_is_no_reason_to_end_a_worker_whose_loop_is_blocked(
    shop: Workshop, broker: JobBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "OVERDUE_S", 0.1)
    file = tmp_path / "told"
    overdue: list[list[str]] = []

    @broker.task(timeout_s=0.2)
    async def in_the_loop() -> None:
        time.sleep(0.8)  # blocks the loop
        overdue.append(list(worker._overdue()))

    async with shop.working() as worker:
        await broker.enqueue(declare(broker, tasks.sleep, timeout_s=0.6), str(file))
        await begun(file)
        job = await broker.enqueue(in_the_loop)
        await shop.ended(job.id)

    assert overdue == [[job.id]]


async def test_job_in_a_child_may_use_processes_and_loops_itself(shop: Workshop, broker: JobBroker) -> None:
    squares, loop = declare(broker, tasks.squares), declare(broker, tasks.run_loop)

    async with shop.working():
        results = [
            (await shop.ended((await broker.enqueue(task, *args)).id, 30)).data.result
            for task, args in ((squares, ("fork",)), (squares, ("spawn",)), (loop, ()), (loop, ()))
        ]

    assert results == [[0, 1, 4, 9], [0, 1, 4, 9], "from a loop", "from a loop"]


async def test_child_is_kept_for_the_next_job(shop: Workshop, broker: JobBroker) -> None:
    pid = declare(broker, tasks.pid)

    async with shop.working():
        results = [(await shop.ended((await broker.enqueue(pid)).id)).data.result for _ in range(5)]

    assert len(set(results)) == 1
    assert results[0] != os.getpid()


async def test_there_are_never_more_children_than_slots(shop: Workshop, broker: JobBroker) -> None:
    pid, sleep = declare(broker, tasks.pid), declare(broker, tasks.sleep)

    async with shop.working(slots=2):
        await broker.enqueue_many(sleep, [("", 0.02)] * 20)
        jobs = await broker.enqueue_many(pid, [()] * 20)
        processes = {(await shop.ended(job.id)).data.result for job in jobs}

    assert 1 <= len(processes) <= 2


async def test_child_is_replaced_after_its_jobs_and_when_it_has_grown(
    shop: Workshop, broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "JOBS_PER_CHILD", 3)
    monkeypatch.setattr(pool, "GROWTH_BYTES", 32 * 1024 * 1024)
    pid, grow = declare(broker, tasks.pid), declare(broker, tasks.grow)

    async with shop.working(slots=1):
        by_count = [(await shop.ended((await broker.enqueue(pid)).id)).data.result for _ in range(4)]
        grown = (await shop.ended((await broker.enqueue(grow, 64)).id)).data.result
        after = (await shop.ended((await broker.enqueue(pid)).id)).data.result

    assert by_count[0] == by_count[2] != by_count[3]
    assert by_count[3] == grown != after


async def test_idle_children_end_after_a_while(
    shop: Workshop, broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_S", 0.2)

    async with shop.working():
        process = (await shop.ended((await broker.enqueue(declare(broker, tasks.pid))).id)).data.result
        await eventually(lambda: not lives(process))


async def test_children_have_random_numbers_of_their_own(shop: Workshop, broker: JobBroker) -> None:
    task, sleep = declare(broker, tasks.random_number), declare(broker, tasks.sleep)

    async with shop.working(slots=2):
        first = await shop.ended((await broker.enqueue(task)).id)
        await broker.enqueue(sleep, "", 1.0)
        second = await shop.ended((await broker.enqueue(task)).id)

    assert first.data.result != second.data.result


async def test_child_is_an_interpreter_of_its_own_where_a_module_has_begun_threads(
    shop: Workshop, broker: JobBroker, tmp_path: Path
) -> None:
    from tests.taskcast import threaded_tasks

    file = tmp_path / "told"
    threads, sleep, end = (
        declare(broker, threaded_tasks.threads),
        declare(broker, tasks.sleep),
        declare(broker, tasks.end),
    )

    async with shop.working():
        first = await shop.ended((await broker.enqueue(threads)).id, 20)
        died = await shop.ended((await broker.enqueue(end, "segfault")).id, 20)
        job = await broker.enqueue(sleep, str(file))
        process = await begun(file)
        await broker.engine.cancel(job.id)
        cancelled = await shop.ended(job.id)

    assert "import-thread" in first.data.result[1]
    assert "SIGSEGV" in died.data.error.message
    assert cancelled.state == "cancelled"
    await eventually(lambda: not lives(process))


async def test_stop_gives_back_what_a_child_does_not_end_and_leaves_no_process(
    shop: Workshop, broker: JobBroker, tmp_path: Path
) -> None:
    file = tmp_path / "told"

    async with shop.working(wait_tasks_timeout=0.2):
        job = await broker.enqueue(declare(broker, tasks.sleep), str(file))
        process = await begun(file)

    assert await shop.moves(job.id) == ["queued", "running", "queued"]
    await eventually(lambda: not lives(process))  # killed, it may still be on its way out


async def test_template_that_was_killed_is_started_again(shop: Workshop, broker: JobBroker, tmp_path: Path) -> None:
    file = tmp_path / "told"
    sleep, pid = declare(broker, tasks.sleep), declare(broker, tasks.pid)

    async with shop.working() as worker:
        job = await broker.enqueue(sleep, str(file))
        process = await begun(file)
        os.kill(worker._children.template_pid, signal.SIGKILL)
        failed = await shop.ended(job.id)
        after = await shop.ended((await broker.enqueue(pid)).id)
        await eventually(lambda: not lives(process))

    assert failed.data.error.type == "taskcast.errors.ProcessDied"
    assert after.state == "completed"


async def test_module_that_a_child_cannot_import_fails_the_job_with_the_reason(
    shop: Workshop, broker: JobBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "fragile_tasks.py"
    source.write_text("def work(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    import fragile_tasks  # type: ignore[import-not-found]

    source.write_text("raise RuntimeError('only once')\n")
    task = declare(broker, fragile_tasks.work)

    async with shop.working():
        event = await shop.ended((await broker.enqueue(task)).id)

    assert event.state == "failed"
    assert "only once" in event.data.error.message


async def test_module_that_never_ends_importing_fails_the_job(
    shop: Workshop, broker: JobBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "START_WITHIN_S", 3.0)
    source = tmp_path / "endless_tasks.py"
    source.write_text("def work(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    import endless_tasks  # type: ignore[import-not-found]

    source.write_text("import time; time.sleep(600)\n")
    task = declare(broker, endless_tasks.work)

    async with shop.working():
        event = await shop.ended((await broker.enqueue(task)).id)

    assert "ended while it imported the tasks" in event.data.error.message


async def test_template_that_does_not_answer_is_replaced(
    shop: Workshop, broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, sleep = declare(broker, tasks.pid), declare(broker, tasks.sleep)

    async with shop.working() as worker:
        await shop.ended((await broker.enqueue(pid)).id)
        monkeypatch.setattr(pool, "START_WITHIN_S", 3.0)
        os.kill(worker._children.template_pid, signal.SIGSTOP)
        await broker.enqueue(sleep)  # takes the child there is
        job = await broker.enqueue(pid)
        await eventually(lambda: worker._children._starting)
        monkeypatch.undo()  # the next template may take its time
        event = await shop.ended(job.id, 30)
        for busy in worker.busy:
            await broker.engine.cancel(busy)

    assert event.state == "completed"


class Changing(TaskiqMiddleware):
    """Changes an argument, and notes what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    async def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        message.args = [date(2026, 1, 2), *message.args[1:]]
        return message

    async def post_execute(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:
        self.seen.append(result.error if result.is_err else result.return_value)


async def test_middlewares_see_arguments_results_and_errors_of_children(shop: Workshop, broker: JobBroker) -> None:
    middleware = Changing()
    broker.add_middlewares(middleware)
    task, fail = declare(broker, tasks.described), declare(broker, tasks.refuse_for_good)

    async with shop.working():
        event = await shop.ended((await broker.enqueue(task, "x")).id)
        broker.middlewares.clear()
        broker.add_middlewares(quiet := Noting())
        await shop.ended((await broker.enqueue(fail)).id)

    assert event.data.result[0] == repr(date(2026, 1, 2))
    assert middleware.seen == [event.data.result]
    assert isinstance(quiet.errors[0], tasks.RefusedForGood)


class Noting(TaskiqMiddleware):
    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []

    async def on_error(self, message: TaskiqMessage, result: TaskiqResult[Any], exception: BaseException) -> None:
        self.errors.append(exception)


async def test_task_with_dependencies_is_refused_at_the_start(shop: Workshop, broker: JobBroker) -> None:
    declare(broker, tasks.with_context)

    with pytest.raises(ConfigurationError, match="has dependencies besides the JobContext"):
        await JobReceiver(broker, run_startup=False).listen(asyncio.Event())


async def test_function_that_no_child_can_import_is_refused_at_the_start(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(executor="process")
    def inside() -> None: ...

    with pytest.raises(ConfigurationError, match="at the top of a module"):
        await JobReceiver(broker, run_startup=False).listen(asyncio.Event())
