"""A whole gateway behind a real port, the recorder beside it, and a worker made of the engine's own calls."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from core.auth_tokens import digest, new_api_token
from core.gateway.app import create_app
from core.gateway.live.endpoint import SERVER_OPTIONS
from core.gateway.live.hub import LiveHub
from core.recorder.recorder import Recorder
from core.secrets import MessageCipher
from core.settings import Settings
from core.storage import tokens
from core.storage.connection import connected
from taskcast.client import Client, Mark
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import End, NewJob, Report
from taskcast.ids import new_id
from taskcast.protocol import SUBPROTOCOL

STARTED = b'{"worker":"w1","host":"h","pid":1}'


class Gateway:
    """A gateway that a test may stop and start again on its port."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.app: Any = None
        self.port = 0
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def hub(self) -> LiveHub:
        hub: LiveHub = self.app.state.hub
        return hub

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self.app = create_app(self.settings)
        config = uvicorn.Config(self.app, log_config=None, lifespan="on", **SERVER_OPTIONS)
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server._serve(sockets=[listener]))
        while not self._server.started:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        if self._server is None or self._task is None:
            return
        for server in self._server.servers:
            server.close()
        await self.hub.stop()
        self._server.should_exit = True
        await self._task
        self._server = self._task = None


class Work:
    """Jobs and their life, by the calls a worker makes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._number = 0
        self._lines: dict[str, int] = {}

    async def enqueue(self, **fields: Any) -> str:
        job = NewJob(**({"id": new_id(), "task": "import", "queue": "imports", "message": b"{}"} | fields))
        await self.engine.enqueue([job])
        return job.id

    async def begin(self, count: int = 1) -> list[tuple[str, int]]:
        if not self._number:
            await self.engine.register("w1", lease_ms=60_000, info=STARTED)
        taken: list[tuple[str, int]] = []
        while len(taken) < count:
            self._number += 1
            take = await self.engine.take(
                "w1", count - len(taken), number=self._number, known=self._number - 1, started=STARTED
            )
            taken += [(each.job, each.attempt) for each in take.jobs]
        return taken

    async def running(self, **fields: Any) -> str:
        job = await self.enqueue(**fields)
        taken = await self.begin()
        assert taken == [(job, 1)]
        return job

    async def progress(self, job: str, percentage: float, attempt: int = 1) -> None:
        data = json.dumps({"percentage": percentage}).encode()
        await self.engine.report("w1", [Report(job=job, attempt=attempt, items=[("progressed", data)])])

    async def log(self, job: str, *messages: str, attempt: int = 1) -> None:
        first = self._lines.get(job, 0) + 1
        self._lines[job] = first + len(messages) - 1
        items = [
            ("logged", json.dumps({"line": number, "level": "INFO", "message": text}).encode())
            for number, text in enumerate(messages, start=first)
        ]
        await self.engine.report("w1", [Report(job=job, attempt=attempt, items=items, first_line=first)])  # type: ignore[arg-type]

    async def complete(self, job: str, attempt: int = 1) -> None:
        end = End(job=job, attempt=attempt, state="completed", data=b'{"duration_ms":5,"result":null}')
        assert (await self.engine.finish("w1", [end]))[0].outcome == "done"


class Socket:
    """A bare websocket, for what the client library would never send."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._lines: list[dict[str, Any]] = []

    async def send(self, value: Any) -> None:
        await self.socket.send(value if isinstance(value, str | bytes) else json.dumps(value))

    async def next(self) -> dict[str, Any]:
        while not self._lines:
            text = await asyncio.wait_for(self.socket.recv(), 30)
            self._lines = [json.loads(line) for line in str(text).split("\n")]
        return self._lines.pop(0)

    async def until(self, key: str) -> dict[str, Any]:
        while key not in (frame := await self.next()):
            pass
        return frame

    async def hello(self) -> dict[str, Any]:
        await self.send({"id": 1, "hello": {}})
        return await self.next()

    async def closed(self) -> tuple[int, str]:
        await asyncio.wait_for(self.socket.wait_closed(), 30)
        return self.socket.close_code or 0, self.socket.close_reason or ""


Join = Callable[..., Awaitable[Socket]]
As = Callable[..., Awaitable[Client]]


@pytest.fixture
async def gateway(settings: Settings, database: str) -> AsyncIterator[Gateway]:
    made = Gateway(settings)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def engine(settings: Settings, redis: Any) -> AsyncIterator[Engine]:
    async with Engine.connect(settings.need_redis_url(), settings.prefix) as made:
        yield made


@pytest.fixture
def work(engine: Engine) -> Work:
    return Work(engine)


@pytest.fixture
async def recorder(settings: Settings, database: str, engine: Engine) -> AsyncIterator[Recorder]:
    async with connected(database):
        cipher = MessageCipher(settings.need_secret())
        made = Recorder(engine=engine, redis_url=settings.need_redis_url(), cipher=cipher, gap_s=0.01)
        async with made:
            yield made


async def make_token(role: str = "viewer", user_id: str | None = None, **fields: Any) -> str:
    secret = new_api_token()
    await tokens.create_token(
        **({"name": role, "role": role, "user_id": user_id, "created_by": None, "expires_at": None} | fields),
        token_hash=digest(secret),
    )
    return secret


@pytest.fixture
async def join(gateway: Gateway) -> AsyncIterator[Join]:
    """Open a bare websocket in a role."""
    opened: list[ClientConnection] = []

    async def open_one(role: str | None = "viewer", user_id: str | None = None, **options: Any) -> Socket:
        token = options.pop("token", None) or (await make_token(role, user_id) if role else None)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        made = await connect(
            gateway.url.replace("http", "ws") + "/ws",
            **(
                {
                    "subprotocols": [SUBPROTOCOL],
                    "additional_headers": headers,
                    "compression": None,
                    "max_size": None,
                    "ping_interval": None,
                }
                | options
            ),
        )
        opened.append(made)
        return Socket(made)

    yield open_one
    for each in opened:
        with suppress(Exception):
            await each.close()


@pytest.fixture
async def acting(gateway: Gateway) -> AsyncIterator[As]:
    """Return a client in a role."""
    made: list[Client] = []

    async def client(role: str = "viewer", user_id: str | None = None) -> Client:
        made.append(Client(gateway.url, token=await make_token(role, user_id)))
        return made[-1]

    yield client
    for each in made:
        await each.aclose()


@asynccontextmanager
async def watching(client: Client, topic: str, **wish: Any) -> AsyncIterator[Any]:
    """Yield a subscription of a connection of its own."""
    async with client.live() as live:
        yield await live.subscribe(topic, **wish)


async def collect(
    subscription: Any, until: Callable[[list[Any]], bool], timeout_s: float = 30, *, marks: bool = False
) -> list[Any]:
    """Return the messages of a subscription up to the one that makes `until` true, on request with the marks."""
    messages: list[Any] = []
    async with asyncio.timeout(timeout_s):
        async for message in subscription:
            if isinstance(message, Mark) and not marks:
                continue
            messages.append(message)
            if until(messages):
                return messages
    return messages
