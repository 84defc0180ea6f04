from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from core.gateway.services import Services
from core.settings import Settings
from core.storage.models import AuditEntry, File
from tests.core.gateway.conftest import As, code_of

FILES = "/job-monitor/files"


def stored_bytes(settings: Settings) -> list[Path]:
    folder = settings.data_dir / "files"
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


async def test_file_goes_in_and_comes_out(operator: httpx.AsyncClient, settings: Settings) -> None:
    content = bytes(range(256)) * 1000

    answer = await operator.post(FILES, files={"file": ("Juni – Kontoauszug.csv", content, "text/csv")})

    assert answer.status_code == 201, answer.text
    file = answer.json()
    assert (file["name"], file["size_bytes"]) == ("Juni – Kontoauszug.csv", len(content))
    back = await operator.get(f"{FILES}/{file['id']}")
    assert back.content == content
    assert back.headers["content-type"] == "application/octet-stream"
    assert back.headers["content-disposition"].startswith("attachment; ")
    assert (await AuditEntry.get(action="file.upload")).target == file["id"]


async def test_file_over_the_limit_is_refused_and_leaves_nothing(
    operator: httpx.AsyncClient, services: Services, settings: Settings
) -> None:
    services.settings = settings.model_copy(update={"upload_max_bytes": 100_000})

    announced = await operator.post(FILES, files={"file": ("big.csv", b"x" * 300_000)})
    streamed = await operator.post(
        FILES,
        content=chunked(b'--b\r\nContent-Disposition: form-data; name="file"; filename="big"\r\n\r\n', b"x" * 300_000),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )

    for answer in (announced, streamed):
        assert code_of(answer, 413) == "body_too_large"
        assert "TASKCAST_UPLOAD_MAX_BYTES" in answer.json()["detail"]
    assert stored_bytes(settings) == []
    assert await File.all().count() == 0


async def test_file_of_exactly_the_limit_is_taken(
    operator: httpx.AsyncClient, services: Services, settings: Settings
) -> None:
    services.settings = settings.model_copy(update={"upload_max_bytes": 100_000})

    answer = await operator.post(FILES, files={"file": ("big.csv", b"x" * 100_000)})

    assert answer.status_code == 201


def part(name: str = "file", filename: str | None = "a.csv", body: bytes = b"data", extra: bytes = b"") -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'.encode()
    return head + extra + b"\r\n" + body + b"\r\n"


END = b"--b--\r\n"
GOOD = "multipart/form-data; boundary=b"


HOSTILE = [
    (b"", GOOD, 422, "invalid_input"),
    (b"garbage without a boundary", GOOD, 422, "invalid_input"),
    (part(), GOOD, 422, "invalid_input"),
    (part()[:40], GOOD, 422, "invalid_input"),
    (END, GOOD, 422, "invalid_input"),
    (part("statement") + END, GOOD, 422, "invalid_input"),
    (part() + part() + END, GOOD, 422, "invalid_input"),
    (part("note", None) + END, GOOD, 422, "invalid_input"),
    (part("note", None, b"x" * 100_000) + part() + END, GOOD, 422, "invalid_input"),
    (part("note", None) * 20 + part() + END, GOOD, 422, "invalid_input"),
    (part(extra=b"X-Long: " + b"y" * 10_000 + b"\r\n") + END, GOOD, 422, "invalid_input"),
    (part(extra=b"X-A: 1\r\n" * 100) + END, GOOD, 422, "invalid_input"),
    (part() + END, "multipart/form-data", 422, "invalid_input"),
    (part() + END, "multipart/form-data; boundary=" + "b" * 300, 422, "invalid_input"),
    (b"{}", "application/json", 415, "unsupported_media_type"),
    (b"a,b", "text/csv", 415, "unsupported_media_type"),
]


async def test_hostile_or_broken_upload_is_refused_and_leaves_nothing(
    operator: httpx.AsyncClient, settings: Settings
) -> None:
    for content, kind, status, code in HOSTILE:
        answer = await operator.post(FILES, content=content, headers={"Content-Type": kind})

        assert code_of(answer, status) == code
        assert stored_bytes(settings) == []
        assert await File.all().count() == 0


FILE_NAMES = ["../../etc/passwd", "a/b\\c.csv", "", "..", "x" * 5000, "nul\x00.csv", "a\r\nX: y"]


async def test_name_of_a_file_is_only_a_label(operator: httpx.AsyncClient) -> None:
    for filename in FILE_NAMES:
        answer = await operator.post(FILES, files={"file": (filename or "''", b"data")})

        if answer.status_code == 201:
            name = answer.json()["name"]
            assert "/" not in name
            assert name not in {"", ".", ".."}
            back = await operator.get(f"{FILES}/{answer.json()['id']}")
            assert back.content == b"data"
            assert "x" not in back.headers.get("x", "")
        else:
            assert code_of(answer, 422) == "invalid_input"


async def test_other_small_fields_are_let_pass(operator: httpx.AsyncClient) -> None:
    content = part("note", None) + part() + part("after", None) + END

    answer = await operator.post(FILES, content=content, headers={"Content-Type": GOOD})

    assert answer.status_code == 201
    assert answer.json()["size_bytes"] == 4


async def test_file_that_arrives_byte_by_byte_is_whole(operator: httpx.AsyncClient) -> None:
    content = part(body=b"a\r\n-b\r\n--c") + END

    answer = await operator.post(
        FILES, content=chunked(*(bytes([byte]) for byte in content)), headers={"Content-Type": GOOD}
    )

    file = answer.json()
    assert (await operator.get(f"{FILES}/{file['id']}")).content == b"a\r\n-b\r\n--c"


async def test_upload_that_falls_silent_is_refused(
    operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.gateway.multipart.SILENCE_S", 0.05)
    monkeypatch.setattr("core.gateway.multipart.DRAIN_S", 0.05)

    async def silent() -> AsyncIterator[bytes]:
        yield part()[:60]
        await asyncio.Event().wait()

    answer = await operator.post(FILES, content=silent(), headers={"Content-Type": GOOD})

    assert code_of(answer, 422) == "invalid_input"
    assert "nothing arrived" in answer.json()["detail"]


async def test_unknown_file_is_not_found(operator: httpx.AsyncClient) -> None:
    for file_id in ("0198aaaa-0000-7000-8000-000000000000", "nonsense", "..%2Fetc"):
        assert code_of(await operator.get(f"{FILES}/{file_id}"), 404) in {"file_not_found", "not_found"}


async def test_user_gets_only_their_own_files(acting: As, ada: httpx.AsyncClient) -> None:
    hers = await (await acting("operator", "ada")).post(FILES, files={"file": ("a", b"1")})
    others = await (await acting("operator", "bob")).post(FILES, files={"file": ("b", b"2")})

    assert (await ada.get(f"{FILES}/{hers.json()['id']}")).content == b"1"
    assert code_of(await ada.get(f"{FILES}/{others.json()['id']}"), 404) == "file_not_found"


@pytest.mark.parametrize("role", ["user", "viewer"])
async def test_upload_needs_an_operator(acting: As, role: str) -> None:
    client = await acting(role, "ada")

    assert code_of(await client.post(FILES, files={"file": ("a", b"1")}), 403) == "forbidden"


async def chunked(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
