from __future__ import annotations

import asyncio
import hashlib
import io
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.datastructures import UploadFile

from core.storage.files import (
    NAME_LENGTH,
    FileNotStored,
    FileStore,
    FileTooLarge,
    StoreUnavailable,
    delete_file,
    get_file,
    label,
    old_files,
    open_file,
    open_store,
    save_upload,
    sweep,
)
from core.storage.models import File
from tests.full_disk import small_files

CONTENTS = os.urandom(3_000_000)
UNKNOWN = "7f2d5b0c-9a6e-4d13-b8c1-f4a29e6d7053"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "files"


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, folder: Path) -> FileStore:
    return FileStore(folder.as_uri() if request.param == "file" else f"memory://{uuid4().hex}")


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 70_000):
        yield data[start : start + 70_000]


@pytest.mark.parametrize("kind", ["bytes", "binary file", "async iterator", "upload"])
async def test_any_source_is_stored_whole_with_its_size_and_digest(store: FileStore, database: str, kind: str) -> None:
    sources = {
        "bytes": CONTENTS,
        "binary file": io.BytesIO(CONTENTS),
        "async iterator": pieces(CONTENTS),
        "upload": UploadFile(io.BytesIO(CONTENTS), filename="x.csv"),
    }

    stored = await save_upload(store, sources[kind], name="june.csv", user_id="ada", content_type="text/csv")

    assert (stored.size_bytes, stored.sha256) == (len(CONTENTS), hashlib.sha256(CONTENTS).hexdigest())
    assert (stored.name, stored.user_id, stored.content_type) == ("june.csv", "ada", "text/csv")
    assert await get_file(stored.id) == stored
    assert b"".join([chunk async for chunk in store.chunks(stored.id, 65_536)]) == CONTENTS
    found, opened = await open_file(store, stored.id)
    with opened:
        assert (found, opened.read()) == (stored, CONTENTS)


async def test_an_empty_file_is_a_file(store: FileStore, database: str) -> None:
    stored = await save_upload(store, b"", name="empty.csv")

    assert stored.size_bytes == 0
    assert [chunk async for chunk in store.chunks(stored.id)] == []


async def test_a_file_over_the_limit_is_refused_and_leaves_nothing(folder: Path, database: str) -> None:
    store = FileStore(folder.as_uri())

    with pytest.raises(FileTooLarge, match="TASKCAST_UPLOAD_MAX_BYTES"):
        await save_upload(store, pieces(CONTENTS), name="big.csv", max_bytes=1_000_000)

    assert list(folder.iterdir()) == []
    assert await File.all().count() == 0
    assert (await save_upload(store, b"x" * 100, name="fits.csv", max_bytes=100)).size_bytes == 100


@pytest.mark.parametrize("error", [RuntimeError("the wire was cut"), asyncio.CancelledError()])
async def test_a_cut_upload_leaves_nothing(folder: Path, database: str, error: BaseException) -> None:
    store = FileStore(folder.as_uri())

    async def cut() -> AsyncIterator[bytes]:
        yield CONTENTS
        raise error

    with pytest.raises(type(error)):
        await save_upload(store, cut(), name="cut.csv")

    assert list(folder.iterdir()) == []
    assert await File.all().count() == 0


async def test_bytes_of_a_row_that_could_not_be_written_are_deleted(folder: Path, database: str) -> None:
    store = FileStore(folder.as_uri())

    with pytest.raises(Exception, match=r"(?i)user_id|too long|255"):
        await save_upload(store, b"x", name="x.csv", user_id="u" * 300)

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("june.csv", "june.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\june.csv", "june.csv"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
        ("a\x00b\r\nc\u202ed.csv", "abcd.csv"),
        ("\ud800.csv", ".csv"),
        ("<img src=x onerror=alert(1)>.csv", "<img src=x onerror=alert(1)>.csv"),
        ("Kontoauszug Müller (1).csv", "Kontoauszug Müller (1).csv"),
    ],
)
def test_a_name_is_only_a_label(name: str, shown: str) -> None:
    assert label(name) == shown


