"""The Taskiq message as it travels: JSON, written and read without Taskiq's models where speed matters."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic_core import to_json
from taskiq.abc.formatter import TaskiqFormatter
from taskiq.labels import parse_label
from taskiq.message import BrokerMessage, TaskiqMessage

from taskcast.engine.jobs import MESSAGE_MAX_BYTES
from taskcast.values import encode_plain

_PLAIN = frozenset({type(None), bool, int, str})


class Message(msgspec.Struct):
    """A message as it travels; labels are still texts, their types beside them."""

    task_id: str
    task_name: str
    labels: dict[str, Any] = {}
    labels_types: dict[str, int] | None = None
    args: list[Any] = []
    kwargs: dict[str, Any] = {}

    def parsed_labels(self) -> dict[str, Any]:
        """Return the labels as what they were before they were sent."""
        types = self.labels_types or {}
        return {name: parse_label(value, types.get(name)) for name, value in self.labels.items()}

    def for_taskiq(self) -> TaskiqMessage:
        """Return Taskiq's own model of this message, labels parsed."""
        return TaskiqMessage.model_construct(
            task_id=self.task_id,
            task_name=self.task_name,
            labels=self.parsed_labels(),
            labels_types=self.labels_types,
            args=self.args,
            kwargs=self.kwargs,
        )

    def encoded(self) -> bytes:
        """Return the message as JSON text."""
        return encode_plain(self)


decode = msgspec.json.Decoder(Message).decode
"""Read a message; raises `msgspec.DecodeError` for anything else."""


def check_size(message: bytes) -> bytes:
    """Return a message that a worker may read.

    Raises:
        ValueError: if it is larger than any that our senders send.
    """
    if len(message) > MESSAGE_MAX_BYTES:
        raise ValueError(f"it has {len(message)} bytes, at most {MESSAGE_MAX_BYTES} are allowed")
    return message


def argument(value: Any) -> Any:
    """Return an argument as what JSON has, so that its annotation reads it back on the other side; NaN by its name.

    Raises:
        ValueError: if it has no form in JSON.
    """
    if type(value) in _PLAIN:
        return value
    try:
        return msgspec.Raw(to_json(value, inf_nan_mode="strings", bytes_mode="utf8"))
    except ValueError as error:
        raise ValueError(f"an argument of type {type(value).__name__} has no form in JSON: {error}") from None


class JobMessage(BrokerMessage):
    """What the formatter hands to `JobBroker.kick`: the text, and the message it was made of."""

    source: TaskiqMessage


class JobFormatter(TaskiqFormatter):
    """Writes the JSON that Taskiq's own formatter writes, without its models."""

    def dumps(self, message: TaskiqMessage) -> JobMessage:
        """Return the message as text, with the model beside it."""
        text = Message(
            message.task_id,
            message.task_name,
            message.labels,
            message.labels_types,
            [argument(value) for value in message.args],
            {name: argument(value) for name, value in message.kwargs.items()},
        ).encoded()
        return JobMessage.model_construct(
            task_id=message.task_id, task_name=message.task_name, message=text, labels=message.labels, source=message
        )

    def loads(self, message: bytes) -> TaskiqMessage:
        """Return Taskiq's model of a text; its labels are still texts."""
        found = decode(message)
        return TaskiqMessage.model_construct(
            task_id=found.task_id,
            task_name=found.task_name,
            labels=found.labels,
            labels_types=found.labels_types,
            args=found.args,
            kwargs=found.kwargs,
        )
