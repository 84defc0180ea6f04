from __future__ import annotations

import csv
import io
import json

import httpx
import pytest

from tests.core.gateway.conftest import add_job, add_lines, code_of

JOBS = "/job-monitor/jobs"


async def test_logs_come_in_order_and_in_pages(viewer: httpx.AsyncClient) -> None:
    job = await add_job()
    await add_lines(job.id, "one", "two", "three")

    first = (await viewer.get(f"{JOBS}/{job.id}/logs", params={"limit": 2})).json()
    rest = (await viewer.get(f"{JOBS}/{job.id}/logs", params={"limit": 2, "after": first["next_cursor"]})).json()

    assert [line["message"] for line in first["items"]] == ["one", "two"]
    assert [line["message"] for line in rest["items"]] == ["three"]
    assert first["total"] == 3


async def test_logs_are_filtered_by_attempt_level_and_words(viewer: httpx.AsyncClient) -> None:
    job = await add_job()
    await add_lines(job.id, "line skipped", "line read")
    await add_lines(job.id, "all is lost", level="ERROR", attempt=2)
    url = f"{JOBS}/{job.id}/logs"

    by_attempt = (await viewer.get(url, params={"attempt": 1})).json()["items"]
    by_level = (await viewer.get(url, params={"level": "WARNING"})).json()["items"]
    by_word = (await viewer.get(url, params={"q": "skipped"})).json()["items"]

    assert len(by_attempt) == 2
    assert [line["message"] for line in by_level] == ["all is lost"]
    assert [line["message"] for line in by_word] == ["line skipped"]


WRONG_FILTERS = [
    ({"level": "LOUD"}, "level"),
    ({"attempt": "x"}, "attempt"),
    ({"limit": "5000"}, "limit"),
    ({"after": "?"}, "after"),
]


async def test_wrong_log_filter_names_the_field(viewer: httpx.AsyncClient) -> None:
    for params, field in WRONG_FILTERS:
        job = await add_job()

        answer = await viewer.get(f"{JOBS}/{job.id}/logs", params=params)

        assert code_of(answer, 422) == "invalid_input"
        assert field in answer.json()["fields"]


async def test_logs_are_exported_as_lines_of_json(viewer: httpx.AsyncClient) -> None:
    job = await add_job()
    await add_lines(job.id, "one", "zwei\nLínea")

    answer = await viewer.get(f"{JOBS}/{job.id}/logs/export")

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert f"{job.id}.ndjson" in answer.headers["content-disposition"]
    assert [json.loads(line)["message"] for line in answer.text.splitlines()] == ["one", "zwei\nLínea"]


async def test_logs_are_exported_as_text(viewer: httpx.AsyncClient) -> None:
    job = await add_job()
    await add_lines(job.id, "one")

    answer = await viewer.get(f"{JOBS}/{job.id}/logs/export", params={"format": "txt"})

    assert answer.text.endswith("#1 INFO    one\n")


async def test_exported_csv_holds_no_formula(viewer: httpx.AsyncClient) -> None:
    job = await add_job()
    await add_lines(job.id, '=HYPERLINK("http://example.com")', 'a "quoted", text')

    answer = await viewer.get(f"{JOBS}/{job.id}/logs/export", params={"format": "csv"})

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert rows[0]["message"].startswith("'=")
    assert rows[1]["message"] == 'a "quoted", text'


async def test_export_pages_through_many_lines(viewer: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.gateway.routes.logs.EXPORT_PAGE", 2)
    job = await add_job()
    await add_lines(job.id, *map(str, range(5)))

    answer = await viewer.get(f"{JOBS}/{job.id}/logs/export", params={"format": "ndjson"})

    assert [json.loads(line)["message"] for line in answer.text.splitlines()] == ["0", "1", "2", "3", "4"]


async def test_logs_of_another_are_not_told(ada: httpx.AsyncClient) -> None:
    job = await add_job(user_id="bob")

    assert code_of(await ada.get(f"{JOBS}/{job.id}/logs/export"), 404) == "job_not_found"


async def test_export_in_an_unknown_format_is_refused(viewer: httpx.AsyncClient) -> None:
    job = await add_job()

    assert code_of(await viewer.get(f"{JOBS}/{job.id}/logs/export", params={"format": "xml"}), 422) == "invalid_input"
