"""The gateway as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from core.settings import Settings
from taskcast.protocol import SUBPROTOCOL, CloseCode
from tests.conftest import SECRET
from tests.ports import free_port
from tests.waiting import eventually_sync


@contextmanager
def door(settings: Settings, **more: str) -> Iterator[subprocess.Popen[str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TASKCAST_")}
    given = {
        "TASKCAST_REDIS_URL": str(settings.redis_url),
        "TASKCAST_DATABASE_URL": str(settings.database_url),
        "TASKCAST_PREFIX": settings.prefix,
        "TASKCAST_SECRET_KEY": SECRET,
        "TASKCAST_DATA_DIR": str(settings.data_dir),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "core.gateway"],
        env=kept | given | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_gateway_serves_prints_the_first_password_once_and_stops_on_sigterm(settings: Settings) -> None:
    port = free_port()
    with door(settings, TASKCAST_GATEWAY_PORT=str(port)) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        eventually_sync(lambda: answers(port))
        password = line.split("password ")[1].split()[0]
        login = httpx.post(
            f"http://127.0.0.1:{port}/auth/login", json={"email": "admin@example.com", "password": password}
        )
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)

    assert login.status_code == 200
    assert "server" not in login.headers
    assert code in {0, -signal.SIGTERM}


def test_port_in_use_is_said_in_one_sentence(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with door(settings, TASKCAST_GATEWAY_PORT=str(port)) as process:
            _, complaint = process.communicate(timeout=30)

    assert process.returncode == 2
    assert complaint == f"gateway: port {port} is in use; set TASKCAST_GATEWAY_PORT to a free one\n"


def test_missing_secret_is_said_in_one_sentence(settings: Settings) -> None:
    with door(settings, TASKCAST_SECRET_KEY="short") as process:
        _, complaint = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "TASKCAST_SECRET_KEY" in complaint
    assert "Traceback" not in complaint


def test_first_admin_is_counted_against_whom_the_dashboard_speaks_for(settings: Settings) -> None:
    port = free_port()
    with door(settings, TASKCAST_GATEWAY_PORT=str(port), TASKCAST_ADMIN_PASSWORD="a password of the tests") as process:
        eventually_sync(lambda: answers(port))
        url, wrong = f"http://127.0.0.1:{port}/auth/login", {"email": "admin@example.com", "password": "wrong"}
        mallory, ada = {"X-Forwarded-For": "10.0.0.66"}, {"X-Forwarded-For": "10.0.0.1"}
        tried = [httpx.post(url, json=wrong, headers=mallory).status_code for _ in range(6)]
        right = eventually_sync(
            lambda: httpx.post(url, json=wrong | {"password": "a password of the tests"}, headers=ada).status_code
        )
        assert process.poll() is None

    assert tried[-1] == 429
    assert right == 200


def test_websockets_are_told_when_to_come_back_before_the_gateway_stops(settings: Settings) -> None:
    port = free_port()
    with door(settings, TASKCAST_GATEWAY_PORT=str(port), TASKCAST_ADMIN_PASSWORD="a password of the tests") as process:
        eventually_sync(lambda: answers(port))
        body = {"email": "admin@example.com", "password": "a password of the tests"}
        login = eventually_sync(lambda: signed_in(port, body))
        headers = {"Authorization": f"Bearer {login['access_token']}"}
        with connect(
            f"ws://127.0.0.1:{port}/ws", subprotocols=[Subprotocol(SUBPROTOCOL)], additional_headers=headers
        ) as live:
            live.send('{"id":1,"hello":{}}')
            assert '"ok"' in live.recv(timeout=10)
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    live.recv(timeout=10)
        process.wait(30)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.SHUTDOWN


def signed_in(port: int, body: dict[str, str]) -> dict[str, str] | None:
    answer = httpx.post(f"http://127.0.0.1:{port}/auth/login", json=body)
    found: dict[str, str] | None = answer.json() if answer.status_code == 200 else None
    return found
