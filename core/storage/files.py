"""The store of files that come in and go out: bytes under an id by fsspec, what is known of them in table `files`.

A file's name is a label and never a path: nothing here, and no job, opens a file by the name somebody gave it.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import re
import secrets
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from uuid import UUID

import fsspec

from core.storage.models import File
from taskcast.errors import TaskcastError
from taskcast.ids import new_id
from taskcast.opening import open_aside
from taskcast.redaction import Redactor

CHUNK_BYTES = 256 * 1024
WRITE_BYTES = 1024 * 1024
NAME_LENGTH = 255
TEMPORARY = "incoming-"

_FILE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


class FileNotStored(TaskcastError):
    """There is no such file; upload it first and pass the id of the answer."""

    code = "file_not_found"


class FileTooLarge(TaskcastError, ValueError):
    """The file is larger than the limit (TASKCAST_UPLOAD_MAX_BYTES)."""

    code = "file_too_large"


class StoreUnavailable(TaskcastError, OSError):
    """The file store (TASKCAST_STORAGE_URL) cannot be read or written."""

    code = "store_unavailable"


class AsyncReadable(Protocol):
    """What an upload of Starlette looks like: `await read(size)`."""

    def read(self, size: int = -1, /) -> Awaitable[bytes]:
        """Return up to `size` bytes, and none at the end."""
        ...


Source = bytes | BinaryIO | AsyncIterable[bytes] | AsyncReadable
"""Where the bytes of a new file may come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """What is known of a file."""

    id: str
    name: str
    size_bytes: int
    sha256: str
    content_type: str
    user_id: str | None
    job_id: str | None
    created_at: datetime


