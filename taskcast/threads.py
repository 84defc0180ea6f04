"""Threads for sync functions, as many as there are slots.

Unlike the standard pool's, these threads do not keep the process alive: a function that never returns must not stop a
worker from stopping.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any

IDLE_S = 60.0


class SlotThreads:
    """Runs sync functions in daemon threads; a thread is made when none is idle, and ends when idle for a minute."""

    def __init__(self, name: str = "taskcast-job") -> None:
        self._name = name
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._idle = 0
        self._made = 0
        self._lock = threading.Lock()
        self._stopped = False

    def submit(self, function: Callable[[], Any]) -> SlotFuture:
        """Run `function` in a thread, in a copy of this context; the future may be cancelled, the thread may not.

        Its `left` is set when the thread has left the function.
        """
        future = SlotFuture(loop=asyncio.get_running_loop())
        call = _Call(future, function, contextvars.copy_context())
        with self._lock:
            if self._idle > 0:
                self._idle -= 1
                new = False
            else:
                self._made += 1
                new = True
        if new:
            name = f"{self._name}-{self._made}"
            threading.Thread(target=self._work, args=(call,), name=name, daemon=True).start()
        else:
            self._calls.put(call)
        return future

    def stop(self) -> None:
        """Let idle threads end; busy ones end after their function."""
        with self._lock:
            self._stopped = True
            idle, self._idle = self._idle, 0
        for _ in range(idle):
            self._calls.put(None)

    def _work(self, call: _Call | None) -> None:
        while call is not None:
            call.run()
            with self._lock:
                if self._stopped:
                    return
                self._idle += 1
            del call
            try:
                call = self._calls.get(timeout=IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self._idle > 0:
                        self._idle -= 1
                        return
                call = self._calls.get()  # somebody has just counted on this thread


class SlotFuture(asyncio.Future[Any]):
    """The end of a function in a thread, as the event loop sees it."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.left = False
        self.on_left: Callable[[], None] | None = None

    def leave(self, value: object, error: BaseException | None) -> None:
        """Take what the function returned or raised; in the loop's thread."""
        self.left = True
        if not self.done():
            if error is not None:
                self.set_exception(error)
            else:
                self.set_result(value)
        if self.on_left is not None:
            self.on_left()


class _Call:
    """One function to run, where, and who waits for it."""

    __slots__ = ("context", "function", "future")

    def __init__(self, future: SlotFuture, function: Callable[[], Any], context: contextvars.Context) -> None:
        self.future, self.function, self.context = future, function, context

    def run(self) -> None:
        """Run the function and hand its end to the loop; nothing it raises ends the thread."""
        value: object = None
        error: BaseException | None = None
        try:
            value = self.context.run(self.function)
        except StopIteration as stop:
            error = RuntimeError("the function raised StopIteration")  # no future may hold one
            error.__cause__ = stop
        except BaseException as raised:
            error = raised
        try:
            self.future.get_loop().call_soon_threadsafe(self.future.leave, value, error)
        except RuntimeError:
            return  # the loop is closed: the worker has gone, and its jobs were given back
