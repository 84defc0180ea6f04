"""The application's cache on the queue server: kept results and short-lived entries, under keys of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from redis.asyncio import Redis

from taskcast.names import Names

SCAN_COUNT = 1000
NO_EXPIRY, NO_KEY = -1, -2


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What a cleanup has done so far; a step is one SCAN of the server's keys."""

    steps: int = 0
    steps_expected: int = 1
    looked: int = 0
    removed: int = 0
    bytes: int = 0


def cache_prefixes(names: Names) -> tuple[str, ...]:
    """Return what the keys of the cache begin with; all other keys are the engine's and never touched."""
    return names.result_prefix(), names.tag + "cache:"


async def clean_cache(server: Redis, names: Names, *, idle_s: float) -> AsyncIterator[Cleanup]:
    """Remove expired entries, and those without an expiry that were idle for `idle_s`; yield after each bounded step.

    The server frees an expired key when it is looked at, which nobody may have done; SCAN goes on where it was, a step
    being about a thousand keys, so the server answers others meanwhile.
    """
    expected = max(1, await server.dbsize() // SCAN_COUNT)
    steps = looked = removed = freed = 0
    cursor = 0
    pattern = _escaped(names.tag) + "*"
    prefixes = tuple(prefix.encode() for prefix in cache_prefixes(names))
    while True:
        cursor, keys = await server.scan(cursor, match=pattern, count=SCAN_COUNT)
        entries = [key for key in map(_bytes, keys) if key.startswith(prefixes)]
        gone, size = await _clean(server, entries, idle_s)
        steps, looked, removed, freed = steps + 1, looked + len(entries), removed + gone, freed + size
        yield Cleanup(steps, max(expected, steps), looked, removed, freed)
        if not cursor:
            return


async def _clean(server: Redis, keys: list[bytes], idle_s: float) -> tuple[int, int]:
    if not keys:
        return 0, 0
    async with server.pipeline(transaction=False) as ask:
        for key in keys:
            ask.pttl(key)
            ask.object("IDLETIME", key)
            ask.memory_usage(key)
        answers = await ask.execute(raise_on_error=False)
    removed = size = 0
    old: list[bytes] = []
    for key, ttl, idle, used in zip(keys, answers[0::3], answers[1::3], answers[2::3], strict=True):
        if ttl == NO_KEY:
            removed += 1
        elif ttl == NO_EXPIRY and isinstance(idle, int) and idle >= idle_s:
            old.append(key)
            size += used if isinstance(used, int) else 0
    if old:
        removed += int(await server.unlink(*old))
    return removed, size


def _bytes(key: bytes | str) -> bytes:
    return key.encode() if isinstance(key, str) else key


def _escaped(text: str) -> str:
    return "".join("\\" + character if character in "*?[]\\^-{}" else character for character in text)
