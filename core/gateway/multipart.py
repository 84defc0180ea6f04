"""The one file of a `multipart/form-data` request, as it arrives: nothing is kept in memory or on disk here."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from core.errors import InvalidInput
from core.gateway.problems import BodyTooLarge, UnsupportedMedia

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELD = "file"
MOST_PARTS = 16
OTHER_BYTES = 64 * 1024
"""How much may stand around the file: boundaries, headers, other fields."""
SILENCE_S = 30.0
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that is arriving; `chunks` must be read to its end, which also checks the rest of the body."""

    name: str
    content_type: str | None
    chunks: AsyncIterator[bytes]


async def receive_file(request: Request, *, most_bytes: int) -> Upload:
    """Return the file of the request as soon as its headers are there.

    Raises:
        UnsupportedMedia: if the body is no `multipart/form-data`.
        InvalidInput: if the body is broken or its first file is not the field `file`.
        BodyTooLarge: if the body says that it is larger than `most_bytes`.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        raise UnsupportedMedia(f"send the file as multipart/form-data with a field named {FIELD!r}")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most_bytes + OTHER_BYTES:
        raise too_large(most_bytes)
    try:
        reader = _Reader(options[b"boundary"])
    except (KeyError, FormParserError):
        raise InvalidInput("the header Content-Type has no good `boundary`; let your HTTP library write it") from None
    body = request.stream()
    while not reader.found and not reader.ended:
        if not await _feed(reader, body):
            break
    if not reader.found:
        reader.finish()
        raise InvalidInput(fields={FIELD: "is missing; send the file in a field of this name"})
    return Upload(name=reader.file_name, content_type=reader.content_type, chunks=_chunks(reader, body))


def too_large(most_bytes: int) -> BodyTooLarge:
    """Return the refusal of a file over the limit, with what can be done."""
    return BodyTooLarge(
        f"the file is larger than {most_bytes} bytes; split it, or raise TASKCAST_UPLOAD_MAX_BYTES of the gateway"
    )


async def drain(request: Request) -> None:
    """Read on for a while and throw it away: many clients read an early answer only after they have sent all."""
    seen = 0
    with suppress(Exception):
        async with asyncio.timeout(DRAIN_S):
            async for chunk in request.stream():
                seen += len(chunk)
                if seen > DRAIN_BYTES:
                    return


async def _chunks(reader: _Reader, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        while reader.data:
            yield reader.data.popleft()
        if not await _feed(reader, body):
            break
    reader.finish()
    while reader.data:
        yield reader.data.popleft()


async def _feed(reader: _Reader, body: AsyncIterator[bytes]) -> bool:
    try:
        async with asyncio.timeout(SILENCE_S):
            chunk = await anext(body, b"")
    except TimeoutError:
        raise InvalidInput(f"nothing arrived for {SILENCE_S:.0f} s; send the file again") from None
    if not chunk:
        return False
    reader.write(chunk)
    return True


class _Reader:
    """Turns the bytes of the body into the bytes of its one file, and refuses whatever else is odd."""

    def __init__(self, boundary: bytes) -> None:
        self.found = False
        self.ended = False
        self.file_name = ""
        self.content_type: str | None = None
        self.data: deque[bytes] = deque()
        self._parts = 0
        self._others = 0
        self._in_file = False
        self._field = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._part_begins,
            "on_part_data": self._part_data,
            "on_part_end": self._part_ends,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_end": self._ends,
        }
        self._parser = MultipartParser(boundary, callbacks)

    def write(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidInput(f"the body is no good multipart/form-data: {error}") from None

    def finish(self) -> None:
        if not self.ended:
            raise InvalidInput("the body ends in the middle; send the file again, whole")

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise InvalidInput(f"the body has more than {MOST_PARTS} fields; send the file alone")
        self._headers = {}

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.data.append(data[start:end])
            return
        self._others += end - start
        if self._others > OTHER_BYTES:
            raise InvalidInput("the body has large fields that are no files; send the file alone")

    def _part_ends(self) -> None:
        self._in_file = False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        self._headers[bytes(self._field).lower()] = bytes(self._value)
        self._field.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        field, name = _text(options.get(b"name", b"")), options.get(b"filename")
        if name is None and field != FIELD:
            return
        if field != FIELD:
            raise InvalidInput(fields={field[:80] or FIELD: f"is not known here; send the file as {FIELD!r}"})
        if self.found:
            raise InvalidInput(fields={FIELD: "is there more than once; send one file in each request"})
        self.found = self._in_file = True
        self.file_name = _text(name or b"")
        kind = self._headers.get(b"content-type")
        self.content_type = _text(kind) if kind else None

    def _ends(self) -> None:
        self.ended = True


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
