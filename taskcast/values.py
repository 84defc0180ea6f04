"""Values of every kind as JSON: arguments, results, contexts of log lines, errors. Nothing here raises.

What JSON cannot say is described: bytes that are no UTF-8 become `{"$bytes": base64}`, an object without a form of its
own `{"$repr": text, "type": name}`, NaN and the infinities their names. A value over its size is cut, see `cut`.
"""

from __future__ import annotations

import base64
import json
import math
import re
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from pydantic_core import to_json

from taskcast.events import ErrorInfo

DATA_BYTES = 16 * 1024
RESULT_BYTES = 256 * 1024
LINE_BYTES = 8 * 1024
STACK_TRACE_BYTES = 64 * 1024

HEAD_CHARACTERS = 2048
DEPTH = 32
ITEMS = 10_000
LONGEST_NUMBER = 4_300
"""Digits; Python reads and writes no longer number (`sys.set_int_max_str_digits`)."""
LONGEST_INT_BITS = 2_048

encode_plain = msgspec.json.Encoder().encode
"""The fast encoder, for values known to be JSON already."""


class Encoded(bytes):
    """JSON text that stands for a value, encoded where the value was."""


_PLAIN = frozenset({type(None), bool, int, str})
_ENDLESS_NUMBER = re.compile(rb"[0-9]{%d}" % LONGEST_NUMBER)
_FOLDER = str(Path(__file__).parent)


def encode(value: object) -> bytes:
    """Return `value` as JSON text, whatever it is."""
    if type(value) in _PLAIN:
        try:
            return encode_plain(value)
        except Exception:  # a lone surrogate, an integer over 64 bits
            return _encode_described(value)
    try:
        encoded = to_json(value, inf_nan_mode="strings", bytes_mode="utf8", fallback=_describe_unknown)
    except Exception:  # a cycle, bytes that are no UTF-8, a property or a serializer of the user's that raises
        return _encode_described(value)
    if len(encoded) > LONGEST_NUMBER and _ENDLESS_NUMBER.search(encoded):
        return _encode_described(value)
    return encoded


def cut(encoded: bytes, limit: int, hide: Callable[[str], str] | None = None) -> bytes:
    """Return JSON text of at most `limit` bytes: itself, or `{"$cut": {"bytes": n, "head": "..."}}`.

    `hide` masks what must not be seen in the head.
    """
    if len(encoded) <= limit:
        return encoded
    head = encoded[: 4 * HEAD_CHARACTERS].decode("utf-8", "ignore")[: min(HEAD_CHARACTERS, limit // 8)]
    return encode_plain({"$cut": {"bytes": len(encoded), "head": hide(head) if hide else head}})


def cut_text(text: str, limit: int) -> str:
    """Return a text of at most `limit` bytes of UTF-8 that can be written as JSON; what was cut is said at its end."""
    if len(text) * 4 <= limit and text.isascii():
        return text
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw.decode()
    note = f" ... [cut from {len(raw)} bytes]"
    return raw[: max(0, limit - len(note))].decode("utf-8", "ignore") + note


def cut_middle(text: str, limit: int) -> str:
    """Do the same, but keep the end too: the last lines of a stack trace say the most."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw.decode()
    note = f"\n... [cut from {len(raw)} bytes] ...\n"
    room = limit - len(note)
    return raw[: room // 4].decode("utf-8", "ignore") + note + raw[-(room - room // 4) :].decode("utf-8", "ignore")


def text_of(value: object) -> str:
    """Return `str(value)`, or a description if that raises."""
    try:
        return str(value)
    except Exception:
        return f"<{type_name(type(value))}: str() failed>"


def type_name(cls: type) -> str:
    """Return a type's name with its module, without one for builtins."""
    if cls.__module__ == "builtins":
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


def error_info(error: BaseException) -> ErrorInfo:
    """Describe an exception: its type, its text and its `code`, if it has one that is a text or a number."""
    code = None
    try:
        found = getattr(error, "code", None)
        code = cut_text(str(found), 128) if isinstance(found, str | int) and not isinstance(found, bool) else None
    except Exception:  # a property that raises
        code = None
    return ErrorInfo(
        type=cut_text(type_name(type(error)), 255), message=cut_text(text_of(error), LINE_BYTES), code=code
    )


def stack_trace(error: BaseException) -> str:
    """Return the traceback with its causes, from the user's code on, of at most 64 KiB."""
    try:
        text = "".join(traceback.format_exception(type(error), error, _first_frame_of_user(error.__traceback__)))
    except Exception:  # an exception whose attributes raise
        text = f"{type_name(type(error))}: {text_of(error)}\n"
    return cut_middle(text, STACK_TRACE_BYTES)


def _first_frame_of_user(trace: TracebackType | None) -> TracebackType | None:
    """Skip the frames of this library that stand before the job's own."""
    first = trace
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_FOLDER):
        first = first.tb_next
    return first if first is not None else trace


def _describe_unknown(value: object) -> object:
    """Describe one object for the encoder, which then goes on with what is returned."""
    if isinstance(value, BaseException):
        return {"$error": {"type": type_name(type(value)), "message": cut_text(text_of(value), LINE_BYTES)}}
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    return {"$repr": _repr_of(value), "type": type_name(type(value))}


def _repr_of(value: object) -> str:
    try:
        return cut_text(repr(value), 1024)
    except Exception:
        return f"<{type_name(type(value))}: repr() failed>"


def _encode_described(value: object) -> bytes:
    return json.dumps(_described(value, 0), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        "utf-8", "replace"
    )


def _described(value: Any, depth: int) -> object:
    """Turn any value into JSON by hand; slower than the encoder, but nothing stops it."""
    if depth > DEPTH:
        return {"$repr": "...", "type": type_name(type(value))}
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if value.bit_length() < LONGEST_INT_BITS else _described_int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray):
        return _described_bytes(bytes(value))
    try:
        if isinstance(value, Mapping):
            return {text_of(k): _described(v, depth + 1) for k, v in list(value.items())[:ITEMS]}
        if isinstance(value, list | tuple | set | frozenset):
            return [_described(item, depth + 1) for item in list(value)[:ITEMS]]
        return json.loads(to_json(value, inf_nan_mode="strings", bytes_mode="base64", fallback=_describe_unknown))
    except Exception:
        return {"$repr": _repr_of(value), "type": type_name(type(value))}


def _described_int(value: int) -> object:
    return {"$repr": f"a number of {value.bit_length()} bits", "type": type_name(type(value))}


def _described_bytes(value: bytes) -> object:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"$bytes": base64.b64encode(value).decode()}
