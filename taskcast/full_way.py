"""The way of a job through what Taskiq offers besides functions: middlewares, dependencies, a result backend of yours.

Tasks that use none of it take the short way. Hooks keep Taskiq's order: `pre_*` as listed, the others reversed.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from taskiq import AsyncBroker, Context, TaskiqMiddleware
from taskiq.exceptions import NoResultError
from taskiq.message import TaskiqMessage
from taskiq.result import TaskiqResult
from taskiq.state import TaskiqState
from taskiq.utils import maybe_awaitable
from taskiq_dependencies import DependencyGraph

from taskcast.context import JobContext

logger = logging.getLogger("taskcast.receiver")


class Requeued(NoResultError):
    """The job asked to go back into its lane."""


class JobTaskiqContext(Context):
    """Taskiq's `Context` where the receiver owns the end of a job: `requeue` is a release, `ack` has no meaning."""

    async def requeue(self) -> None:
        """Give the job back to the front of its lane.

        Raises:
            Requeued: to end this attempt.
        """
        raise Requeued

    async def ack(self) -> None:
        """Do nothing: the end of the job is what acknowledges it."""


class FullWay:
    """Calls a task as Taskiq does.

    Args:
        broker: whose middlewares, dependencies and state these are.
        keeps_results: whether the broker's result backend is one of the user's, to be given each result.
        propagate_exceptions: whether dependencies see the function's exception at their teardown.
    """

    def __init__(self, broker: AsyncBroker, *, keeps_results: bool, propagate_exceptions: bool) -> None:
        self._broker = broker
        self._keeps_results = keeps_results
        self._propagate = propagate_exceptions

    @property
    def is_needed(self) -> bool:
        """Whether every task must go this way."""
        return bool(self._broker.middlewares) or self._keeps_results or bool(self._broker.dependency_overrides)

    async def before(self, message: TaskiqMessage) -> TaskiqMessage:
        """Run the `pre_execute` hooks; one that raises fails the job, as it may guard it."""
        for middleware in self._broker.middlewares:
            if type(middleware).pre_execute is not TaskiqMiddleware.pre_execute:
                message = await maybe_awaitable(middleware.pre_execute(message))
        return message

    async def call(
        self,
        graph: DependencyGraph | None,
        message: TaskiqMessage,
        job: JobContext,
        function: Callable[[dict[str, Any]], Awaitable[Any]],
    ) -> Any:
        """Resolve the dependencies, await `function` with them, and tear them down again."""
        if graph is None:
            return await function({})
        known = {
            **self._broker.custom_dependency_context,  # a copy for each job: Taskiq's own is shared by all of them
            Context: JobTaskiqContext(message, self._broker),
            TaskiqState: self._broker.state,
            JobContext: job,
        }
        dependencies = graph.async_ctx(known, self._broker.dependency_overrides or None, self._propagate)
        error: BaseException | None = None
        try:
            return await function(await dependencies.resolve_kwargs())
        except BaseException as raised:
            error = raised
            raise
        finally:
            if error is not None and self._propagate:
                await dependencies.close(type(error), error, error.__traceback__)
            else:
                await dependencies.close(None, None, None)

    async def after(
        self, message: TaskiqMessage, value: Any, error: BaseException | None, *, seconds: float, is_final: bool
    ) -> None:
        """Run the other hooks and keep the result; what they raise is logged and changes nothing about the job.

        The result of an attempt that will be followed by another is not kept.
        """
        result: TaskiqResult[Any] = TaskiqResult.model_construct(
            is_err=error is not None,
            log=None,
            return_value=value,
            execution_time=round(seconds, 2),
            labels=message.labels,
            error=error,
        )
        hooks = list(reversed(self._broker.middlewares))
        if error is not None:
            for middleware in hooks:
                if type(middleware).on_error is not TaskiqMiddleware.on_error:
                    await self._guarded(partial(middleware.on_error, message, result, error))
        for middleware in hooks:
            if type(middleware).post_execute is not TaskiqMiddleware.post_execute:
                await self._guarded(partial(middleware.post_execute, message, result))
        if not is_final or isinstance(result.error, NoResultError):
            return
        if self._keeps_results:
            await self._guarded(partial(self._broker.result_backend.set_result, message.task_id, result))
        for middleware in hooks:
            if type(middleware).post_save is not TaskiqMiddleware.post_save:
                await self._guarded(partial(middleware.post_save, message, result))

    async def _guarded(self, hook: Callable[[], Any]) -> None:
        try:
            await maybe_awaitable(hook())
        except Exception:
            logger.exception("a middleware or the result backend raised; the job's end stays as it is")
