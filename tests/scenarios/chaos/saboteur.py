"""Makes the trouble of a plan: kills, stops and ends processes, cuts and stalls wires, and mends it all in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.scenarios.chaos.evidence import Crash
from tests.scenarios.chaos.parts import SERVERS, Parts
from tests.scenarios.chaos.plan import WIRES, Plan, Trouble
from tests.scenarios.chaos.wire import Wire, Wires

SERVER_ENDS_S = 10.0
"""What a server has for its end; a supervisor would wait longer."""
ON_WIRES: dict[str, Callable[[Wire], None]] = {
    "cut": Wire.cut,
    "refuse": Wire.refuse,
    "stall_up": lambda wire: wire.stall("up"),
    "stall_down": lambda wire: wire.stall("down"),
    "halve": Wire.halve,
}


class Saboteur:
    """Has a plan, and writes down what it did and when."""

    def __init__(self, plan: Plan, parts: Parts, wires: Wires) -> None:
        self.crashes: list[Crash] = []
        self._plan, self._parts, self._wires = plan, parts, wires

    async def work(self, began: float) -> None:
        """Make all trouble at its time, counted from `began`; return when everything is whole again."""
        await asyncio.gather(*(self._make(trouble, began + trouble.at) for trouble in self._plan.troubles))
        await asyncio.sleep(max(0.0, began + self._plan.seconds - time.monotonic()))
        self._parts.go_on_all()
        self._wires.mend_all()

    async def _make(self, trouble: Trouble, at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        crash = Crash(what=trouble.what, target=trouble.target, began=time.monotonic())
        self.crashes.append(crash)
        if trouble.target in WIRES:
            self._wires.do(trouble.target, ON_WIRES[trouble.what])
            await asyncio.sleep(trouble.seconds)
            self._wires.do(trouble.target, Wire.mend)
        else:
            crash.pids = await asyncio.to_thread(self._parts.chosen, trouble.target, trouble.what)
            await self._hit(trouble, crash.pids)
        crash.ended = time.monotonic()
        if trouble.what == "restart" and trouble.target in SERVERS:
            await self._see_to_the_end_of(trouble.target, crash.pids[:1])

    async def _hit(self, trouble: Trouble, pids: list[int]) -> None:
        if trouble.what == "stop":
            self._parts.stop(pids)
            await asyncio.sleep(trouble.seconds)
            self._parts.go_on(pids)
        elif trouble.what == "restart":
            self._parts.end(pids[:1], fast=trouble.target == "postgres")
        else:
            self._parts.kill(pids)

    async def _see_to_the_end_of(self, server: str, pids: list[int]) -> None:
        """Kill a server that was asked to end and does not: PostgreSQL 18 may hang if it was recovering from a crash."""
        await asyncio.sleep(SERVER_ENDS_S)
        left = await asyncio.to_thread(self._parts.pids, server)
        if left[:1] == pids:
            self._parts.kill(left)
