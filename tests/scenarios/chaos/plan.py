"""The plan of a run: which jobs are sent when, and what trouble comes when; the same seed makes the same plan."""

from __future__ import annotations

import random
from typing import Literal

import msgspec

from taskcast.states import Priority
from tests.scenarios.chaos.app import LEASE_S, PAUSED_QUEUE, PAUSED_TASK

WORKERS = ("worker1", "worker2")
PROCESSES = (*WORKERS, "recorder", "gateway", "valkey", "postgres")
EVERYTHING = "everything"
"""What a blackout kills: all processes at once, the servers first."""
WIRES = (
    "worker1-valkey",
    "worker2-valkey",
    "recorder-valkey",
    "recorder-postgres",
    "gateway-valkey",
    "gateway-postgres",
    "client-gateway",
    "sender-valkey",
)
CALM_S = 1.5
"""Before the first trouble, and between two of the same process or wire."""

Kind = Literal[
    "quick", "threaded", "retrying", "failing", "slow", "delayed", "twin",
    "cancel_waiting", "cancel_racing", "cancel_running", "repaired", "revived", "overtime", "poison",
    "process", "crashing", "narrow", "metered", "paused_task", "paused_queue",
]  # fmt: skip
What = Literal[
    "blackout",
    "kill",
    "kill_child",
    "kill_manager",
    "restart",
    "stop",
    "cut",
    "refuse",
    "stall_up",
    "stall_down",
    "halve",
]
Via = Literal["broker", "batch", "gateway"]

