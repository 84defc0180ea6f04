"""`taskcast up`: the whole of Taskcast on one machine, from nothing to a page that answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.process import READY_WITHIN_S, EmbeddedServer
from core.embedded.valkey import EmbeddedValkey
from core.settings import Settings
from core.supervisor.child import Child
from core.supervisor.instance import check_port, kept_secret, locked
from core.supervisor.procfile import read_procfile
from taskcast.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds `core`, `workers` and the Procfile: a checkout, or `taskcast/_server` in a wheel."""

DEMO = {"household": [sys.executable, "-m", "workers.household"]}
COLOURS = (36, 35, 33, 32, 34, 96, 95, 93)


class Up:
    """One run of everything; `run` returns when it was asked to stop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data_dir = settings.data_dir.resolve()
        self._servers: list[Child] = []
        self._children: list[Child] = []
        self._stopped = asyncio.Event()
        self._colour: dict[str, int] = {}

    async def run(self) -> None:
        """Start everything, say where it is, and stay until a signal.

        Raises:
            ConfigurationError: if something in the way can be changed by the reader; the message says how.
        """
        began = time.monotonic()
        settings = self.settings
        check_port(settings.host, settings.gateway_port, setting="TASKCAST_GATEWAY_PORT")
        check_port(settings.host, settings.dashboard_port, setting="TASKCAST_DASHBOARD_PORT")
        with locked(self.data_dir):
            self._listen_for_signals()
            try:
                env = await self._start_servers()
                first = await self._set_up(env)
                if not self._stopped.is_set():
                    await self._start_processes(env)
                    await self._announce(first, time.monotonic() - began)
                await self._stopped.wait()
            finally:
                await self._stop()

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stopped.set)

    async def _start_servers(self) -> dict[str, str]:
        settings = self.settings
        env = dict(os.environ)
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}"
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
        env["PYTHONUNBUFFERED"] = "1"
        env["TASKCAST_DATA_DIR"] = str(self.data_dir)
        env["TASKCAST_SECRET_KEY"] = (
            settings.secret_key.get_secret_value() if settings.secret_key else kept_secret(self.data_dir)
        )
        embedded: dict[str, EmbeddedServer] = {}
        if not settings.redis_url:
            embedded["TASKCAST_REDIS_URL"] = EmbeddedValkey(self.data_dir)
        if not settings.database_url:
            embedded["TASKCAST_DATABASE_URL"] = EmbeddedPostgres(self.data_dir)
        for server in embedded.values():
            server.prepare()
            child = Child(
                server.name,
                server.command(),
                env={"PATH": env["PATH"], "LC_ALL": "C", "TZ": "UTC"},
                say=self._say,
                prepare=server.prepare,
                user=server.user(),
                ending=signal.SIGINT if server.name == "postgres" else signal.SIGTERM,
                cwd="/",
                patience_s=60,
            )
            self._servers.append(child)
            await child.start()
        for variable, server in embedded.items():
            await self._wait_ready(server)
            env[variable] = server.url
        env.setdefault("TASKCAST_REDIS_URL", settings.redis_url or "")
        env.setdefault("TASKCAST_DATABASE_URL", settings.database_url or "")
        env["TASKCAST_GATEWAY_PORT"], env["TASKCAST_DASHBOARD_PORT"] = (
            str(settings.gateway_port),
            str(settings.dashboard_port),
        )
        return env

    async def _wait_ready(self, server: EmbeddedServer) -> None:
        until = time.monotonic() + READY_WITHIN_S
        while not await asyncio.to_thread(server.is_ready):
            if time.monotonic() > until:
                raise ConfigurationError(
                    f"the embedded {server.name} did not answer within {READY_WITHIN_S:.0f} s; its lines above say why"
                )
            await asyncio.sleep(0.02)

    async def _set_up(self, env: dict[str, str]) -> dict[str, str | None]:
        """Migrate, make the first admin and the token of the command line, in a process of its own."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "core.setup",
            env=env,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise ConfigurationError("the database could not be set up; the lines above say why")
        answer: dict[str, str | None] = json.loads(output)
        return answer

    async def _start_processes(self, env: dict[str, str]) -> None:
        procfile = self.settings.procfile or ROOT / "Procfile"
        commands = read_procfile(procfile) | (DEMO if self.settings.demo else {})
        for name, command in commands.items():
            child = Child(name, command, env=env, say=self._say, cwd=str(procfile.resolve().parent))
            self._children.append(child)
            await child.start()

    async def _announce(self, first: dict[str, str | None], before_s: float) -> None:
        settings = self.settings
        began = time.monotonic()
        for port in (settings.gateway_port, settings.dashboard_port):
            while not await _answers(settings.host, port):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), 0.05)
                if self._stopped.is_set():
                    return
        shown = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - only shown
        lines = [
            f"Taskcast is up after {before_s + time.monotonic() - began:.1f} s.",
            f"  Dashboard   http://{shown}:{settings.dashboard_port}/admin/jobs",
            f"  API         http://{shown}:{settings.gateway_port}/docs",
        ]
        if first["password"]:
            lines += [
                f"  Sign in as  {first['email']} with the password {first['password']}",
                "              (made now and shown this once)",
            ]
        else:
            lines += [f"  Sign in as  {first['email']}"]
        lines += ["  Stop with   Ctrl-C"]
        print("\n" + "\n".join(lines) + "\n", flush=True)  # noqa: T201 - this is what the person asked for

    async def _stop(self) -> None:
        """Stop what uses the servers first, all at once, then the servers."""
        await asyncio.gather(*(child.stop() for child in self._children))
        await asyncio.gather(*(child.stop() for child in self._servers))

    def _say(self, name: str, line: str) -> None:
        if not line:
            return
        colour = self._colour.setdefault(name, COLOURS[len(self._colour) % len(COLOURS)])
        label = f"\x1b[{colour}m{name:<9}\x1b[0m" if sys.stdout.isatty() else f"{name:<9}"
        print(f"{label} {line}", flush=True)  # noqa: T201 - the processes' own output


async def _answers(host: str, port: int) -> bool:
    """Tell whether an HTTP server answers there."""
    where = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - only compared
    try:
        reader, writer = await asyncio.open_connection(where, port)
    except OSError:
        return False
    try:
        writer.write(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
        return (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/")
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