class FileStore:
    """A folder or bucket that holds each file's bytes under its id.

    Bytes are written under a temporary name and moved, so an id either holds a whole file or nothing.
    """

    def __init__(self, url: str) -> None:
        try:
            fs, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise StoreUnavailable(f"TASKCAST_STORAGE_URL: {_shown(url)!r} names no file store: {error}") from error
        self.url = _shown(url)
        self._fs: Any = fs
        self._root: str = root.rstrip("/")

    async def put(self, file_id: str, source: Source, *, max_bytes: int | None = None) -> tuple[int, str]:
        """Store all bytes of `source` under `file_id` and return `(size in bytes, SHA-256 in hex)`.

        Raises:
            FileTooLarge: as soon as there are more than `max_bytes`; nothing is left behind.
            StoreUnavailable: if the store cannot be written.
        """
        temporary = f"{self._root}/{TEMPORARY}{file_id}-{secrets.token_hex(4)}"
        digest, size, waiting = hashlib.sha256(), 0, bytearray()
        given_up = threading.Event()
        out = await self._guarded(self._create, temporary, undo=lambda out: self._drop(out, temporary))
        try:
            async for chunk in chunks_of(source):
                size += len(chunk)
                if max_bytes is not None and size > max_bytes:
                    raise FileTooLarge(f"the file is larger than {max_bytes} bytes (TASKCAST_UPLOAD_MAX_BYTES)")
                digest.update(chunk)
                waiting += chunk
                if len(waiting) >= WRITE_BYTES:
                    await self._guarded(out.write, bytes(waiting))
                    waiting.clear()
            await self._guarded(self._finish, out, bytes(waiting), temporary, self._path(file_id), given_up)
        except BaseException:
            given_up.set()
            # A half-written file must go also when the upload was cancelled, which an await here would not survive.
            self._drop(out, temporary)
            raise
        return size, digest.hexdigest()

    def open(self, file_id: str) -> BinaryIO:
        """Return the file's bytes as an open binary file; it blocks, so read it in a thread.

        Raises:
            FileNotStored: if the store has no such id.
        """
        try:
            opened: BinaryIO = self._fs.open(self._path(file_id), "rb")
        except FileNotFoundError:
            raise FileNotStored(f"file: the bytes of {file_id!r} are not in the store; upload the file again") from None
        except OSError as error:
            raise StoreUnavailable(f"the file store {self.url!r} cannot be read: {error}") from error
        return opened

    async def chunks(self, file_id: str, size: int = CHUNK_BYTES) -> AsyncIterator[bytes]:
        """Yield the file's bytes in pieces of up to `size`.

        Raises:
            FileNotStored: if the store has no such id.
        """
        opened = await open_aside(partial(self.open, file_id))
        try:
            while chunk := await self._guarded(opened.read, size):
                yield chunk
        finally:
            opened.close()

    async def delete(self, file_id: str) -> bool:
        """Delete the bytes; return whether there were any."""

        def delete() -> bool:
            try:
                self._fs.rm_file(self._path(file_id))
            except FileNotFoundError:
                return False
            return True

        return bool(await self._guarded(delete))

    async def old_names(self, *, older_than_s: float) -> list[tuple[str, int]]:
        """Return `(name, size in bytes)` of everything in the store that was last changed longer ago than this."""

        def listed() -> list[tuple[str, int]]:
            if not self._fs.exists(self._root):
                return []
            found = []
            for entry in self._fs.ls(self._root, detail=True):
                changed = entry.get("mtime") or entry.get("LastModified") or entry.get("created")
                if isinstance(changed, datetime):
                    changed = changed.timestamp()
                if entry["type"] == "file" and changed is not None and changed < time.time() - older_than_s:
                    found.append((str(entry["name"]).rsplit("/", 1)[-1], int(entry.get("size") or 0)))
            return found

        names: list[tuple[str, int]] = await self._guarded(listed)
        return names

    async def remove(self, name: str) -> None:
        """Delete what `old_names` listed, a whole file or a half-written one; nothing happens if it is gone."""

        def remove() -> None:
            with suppress(FileNotFoundError):
                self._fs.rm_file(f"{self._root}/{name}")

        await self._guarded(remove)

    def _path(self, file_id: str) -> str:
        try:
            return f"{self._root}/{UUID(file_id)}"
        except (ValueError, AttributeError, TypeError):
            raise FileNotStored(f"file: {str(file_id)[:80]!r} is no file id; pass the id an upload answered") from None

    def _create(self, path: str) -> Any:
        self._fs.makedirs(self._root, exist_ok=True)
        return self._fs.open(path, "wb")

    def _finish(self, out: Any, rest: bytes, temporary: str, path: str, given_up: threading.Event) -> None:
        out.write(rest)
        out.flush()
        # Only a local file has a descriptor; a bucket makes the object durable when it is closed.
        with suppress(OSError, AttributeError, NotImplementedError):
            os.fsync(out.fileno())
        out.close()
        # Making bytes durable takes its time, and who waits for it may have been cancelled.
        if given_up.is_set():
            self._fs.rm_file(temporary)
        else:
            self._fs.mv(temporary, path)

    def _drop(self, out: Any, temporary: str) -> None:
        with suppress(Exception):
            out.close()
        with suppress(Exception):
            self._fs.rm_file(temporary)

    async def _guarded(self, function: Any, *args: Any, undo: Callable[[Any], object] | None = None) -> Any:
        try:
            if undo is not None:
                return await open_aside(partial(function, *args), undo)
            return await asyncio.to_thread(function, *args)
        except TaskcastError:
            raise
        except OSError as error:
            raise StoreUnavailable(
                f"the file store {self.url!r} (TASKCAST_STORAGE_URL): {error}; look whether it may be written and has space"
            ) from error


def open_store(storage_url: str | None, data_dir: Path | str) -> FileStore:
    """Return the store at `storage_url`, or the folder `files` in the data directory when there is no URL."""
    return FileStore(storage_url or (Path(data_dir).absolute() / "files").as_uri())


async def save_upload(
    store: FileStore,
    source: Source,
    *,
    name: str,
    user_id: str | None = None,
    content_type: str | None = None,
    job_id: str | None = None,
    max_bytes: int | None = None,
    file_id: str | None = None,
) -> StoredFile:
    """Store a new file and its row; the bytes first, so that a row always has its bytes.

    With a `file_id`, one that a job derives from its own id, doing it again takes the place of the file of the attempt before.

    Raises:
        FileTooLarge: if there are more than `max_bytes`.
        StoreUnavailable: if the store cannot be written.
    """
    again, file_id = file_id is not None, file_id or new_id()
    try:
        size, sha256 = await store.put(file_id, source, max_bytes=max_bytes)
    except asyncio.CancelledError:
        # They may have got their place at this very moment.
        if not again:
            with suppress(Exception):
                await asyncio.shield(store.delete(file_id))
        raise
    known: dict[str, Any] = {
        "name": label(name),
        "size_bytes": size,
        "sha256": sha256,
        "content_type": _UNPRINTABLE.sub("", content_type or "")[:128] or "application/octet-stream",
        "user_id": user_id,
        "job_id": job_id,
    }
    try:
        if again:
            row, _ = await File.update_or_create(known, id=file_id)
        else:
            row = await File.create(id=file_id, **known)
    except BaseException:
        # Bytes in the place of an earlier attempt's belong to its row.
        if not again:
            with suppress(Exception):
                await store.delete(file_id)
        raise
    return _stored(row)