async def test_a_hostile_name_is_stored_as_a_label(folder: Path, database: str) -> None:
    store = FileStore(folder.as_uri())

    stored = await save_upload(store, b"x", name="../" * 50 + "n" * 400 + ".csv")

    assert [path.name for path in folder.iterdir()] == [stored.id]
    assert len(stored.name) == NAME_LENGTH
    assert stored.name.endswith("n.csv")


@pytest.mark.parametrize("file_id", ["", "no-id", "../../etc/passwd", UNKNOWN, "\x00", "a" * 5000])
async def test_an_unknown_id_is_said_to_be_one(store: FileStore, database: str, file_id: str) -> None:
    assert await get_file(file_id) is None
    assert not await delete_file(store, file_id)
    with pytest.raises(FileNotStored, match="file:"):
        await open_file(store, file_id)
    with pytest.raises(FileNotStored):
        store.open(file_id)


async def test_a_deleted_file_is_gone(store: FileStore, database: str) -> None:
    stored = await save_upload(store, b"x", name="x.csv")

    assert await delete_file(store, stored.id)

    assert await get_file(stored.id) is None
    assert not await delete_file(store, stored.id)
    with pytest.raises(FileNotStored, match="not in the store"):
        store.open(stored.id)


async def test_bytes_that_have_lost_their_row_are_deleted_too(folder: Path, database: str) -> None:
    store = FileStore(folder.as_uri())
    await store.put(UNKNOWN, CONTENTS)

    assert not await delete_file(store, UNKNOWN)

    assert list(folder.iterdir()) == []


async def test_a_full_store_is_said_with_its_setting_and_leaves_nothing(folder: Path, database: str) -> None:
    store = FileStore(folder.as_uri())

    with small_files(4096), pytest.raises(StoreUnavailable, match=r"TASKCAST_STORAGE_URL.*has space"):
        await save_upload(store, CONTENTS, name="large.csv")

    assert list(folder.iterdir()) == []


async def test_a_sweep_deletes_what_crashes_left_and_nothing_else(folder: Path, database: str) -> None:
    store = FileStore(folder.as_uri())
    kept = await save_upload(store, b"kept", name="kept.csv")
    orphan, half, fresh, foreign = str(uuid4()), "incoming-x-1", "incoming-x-2", "notes.txt"
    for name in (orphan, half, fresh, foreign):
        (folder / name).write_bytes(b"12345")
    for name in (kept.id, orphan, half, foreign):
        os.utime(folder / name, (time.time() - 90_000,) * 2)

    assert await sweep(store) == (2, 10)

    assert {path.name for path in folder.iterdir()} == {kept.id, fresh, foreign}


async def test_old_files_are_listed_by_content_type(store: FileStore, database: str) -> None:
    first = await save_upload(store, b"1", name="1", content_type="text/csv; sample=household")
    await save_upload(store, b"2", name="2", content_type="text/csv")
    soon = datetime.now(UTC) + timedelta(seconds=5)

    assert await old_files(content_type="text/csv; sample=household", before=soon) == [first]
    assert await old_files(content_type="text/csv; sample=household", before=first.created_at) == []


async def test_a_store_that_cannot_be_written_names_its_setting(tmp_path: Path, database: str) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreUnavailable, match="TASKCAST_STORAGE_URL"):
        await save_upload(FileStore((tmp_path / "file" / "store").as_uri()), b"x", name="x")
    with pytest.raises(StoreUnavailable, match="TASKCAST_STORAGE_URL"):
        FileStore("nonsense://bucket")


def test_the_default_store_lies_in_the_data_directory(tmp_path: Path) -> None:
    assert open_store(None, tmp_path).url == (tmp_path / "files").as_uri()
    assert open_store("memory://x", tmp_path).url == "memory://x"


def test_password_in_the_stores_url_is_shown_to_nobody() -> None:
    with pytest.raises(StoreUnavailable) as refused:
        FileStore("nonsense://ada:swordfish@host/files")

    assert "swordfish" not in str(refused.value)
    assert "ada:***@host" in str(refused.value)
