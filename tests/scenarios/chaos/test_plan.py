"""The same seed makes the same plan; every kind of job and every sort of trouble is in it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from tests.scenarios.chaos.plan import CALM_S, EVERYTHING, PROCESSES, SHARES, WIRES, make_plan


def test_a_seed_makes_the_same_plan_every_time() -> None:
    first, second, other = (make_plan(seed, jobs=1000, seconds=45, troubles=30) for seed in (7, 7, 8))

    assert first == second
    assert first.text() == second.text()
    assert first != other


def test_a_plan_has_every_job_once_and_every_kind() -> None:
    plan = make_plan(1, jobs=1000, seconds=45, troubles=30)

    assert sorted(order.number for order in plan.orders) == list(range(1, 1001))
    assert {order.kind for order in plan.orders} == {*SHARES, "poison"}


def test_seeds_together_hit_every_process_and_wire_in_every_way() -> None:
    hit = {(t.what, t.target) for seed in range(20) for t in make_plan(seed, jobs=10, seconds=45, troubles=30).troubles}

    assert {target for _, target in hit} == {*PROCESSES, *WIRES, EVERYTHING}
    assert hit >= {(what, wire) for what in ("cut", "refuse", "stall_up", "stall_down", "halve") for wire in WIRES}
    assert hit >= {(what, process) for what in ("kill", "stop", "restart") for process in PROCESSES}


def test_troubles_of_one_target_leave_it_time_between_them() -> None:
    plan = make_plan(3, jobs=10, seconds=45, troubles=30)

    for target in Counter(trouble.target for trouble in plan.troubles):
        mine = [trouble for trouble in plan.troubles if trouble.target == target]
        for before, after in pairwise(mine):
            assert after.at >= before.at + before.seconds + CALM_S
