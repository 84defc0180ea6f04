"""The lease from a thread: `renew` and `beat` for a `redis.Redis`, because a blocked event loop must not cost a worker its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from taskcast.engine import wire
from taskcast.engine.address import address_of
from taskcast.engine.calls import client_options, translate
from taskcast.engine.following import sync_client
from taskcast.engine.jobs import Held, Renewed
from taskcast.engine.scripts import load
from taskcast.names import Names


def connect_sync(url: str, names: Names, **options: Any) -> redis.Redis:
    """Return a client for a thread, whose own retries are off; connects at first use. See `connect`."""
    address = address_of(url)
    options = {"retry": Retry(NoBackoff(), 0), **client_options(url), **options}
    return redis.Redis.from_url(url, **options) if address is None else sync_client(address, names, **options)


def renew(
    client: redis.Redis, names: Names, worker: str, *, lease_ms: int, known: int, held: Sequence[Held] | None
) -> Renewed:
    """Renew a worker's lease, once, without repeats: the thread comes again soon. See `Engine.renew`.

    Raises:
        EngineUnavailable: no answer.
    """
    return wire.renewed(_run(client, names, "renew", worker, lease_ms, known, *wire.held(held)))


def beat(client: redis.Redis, names: Names, worker: str, info: bytes) -> None:
    """Tell `worker.beat` once, for a worker whose event loop cannot.

    Raises:
        EngineUnavailable: no answer.
    """
    _run(client, names, "beat", worker, info)


def _run(client: redis.Redis, names: Names, name: str, *args: wire.Arg) -> Any:
    script = load(name)
    send: Any = client.execute_command
    rest = (2, names.events, names.nothing, names.tag, *args)
    try:
        try:
            return send("EVALSHA", script.sha, *rest)
        except NoScriptError:
            return send("EVAL", script.text, *rest)
    except (RedisError, OSError) as error:
        raise translate(error) from error
