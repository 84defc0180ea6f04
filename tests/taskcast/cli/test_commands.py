"""What the commands print, and with which exit code they end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.recorder.recorder import Recorder
from core.storage.files import get_file
from taskcast.cli import server
from taskcast.cli.gateway import Exit
from taskcast.cli.main import main
from taskcast.engine.jobs import End
from tests.core.live.conftest import Gateway, Work
from tests.taskcast.cli.conftest import Run, lines
from tests.waiting import eventually


async def recorded(recorder: Recorder, work: Work) -> None:
    await recorder.reached((await work.engine.server()).seq)


async def test_jobs_are_listed_for_people_and_for_programs(taskcast: Run, recorder: Recorder, work: Work) -> None:
    job = await work.running()
    await work.enqueue(queue="reports")
    await work.progress(job, 40)
    await recorded(recorder, work)

    people = await taskcast("jobs", "--queue", "imports")
    programs = await taskcast("--json", "jobs", "--status", "running")

    assert people.exit_code == 0
    assert job in people.stdout
    assert "running" in people.stdout
    assert "reports" not in people.stdout
    assert [row["id"] for row in lines(programs)[0]["items"]] == [job]


async def test_one_job_is_shown_with_its_log(taskcast: Run, recorder: Recorder, work: Work) -> None:
    job = await work.running(data={"file": "june.csv"})
    await work.log(job, "all is well")
    await recorded(recorder, work)

    shown = await taskcast("job", job, "--logs")
    as_json = await taskcast("job", job, "--logs", "--json")

    assert shown.exit_code == 0
    assert "june.csv" in shown.stdout
    assert "all is well" in shown.stdout
    assert lines(as_json)[0]["logs"][0]["message"] == "all is well"


async def test_a_job_that_there_is_not_is_said_in_one_line(taskcast: Run) -> None:
    result = await taskcast("job", "nobody")

    assert result.exit_code == Exit.ERROR
    assert result.stderr == "taskcast: there is no job 'nobody'\n"


async def test_a_file_is_uploaded_for_its_argument(taskcast: Run, tmp_path: Path) -> None:
    (tmp_path / "june.csv").write_text("Date;Amount\n")

    enqueued = await taskcast(
        "enqueue", "report", f"file@{tmp_path}/june.csv", "to=ada@example.com", "--force", "--json"
    )

    data = lines(enqueued)[0]["data"]
    stored = await get_file(data["file"])
    assert stored is not None
    assert (stored.name, stored.size_bytes) == ("june.csv", 12)
    assert data["to"] == "ada@example.com"


async def test_a_job_is_enqueued_cancelled_and_retried(taskcast: Run, recorder: Recorder, work: Work) -> None:
    enqueued = await taskcast("enqueue", "report", "month=2026-10", "rows=5", "--force", "--priority", "high", "--json")
    row = lines(enqueued)[0]
    await recorded(recorder, work)
    cancelled = await taskcast("cancel", row["id"], "--reason", "a mistake")
    await recorded(recorder, work)
    retried = await taskcast("retry", row["id"])
    await recorded(recorder, work)
    now = lines(await taskcast("job", row["id"], "--json"))[0]

    assert enqueued.exit_code == 0, enqueued.stderr
    assert (row["type"], row["priority"]) == ("report", "HIGH")
    assert row["data"] == {"month": "2026-10", "rows": 5}
    assert cancelled.stdout == f"{row['id']} is cancelled\n"
    assert retried.exit_code == 0, retried.stderr
    assert now["status"] == "queued"


async def test_a_running_job_cannot_be_retried(taskcast: Run, recorder: Recorder, work: Work) -> None:
    job = await work.running()
    await recorded(recorder, work)

    result = await taskcast("retry", job)

    assert result.exit_code == Exit.ERROR
    assert "has not ended yet" in result.stderr


async def test_an_unknown_task_is_refused_with_the_known_ones(taskcast: Run) -> None:
    result = await taskcast("enqueue", "repotr")

    assert result.exit_code == Exit.ERROR
    assert "repotr" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "{"], "--data"),
        (["month"], "NAME=VALUE"),
        (["file@no/such.csv"], "file: there is no file 'no/such.csv'"),
        (["--priority", "urgent"], "critical"),
    ],
)
def test_wrong_usage_is_said_with_exit_code_2(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["--token", "x", "enqueue", "report", *arguments])

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr


def test_a_gateway_that_is_away_is_said_with_exit_code_3() -> None:
    result = CliRunner().invoke(main, ["--token", "x", "--url", "http://127.0.0.1:9", "jobs"])

    assert result.exit_code == Exit.UNREACHABLE
    assert result.stderr.startswith("taskcast: the gateway at http://127.0.0.1:9 cannot be reached")
    assert "TASKCAST_GATEWAY_PORT" in result.stderr


@pytest.mark.parametrize("command", [["jobs"], ["tail"]])
async def test_a_wrong_token_is_said_with_exit_code_4(taskcast: Run, command: list[str]) -> None:
    result = await taskcast("--token", "wrong", *command)

    assert result.exit_code == Exit.NOT_ALLOWED
    assert result.stderr.count("\n") == 1


def test_no_token_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TASKCAST_TOKEN", raising=False)
    monkeypatch.setenv("TASKCAST_DATA_DIR", str(tmp_path))

    result = CliRunner().invoke(main, ["jobs"])

    assert result.exit_code == Exit.NOT_ALLOWED
    assert "TASKCAST_TOKEN" in result.stderr


async def test_the_token_that_up_left_is_found(taskcast: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cli-token").write_text("wrong\n")
    monkeypatch.delenv("TASKCAST_TOKEN")
    monkeypatch.setenv("TASKCAST_DATA_DIR", str(tmp_path))

    assert (await taskcast("jobs")).exit_code == Exit.NOT_ALLOWED


@pytest.mark.parametrize(("state", "code"), [("completed", 0), ("failed", Exit.JOB_FAILED)])
async def test_tail_of_a_job_ends_with_it_and_tells_how(
    taskcast: Run, recorder: Recorder, work: Work, state: str, code: int
) -> None:
    job = await work.running()
    await work.log(job, "before")
    await recorded(recorder, work)
    tail = asyncio.create_task(taskcast("tail", job))
    await work.progress(job, 70)
    await work.log(job, "after")
    data = b'{"duration_ms":5,"error":{"type":"ValueError","message":"bad line"},"final_reason":"error"}'
    if state == "completed":
        data = b'{"duration_ms":5,"result":{"imported":7}}'
    await work.engine.finish("w1", [End(job=job, attempt=1, state=state, data=data)])  # type: ignore[arg-type]
    result = await tail

    assert result.exit_code == code, result.stderr
    assert "before" in result.stdout
    assert "after" in result.stdout
    assert ("imported" if state == "completed" else "bad line") in result.stdout


async def test_tail_in_json_gives_one_object_a_line(
    taskcast: Run, recorder: Recorder, work: Work, gateway: Gateway
) -> None:
    job = await work.running()
    await recorded(recorder, work)
    tail = asyncio.create_task(taskcast("tail", job, "--json"))
    await eventually(lambda: gateway.hub._members)
    await work.progress(job, 70)
    await work.complete(job)
    found = lines(await tail)

    assert found[0]["snapshot"]["job"]["id"] == job
    assert found[-1]["event"]["type"] == "job.completed"


async def test_enqueue_and_tail_watches_to_the_end(taskcast: Run, recorder: Recorder, work: Work) -> None:
    command = asyncio.create_task(taskcast("enqueue", "report", "--force", "--tail"))
    [(job, _)] = await work.begin()
    await work.engine.cancel(job)
    await work.engine.finish("w1", [End(job=job, attempt=1, state="cancelled", data=b'{"duration_ms":1}')])

    assert (await command).exit_code == Exit.JOB_CANCELLED


async def test_queues_and_workers_are_listed(taskcast: Run, recorder: Recorder, work: Work) -> None:
    await work.running()
    await work.enqueue()
    await recorded(recorder, work)

    assert "imports" in (await taskcast("queues")).stdout
    assert lines(await taskcast("queues", "--json"))[0][0]["waiting"]["NORMAL"] == 1
    assert "w1" in (await taskcast("workers")).stdout


async def test_users_and_tokens_are_made(taskcast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    user = await taskcast("user", "create", "ada@example.com", "--role", "operator", "--password", "a long password")
    token = await taskcast("token", "create", "ci", "--role", "viewer")
    monkeypatch.setenv("TASKCAST_TOKEN", token.stdout.strip())
    allowed = await taskcast("jobs")
    forbidden = await taskcast("enqueue", "report", "--force")

    assert user.stdout == "ada@example.com is operator now\n", user.stderr
    assert token.exit_code == 0, token.stderr
    assert allowed.exit_code == 0
    assert forbidden.exit_code == Exit.NOT_ALLOWED


def test_up_and_server_call_the_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr("core.supervisor.main", lambda argv: called.append(list(argv)) or 7)

    assert CliRunner().invoke(main, ["up"]).exit_code == 7
    assert CliRunner().invoke(main, ["server", "gateway"]).exit_code == 7
    assert called == [["up"], ["server", "gateway"]]


def test_without_the_server_up_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "server_folder", lambda: None)

    result = CliRunner().invoke(main, ["up"])

    assert result.exit_code == Exit.ERROR
    assert "taskcast[server]" in result.stderr
