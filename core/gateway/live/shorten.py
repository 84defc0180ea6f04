"""Makes an event fit for a websocket: over 64 KiB its largest values are cut. REST has them whole."""

from __future__ import annotations

import msgspec

from taskcast.values import cut, cut_middle

EVENT_BYTES = 64 * 1024
VALUE_BYTES = 16 * 1024
"""What is left of a value that is cut."""

TEXTS = frozenset({"message", "stack_trace"})
"""These are texts by their type, so they stay texts."""

KEPT = frozenset({"error"})

Fields = dict[str, msgspec.Raw]

_fields: msgspec.json.Decoder[Fields] = msgspec.json.Decoder(Fields)
_encode = msgspec.json.Encoder().encode


def shorten(line: bytes) -> bytes:
    """Return an event's line of at most 64 KiB: itself, or one whose largest values are cut until it fits.

    An error stays whole, because its readers know its shape; it is small by itself.
    A message or stack trace keeps its beginning and its end; anything else becomes `{"$cut": {"bytes": n, "head": "..."}}`.
    """
    if len(line) <= EVENT_BYTES:
        return line
    try:
        event = _fields.decode(line)
        data = _fields.decode(event["data"])
    except (msgspec.DecodeError, KeyError, RecursionError):
        return line
    size = len(line)
    for name in sorted(data.keys() - KEPT, key=lambda name: -len(bytes(data[name]))):
        if size <= EVENT_BYTES:
            break
        value = bytes(data[name])
        data[name] = msgspec.Raw(_shorter(name, value))
        size -= len(value) - len(bytes(data[name]))
    return _encode({**event, "data": data})


def _shorter(name: str, value: bytes) -> bytes:
    if name not in TEXTS or value[:1] != b'"':
        return cut(value, VALUE_BYTES)
    text: str = msgspec.json.decode(value)
    # Escaped, a text may be several times as long.
    return _encode(cut_middle(text, VALUE_BYTES * len(text.encode()) // len(value)))
