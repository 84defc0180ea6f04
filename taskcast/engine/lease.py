"""The lease from a thread: `renew` for a `redis.Redis`, because a blocked event loop must not cost a worker its jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from taskcast.engine import wire
from taskcast.engine.calls import client_options, translate
from taskcast.engine.jobs import Held, Renewed
from taskcast.engine.scripts import load
from taskcast.names import Names


def connect_sync(url: str, **options: Any) -> redis.Redis:
    """Return a client for a thread, whose own retries are off; connects at first use."""
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **(client_options(url) | options))


def renew(
    client: redis.Redis, names: Names, worker: str, *, lease_ms: int, known: int, held: Sequence[Held] | None
) -> Renewed:
    """Renew a worker's lease, once, without repeats: the thread comes again soon. See `Engine.renew`.

    Raises:
        EngineUnavailable: no answer.
    """
    script = load("renew")
    rest = (1, names.events, names.tag, worker, lease_ms, known, *wire.held(held))
    execute: Callable[..., Any] = client.execute_command
    try:
        try:
            reply = execute("EVALSHA", script.sha, *rest)
        except NoScriptError:
            reply = execute("EVAL", script.text, *rest)
    except (RedisError, OSError) as error:
        raise translate(error) from error
    return wire.renewed(reply)
