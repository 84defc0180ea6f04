"""A whole system whose processes reach each other, and whose clients reach it, through wires."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.embedded.postgres import DATABASE, PORT, ROLE, EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from tests.scenarios.chaos.ledger import PART
from tests.scenarios.chaos.plan import WORKERS
from tests.scenarios.chaos.wire import Upstream, Wires
from tests.scenarios.system import System, running_system

SLOTS = 16


@contextmanager
def wired_system() -> Iterator[tuple[System, Wires]]:
    """Run a system of two workers, recorder and gateway for the length of a `with` block."""
    gateway: list[int] = []
    folder: list[Path] = []

    def valkey() -> str:
        return str(EmbeddedValkey(folder[0]).socket)

    def postgres() -> str:
        return str(EmbeddedPostgres(folder[0]).sockets / f".s.PGSQL.{PORT}")

    upstreams: dict[str, Upstream] = {
        **{f"{name}-valkey": valkey for name in (*WORKERS, "recorder", "gateway", "sender")},
        **{f"{name}-postgres": postgres for name in ("recorder", "gateway")},
        "client-gateway": lambda: gateway[0],
    }
    with Wires(upstreams) as wires:

        def prepare(system: System) -> None:
            folder.append(system.folder / "data")
            gateway.append(system.gateway_port)
            procfile = system.folder / "Procfile"
            procfile.write_text(_procfile(wires, system.dashboard_port))
            system.environment["TASKCAST_PROCFILE"] = str(procfile)

        with running_system(prepare=prepare) as system:
            yield system, wires


def _procfile(wires: Wires, dashboard_port: int) -> str:
    def redis(name: str) -> str:
        return f"env {PART}={name} TASKCAST_REDIS_URL=redis://127.0.0.1:{wires.port(f'{name}-valkey')}/0"

    def database(name: str) -> str:
        return f"TASKCAST_DATABASE_URL=asyncpg://{ROLE}@127.0.0.1:{wires.port(f'{name}-postgres')}/{DATABASE}"

    worker = (
        f"taskiq worker tests.scenarios.chaos.app:broker --receiver taskcast:JobReceiver --workers 1"
        f" --max-async-tasks {SLOTS} --log-level WARNING"
    )
    lines = [
        *(f"{name}: {redis(name)} {database(name)} python -m core.{name}" for name in ("gateway", "recorder")),
        f"worker1: {redis('worker1')} {worker}",
        # This one gives back what runs when it is asked to end; the other waits for it.
        f"worker2: {redis('worker2')} {worker} --wait-tasks-timeout 2",
        # `up` waits until something answers on the dashboard's port.
        f"dashboard: python -m http.server --bind 127.0.0.1 {dashboard_port}",
    ]
    return "\n".join(lines) + "\n"