async def get_file(file_id: str) -> StoredFile | None:
    """Return what is known of a file, or None if there is no such file."""
    try:
        key = UUID(file_id)
    except (ValueError, AttributeError, TypeError):
        return None
    row = await File.get_or_none(id=key)
    return _stored(row) if row else None


async def open_file(store: FileStore, file_id: str) -> tuple[StoredFile, BinaryIO]:
    """Return what is known of a file and its bytes as an open binary file; read it in a thread and close it.

    Raises:
        FileNotStored: if there is no such file, or its bytes are gone.
    """
    stored = await get_file(file_id)
    if stored is None:
        raise FileNotStored(f"file: there is no file {str(file_id)[:80]!r}; upload it and pass the id of the answer")
    return stored, await open_aside(partial(store.open, stored.id))


async def delete_file(store: FileStore, file_id: str) -> bool:
    """Delete a file, row and bytes, also where one of them is not there; return whether there was a row."""
    try:
        key = UUID(file_id)
    except (ValueError, AttributeError, TypeError):
        return False
    rows = await File.filter(id=key).delete()
    await store.delete(file_id)
    return rows > 0


async def old_files(*, content_type: str, before: datetime, limit: int = 100) -> list[StoredFile]:
    """Return files of one content type made before a time, oldest first."""
    rows = await File.filter(content_type=content_type, created_at__lt=before).order_by("created_at").limit(limit)
    return [_stored(row) for row in rows]


async def sweep(store: FileStore, *, older_than_s: float = 86400) -> tuple[int, int]:
    """Delete bytes that have no row: what cut uploads and crashes left behind; return `(how many, bytes freed)`.

    A file gets its row right after its bytes, so only what is older than a day is taken for left behind.
    """
    names = await store.old_names(older_than_s=older_than_s)
    count = freed = 0
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        ids = [name for name, _ in part if _FILE_ID.fullmatch(name)]
        known = {str(key) for key in await File.filter(id__in=ids).values_list("id", flat=True)}
        for name, size in part:
            if name not in known and (_FILE_ID.fullmatch(name) or name.startswith(TEMPORARY)):
                await store.remove(name)
                count, freed = count + 1, freed + size
    return count, freed


def label(name: str) -> str:
    r"""Return a name that is safe to show and to offer for a download: one path segment without control characters.

    Example:
        label("../../etc/pass\nwd")  # -> "passwd"
    """
    last = _UNPRINTABLE.sub("", re.split(r"[/\\]", name)[-1]).strip()
    if len(last) > NAME_LENGTH:
        ending = Path(last).suffix
        last = last[: NAME_LENGTH - len(ending)] + ending if len(ending) <= 16 else last[:NAME_LENGTH]
    return last if last.strip(". ") else "file"


async def chunks_of(source: Source) -> AsyncIterator[bytes]:
    """Yield the bytes of any source; a blocking one is read in a thread."""
    if isinstance(source, bytes | bytearray | memoryview):
        yield bytes(source)
    elif isinstance(source, AsyncIterable):
        async for chunk in source:
            yield chunk
    elif inspect.iscoroutinefunction(getattr(source, "read", None)):
        while chunk := await cast("AsyncReadable", source).read(CHUNK_BYTES):
            yield chunk
    elif hasattr(source, "read"):
        while chunk := await asyncio.to_thread(cast("BinaryIO", source).read, CHUNK_BYTES):
            yield chunk
    else:
        kind = type(source).__name__
        raise TypeError(f"cannot read a file from {kind}; give bytes, a binary file or an async iterable of bytes")


def _shown(url: str) -> str:
    """Return the URL as errors may show it: without the password that it may hold."""
    return Redactor().text(url)


def _stored(row: File) -> StoredFile:
    return StoredFile(
        id=str(row.id),
        name=row.name,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        content_type=row.content_type,
        user_id=row.user_id,
        job_id=row.job_id,
        created_at=row.created_at,
    )
