"""Where `wait_result()` finds what jobs returned: taskiq-redis' backend, as JSON, with a prefix and an expiry.

The script that accepts a job's end writes the result too, so that a job which has ended has its result.
"""

from __future__ import annotations

import json
from typing import Any

from taskiq import AsyncResultBackend, TaskiqResult
from taskiq.serialization import prepare_exception
from taskiq.serializers import JSONSerializer
from taskiq_redis import RedisAsyncResultBackend

from taskcast.engine.address import address_of
from taskcast.engine.calls import connect
from taskcast.errors import ConfigurationError
from taskcast.names import Names
from taskcast.values import cut_text, encode, encode_plain, text_of, type_name


class JobResultBackend(RedisAsyncResultBackend[Any]):
    """The result backend that a `JobBroker` brings along."""

    def __init__(self, url: str, names: Names, *, ttl_s: int) -> None:
        address = address_of(url)
        super().__init__(
            url if address is None else "redis://",
            result_ex_time=ttl_s,
            serializer=JSONSerializer(),
            prefix_str=names.result_prefix(),
            protocol=2,
        )
        if address is not None:
            self.redis_pool: Any = connect(url, names).connection_pool


class NoResultBackend(AsyncResultBackend[Any]):
    """What a `JobBroker` that keeps no results has instead; asking it is a mistake that should not wait for ever."""

    async def set_result(self, task_id: str, result: TaskiqResult[Any]) -> None:
        """Keep nothing."""

    async def is_result_ready(self, task_id: str) -> bool:
        """Refuse.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError("no results are kept here; make the JobBroker with keep_results=True")

    async def get_result(self, task_id: str, with_logs: bool = False) -> TaskiqResult[Any]:
        """Refuse, as `is_result_ready`."""
        raise ConfigurationError("no results are kept here; make the JobBroker with keep_results=True")


def of_value(encoded: bytes, seconds: float) -> bytes:
    """Return the `TaskiqResult` of a job that returned `encoded` (JSON), as text."""
    return b'{"is_err":false,"log":null,"return_value":%b,"execution_time":%.2f,"labels":{},"error":null}' % (
        encoded,
        seconds,
    )


def of_error(encoded: bytes, seconds: float) -> bytes:
    """Return the `TaskiqResult` of a job that failed with `encoded_error`; the waiting side raises the same exception."""
    return b'{"is_err":true,"log":null,"return_value":null,"execution_time":%.2f,"labels":{},"error":%b}' % (
        seconds,
        encoded,
    )


def encoded_error(error: BaseException) -> bytes:
    """Return an exception as `TaskiqResult` holds it, as JSON text; nothing it is raises here."""
    try:
        return encode(prepare_exception(error, json))
    except Exception:  # an exception whose attributes raise
        name = type_name(type(error))
        module, _, short = name.rpartition(".")
        return encode_plain(
            {
                "exc_type": short,
                "exc_message": [cut_text(text_of(error), 8192)],
                "exc_module": module or "builtins",
                "exc_cause": None,
                "exc_context": None,
                "exc_suppress_context": False,
            }
        )