SHARES: dict[Kind, int] = {
    "quick": 24, "threaded": 9, "retrying": 10, "failing": 4, "slow": 8, "delayed": 7, "twin": 6,
    "cancel_waiting": 4, "cancel_racing": 3, "cancel_running": 4, "repaired": 2, "revived": 2, "overtime": 1,
    "process": 6, "crashing": 1, "narrow": 4, "metered": 4, "paused_task": 4, "paused_queue": 4,
}  # fmt: skip
TASKS: dict[Kind, str] = {
    "quick": "quick", "threaded": "threaded", "retrying": "retrying", "failing": "failing", "slow": "slow",
    "delayed": "quick", "twin": "threaded", "cancel_waiting": "quick", "cancel_racing": "slow",
    "cancel_running": "patient", "repaired": "failing", "revived": "quick", "overtime": "overtime", "poison": "poison",
    "process": "in_process", "crashing": "crashing", "narrow": "narrow", "metered": "metered",
    "paused_task": PAUSED_TASK, "paused_queue": "on_paused_queue",
}  # fmt: skip


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A job to send; `number` is its argument, by which it is found wherever it comes to.

    Attributes:
        at: seconds after the begin.
        batch: the orders of one call of `enqueue_many` share it; 0 for none.
        insist: whether the sender repeats, under the same id, until it is answered.
        cancel_after: seconds from its answer (or, of those cancelled while running, from its begin) to its cancel.
        retry: whether it is retried by hand after its end.
    """

    number: int
    kind: Kind
    task: str
    at: float
    via: Via
    batch: int = 0
    arguments: dict[str, float | int | str] = {}
    priority: str = "NORMAL"
    delay_s: float | None = None
    dedup_key: str | None = None
    insist: bool = False
    cancel_after: float | None = None
    cancel_via: Via = "gateway"
    retry: bool = False


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happens to a process or a wire; `seconds` is how long, 0 for a moment."""

    at: float
    what: What
    target: str
    seconds: float = 0.0


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """A queue or a task that is paused for some seconds."""

    at: float
    seconds: float
    via: Via
    queue: str | None = None
    task: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All that happens in a run."""

    seed: int
    seconds: float
    orders: list[Order]
    troubles: list[Trouble]
    pauses: list[Pause] = []

    def text(self) -> str:
        """Return it for people: the counts of the orders and every trouble."""
        kinds = {kind: sum(order.kind == kind for order in self.orders) for kind in TASKS}
        lines = [f"seed {self.seed}: {len(self.orders)} jobs in {self.seconds:g} s"]
        lines.append("  " + ", ".join(f"{kind} {count}" for kind, count in kinds.items() if count))
        for trouble in self.troubles:
            lasts = f" for {trouble.seconds:.1f} s" if trouble.seconds else ""
            lines.append(f"  {trouble.at:5.1f} s  {trouble.what} {trouble.target}{lasts}")
        return "\n".join(lines)


def make_plan(seed: int, *, jobs: int, seconds: float, troubles: int) -> Plan:
    """Make the plan of a seed.

    Args:
        seed: what it is made from.
        jobs: how many orders.
        seconds: over how long they are sent.
        troubles: about how many; those that find no calm moment of their target are left out.
    """
    dice = random.Random(seed)
    return Plan(
        seed=seed,
        seconds=seconds,
        orders=_orders(dice, jobs, seconds),
        troubles=_troubles(dice, troubles, seconds),
        pauses=_pauses(dice, seconds),
    )


def _orders(dice: random.Random, jobs: int, seconds: float) -> list[Order]:
    orders: list[Order] = []
    kinds, shares = list(SHARES), list(SHARES.values())
    batch = 0
    if jobs >= 1000:
        orders.append(_order(dice, 1, "poison", dice.uniform(0, seconds / 2)))
    while len(orders) < jobs:
        kind = dice.choices(kinds, shares)[0]
        at = dice.uniform(0, seconds)
        number = len(orders) + 1
        if kind == "quick" and dice.random() < 0.1:
            batch += 1
            size = min(dice.randint(5, 40), jobs - len(orders))
            orders += [_order(dice, number + n, "quick", at, via="batch", batch=batch) for n in range(size)]
        elif kind == "twin":
            orders += [
                _order(dice, number + n, "twin", at + n * dice.uniform(0, 1), dedup_key=f"twin-{number}")
                for n in range(min(2, jobs - len(orders)))
            ]
        else:
            orders.append(_order(dice, number, kind, at))
    return sorted(orders, key=lambda order: (order.at, order.number))


def _order(
    dice: random.Random,
    number: int,
    kind: Kind,
    at: float,
    *,
    via: Via | None = None,
    batch: int = 0,
    dedup_key: str | None = None,
) -> Order:
    task, arguments = TASKS[kind], {"number": number}
    more: dict[str, object] = {}
    if kind in {"threaded", "twin", "process", "narrow"}:
        arguments |= {"seconds": round(dice.uniform(0.02, 0.4), 3)}
    elif kind == "retrying":
        arguments |= {"errors": dice.randint(1, 4)}
    elif kind in {"slow", "cancel_racing"}:
        arguments |= {"seconds": round(dice.choice((1, 2, 4, LEASE_S * 1.6)), 2)}
    elif kind == "delayed":
        more["delay_s"] = round(dice.uniform(0.5, 12), 3)
    elif kind in {"cancel_waiting", "revived"}:
        more |= {"delay_s": round(dice.uniform(8, 16), 3), "cancel_after": dice.uniform(0, 6)}
    elif kind == "cancel_running":
        task = dice.choice(("patient", "patient_thread", "patient_process"))
        more["cancel_after"] = dice.choice((0.0, dice.uniform(0, 3)))
    elif kind == "overtime":
        task = dice.choice(("overtime", "overtime_process"))
    if kind == "cancel_racing":
        more["cancel_after"] = dice.choice((0.0, dice.uniform(0, 0.05)))
    return Order(
        number=number,
        kind=kind,
        task=task,
        at=at,
        via=via or dice.choice(("broker", "broker", "gateway")),
        batch=batch,
        arguments=arguments,
        priority=dice.choice([priority.name for priority in Priority]),
        dedup_key=dedup_key,
        insist=dice.random() < 0.5,
        cancel_via=dice.choice(("gateway", "broker")),
        retry=kind in {"repaired", "revived"},
        **more,
    )


def _pauses(dice: random.Random, seconds: float) -> list[Pause]:
    """Return about a pause every ten seconds of the one queue and the one task that are there for it."""
    pauses = []
    for names in ({"queue": PAUSED_QUEUE}, {"task": PAUSED_TASK}):
        at = dice.uniform(0, 5)
        while at < seconds:
            lasts = dice.uniform(0.5, 6)
            pauses.append(Pause(at=at, seconds=lasts, via=dice.choice(("broker", "gateway")), **names))
            at += lasts + dice.uniform(2, 8)
    return sorted(pauses, key=lambda pause: pause.at)


def _troubles(dice: random.Random, count: int, seconds: float) -> list[Trouble]:
    """Return one of each sort first, as far as `count` goes, then more of any."""
    sorts: list[tuple[What, str]] = [
        *((what, worker) for worker in WORKERS for what in ("kill", "stop", "restart")),
        ("kill_child", dice.choice(WORKERS)),
        ("kill_manager", dice.choice(WORKERS)),
        *((what, process) for process in PROCESSES[2:] for what in ("kill", "stop", "restart")),
        ("kill_child", "postgres"),
        ("blackout", EVERYTHING),
        *((what, wire) for wire in WIRES for what in ("cut", "refuse", "stall_up", "stall_down", "halve")),
    ]
    # Half of it hits processes, however many sorts of cuts there are.
    weights = [1 if target in WIRES else 3 for _, target in sorts]
    busy: dict[str, list[tuple[float, float]]] = {}
    found: list[Trouble] = []
    first = dice.sample(sorts, len(sorts), counts=None)
    for number in range(count * 3):
        if len(found) == count:
            break
        what, target = first[number] if number % 2 and number < len(first) else dice.choices(sorts, weights)[0]
        lasts, at = _seconds(dice, what, target), dice.uniform(CALM_S, seconds)
        near = busy.setdefault(target, [])
        if any(at < until + CALM_S and since < at + lasts + CALM_S for since, until in near):
            continue
        if len(near) >= 4:
            continue
        near.append((at, at + lasts))
        found.append(Trouble(at=at, what=what, target=target, seconds=lasts))
    return sorted(found, key=lambda trouble: trouble.at)


def _seconds(dice: random.Random, what: What, target: str) -> float:
    short, long = dice.uniform(0.2, 2.0), dice.uniform(LEASE_S + 1, LEASE_S * 1.8)
    if what == "stop":
        return dice.choice((short, long)) if target in WORKERS else dice.choice((short, dice.uniform(2, 7)))
    if what in {"refuse", "stall_up", "stall_down"}:
        return dice.choice((short, dice.uniform(2, 7), long))
    return dice.uniform(4, 12) if what == "halve" else 0.0
