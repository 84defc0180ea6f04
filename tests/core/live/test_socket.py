"""The protocol's edges over a bare websocket: hello, tokens, malformed frames, limits, pings, slow readers."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from core.gateway.live import endpoint, session
from core.settings import Settings
from core.storage.models import ApiToken
from taskcast.client import Client, GatewayError, Snapshot
from taskcast.protocol import MAX_SUBSCRIPTIONS, CloseCode
from tests.core.live.conftest import As, Gateway, Join, Work, collect, make_token
from tests.waiting import eventually


async def test_hello_is_answered_with_session_and_limits(join: Join) -> None:
    client = await join()

    ok = (await client.hello())["ok"]

    assert set(ok) == {"session", "server", "ping_s", "limits"}
    assert ok["limits"] == {"subs": 64, "msg_bytes": 65536, "queue_bytes": 1048576}
    assert client.socket.subprotocol == "taskcast.v1"


@pytest.mark.parametrize(
    ("frame", "code", "reason"),
    [
        ("nope", CloseCode.PROTOCOL, "frame"),
        (b"\x00", CloseCode.PROTOCOL, "frame: must be text"),
        ({"id": 1, "sub": {"topic": "jobs"}}, CloseCode.PROTOCOL, "hello"),
        ({"id": 1, "hello": {"ticket": 5}}, CloseCode.PROTOCOL, "hello.ticket"),
        ({"id": 1, "hello": {"ticket": "wrong"}}, CloseCode.BAD_TOKEN, "ticket"),
        ({"id": 1, "hello": {"token": "wrong"}}, CloseCode.BAD_TOKEN, "token"),
        ({"id": 1, "hello": {}}, CloseCode.BAD_TOKEN, "needs a ticket"),
    ],
)
async def test_a_wrong_first_frame_closes_with_the_reason(join: Join, frame: Any, code: int, reason: str) -> None:
    client = await join(role=None)

    await client.send(frame)

    assert (await client.next())["bye"]["code"] == code
    assert (await client.closed())[0] == code
    assert reason in (await client.closed())[1]


async def test_a_ticket_opens_one_connection(join: Join, acting: As) -> None:
    ticket = await (await acting("viewer")).ws_ticket()
    first, second = await join(role=None), await join(role=None)

    await first.send({"id": 1, "hello": {"ticket": ticket}})
    greeting = await first.next()
    await second.send({"id": 1, "hello": {"ticket": ticket}})

    assert "ok" in greeting
    assert (await second.closed())[0] == CloseCode.BAD_TOKEN


async def test_an_expired_ticket_opens_nothing(join: Join, acting: As, redis: Any, names: Any) -> None:
    ticket = await (await acting("viewer")).ws_ticket()
    for key in await redis.keys(names.tag.replace("{", "\\{") + "*ticket*"):
        await redis.pexpire(key, 1)
    await eventually(lambda: _none(redis, names))
    client = await join(role=None)

    await client.send({"id": 1, "hello": {"ticket": ticket}})

    assert await client.closed() == (
        CloseCode.BAD_TOKEN,
        "the ticket is unknown, used or older than 30 s; ask for a new one",
    )


async def _none(redis: Any, names: Any) -> bool:
    return not await redis.keys(names.tag.replace("{", "\\{") + "*ticket*")


async def test_a_client_that_says_nothing_is_closed(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "HELLO_TIMEOUT_S", 0.1)
    client = await join()

    assert (await client.closed())[0] == CloseCode.NO_HELLO


async def test_a_client_without_the_subprotocol_is_closed(join: Join) -> None:
    client = await join(subprotocols=None)

    assert (await client.closed())[0] == CloseCode.VERSION


async def test_a_page_of_another_site_is_refused(join: Join) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        await join(origin="https://evil.example")


async def test_pages_of_this_host_and_of_the_public_url_are_let_in(
    join: Join, gateway: Gateway, settings: Settings
) -> None:
    gateway.hub.settings = settings.model_copy(update={"public_url": "https://jobs.example.com/admin/jobs"})

    for origin in (gateway.url, "https://jobs.example.com"):
        assert "ok" in await (await join(origin=origin)).hello()


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"topic": "everything"}, "topic"),
        ({"topic": "jobs", "filter": {"status": ["runing"]}}, "filter.status"),
        ({"topic": "jobs", "filter": {"colour": ["red"]}}, "filter.colour"),
        ({"topic": "jobs", "filter": {"priority": ["URGENT"]}}, "filter.priority"),
        ({"topic": "jobs", "filter": "queue"}, "filter"),
        ({"topic": "jobs", "limit": 0}, "limit"),
        ({"topic": "jobs", "limit": 201}, "limit"),
        ({"topic": "jobs", "pos": "yesterday"}, "pos"),
        ({"topic": "job:x", "tail": -1}, "tail"),
        ({"topic": "workers", "filter": {"queue": ["a"]}}, "filter"),
        ({"topic": "workers", "max_hz": 0}, "max_hz"),
    ],
)
async def test_a_wish_that_is_wrong_is_refused_by_the_name_of_the_field(
    join: Join, wish: dict[str, Any], field: str
) -> None:
    client = await join()
    await client.hello()

    await client.send({"id": 7, "sub": wish})
    refused = await client.next()
    await client.send({"id": 8, "sub": {"topic": "jobs", "snapshot": False}})

    assert refused["id"] == 7
    assert refused["err"]["code"] == "malformed"
    assert refused["err"]["field"] == field
    assert refused["err"]["message"].startswith(field)
    assert (await client.next())["ok"]["sub"]


async def test_ending_a_subscription_that_there_is_not_is_refused(join: Join) -> None:
    client = await join()
    await client.hello()

    await client.send({"id": 7, "unsub": {"sub": "s9"}})

    assert (await client.next())["err"]["field"] == "unsub.sub"


async def test_no_more_than_64_subscriptions(join: Join) -> None:
    client = await join()
    await client.hello()

    for number in range(MAX_SUBSCRIPTIONS + 1):
        await client.send({"id": number, "sub": {"topic": "jobs", "snapshot": False}})
    answers = [await client.next() for _ in range(MAX_SUBSCRIPTIONS + 1)]

    refused = [each for each in answers if "err" in each]
    assert [each["err"]["code"] for each in refused] == ["too_many_subscriptions"]


async def test_too_many_messages_close_with_4102(join: Join) -> None:
    client = await join()
    await client.hello()

    await client.send("\n".join(['{"pong":1}'] * 200))

    assert (await client.closed())[0] == CloseCode.RATE


async def test_a_message_over_64_kib_closes(join: Join) -> None:
    client = await join()
    await client.hello()

    await client.send({"id": 2, "unsub": {"sub": "s" * 70_000}})

    assert (await client.closed())[0] in (CloseCode.PROTOCOL, 1009)


async def test_a_session_ends_with_its_token_unless_it_was_refreshed(
    join: Join, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    first = await join(token=await make_token(expires_at=soon))
    token = await make_token(expires_at=soon, user_id="ada")
    second = await join(token=token)
    await first.hello()
    await second.hello()

    longer = await make_token(expires_at=soon + timedelta(hours=1), user_id="ada")
    await ApiToken.filter(name="viewer").update(role="viewer")
    await second.send({"id": 2, "refresh": {"token": longer}})
    refused = await second.next()
    later = SimpleNamespace(time=lambda: soon.timestamp() + 1, monotonic=time.monotonic)
    monkeypatch.setattr(session, "time", later)
    closed = await first.closed()

    assert closed[0] == CloseCode.EXPIRED
    # Another token is another identity: the session goes on only with one of the same.
    assert refused["bye"]["code"] == CloseCode.EXPIRED


async def test_a_person_refreshes_their_session(join: Join, gateway: Gateway) -> None:
    async with Client(gateway.url, email="admin@example.com", password="a password of the tests") as person:
        await eventually(lambda: _signed_in(person))
        old = await person.credentials.access()
        new = (await person.refresh()).access_token
        client = await join(token=old)
        await client.hello()
        await client.send({"id": 2, "refresh": {"token": "wrong"}})
        refused = await client.next()
        await client.send({"id": 3, "refresh": {"token": new}})

        assert refused["err"]["field"] == "refresh.token"
        assert await client.next() == {"id": 3, "ok": {}}


async def _signed_in(person: Client) -> bool:
    try:
        return bool(await person.credentials.access())
    except GatewayError:
        return False


async def test_a_revoked_token_ends_at_the_next_subscription(join: Join, gateway: Gateway) -> None:
    client = await join()
    await client.hello()
    await ApiToken.all().update(revoked_at=datetime.now(UTC))
    gateway.hub.authenticator.forget()

    await client.send({"id": 2, "sub": {"topic": "jobs"}})

    assert (await client.closed())[0] == CloseCode.EXPIRED


async def test_revoking_a_token_ends_its_open_connections_at_once(
    join: Join, acting: As, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "RECHECK_S", 3600.0)
    admin, client, other = await acting("admin"), await join(), await join(role="viewer")
    await client.hello()
    await other.hello()
    revoked = await ApiToken.filter(role="viewer").order_by("created_at").first()
    assert revoked is not None

    await admin._request("DELETE", f"/auth/tokens/{revoked.id}")

    assert (await client.closed())[0] == CloseCode.EXPIRED
    await other.send({"id": 2, "sub": {"topic": "jobs", "snapshot": False}})
    assert (await other.next())["ok"]["sub"]


async def test_a_session_opened_by_a_ticket_ends_with_the_token_behind_it(
    join: Join, acting: As, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "RECHECK_S", 0.0)
    ticket = await (await acting("viewer")).ws_ticket()
    client = await join(role=None)
    await client.send({"id": 1, "hello": {"ticket": ticket}})
    assert "ok" in await client.next()

    await ApiToken.all().update(revoked_at=datetime.now(UTC))
    gateway.hub.authenticator.forget()

    assert (await client.closed())[0] == CloseCode.EXPIRED


async def test_a_client_that_answers_no_ping_is_closed(join: Join, gateway: Gateway) -> None:
    gateway.hub.ping_s = 0.2
    client = await join()
    await client.hello()

    assert (await client.next()) == {"ping": 1}
    assert (await client.until("bye"))["bye"]["code"] == CloseCode.NO_PONG


async def test_a_client_that_answers_its_pings_stays(acting: As, gateway: Gateway) -> None:
    gateway.hub.ping_s = 3.0
    async with (await acting()).live() as live:
        await eventually(lambda: [each._ping for each in gateway.hub._sessions] > [1])

        assert live.connection == "connected"


async def test_a_token_that_is_wrong_ends_the_librarys_connection_for_good(gateway: Gateway) -> None:
    async with Client(gateway.url, token="wrong") as client:
        with pytest.raises(GatewayError) as refused:
            await client.live().start()

    assert refused.value.code == "bad_token"


async def test_a_gateway_that_is_away_is_said_at_once_or_waited_for(gateway: Gateway, acting: As, work: Work) -> None:
    client = await acting()
    await gateway.stop()
    live = client.live()
    with pytest.raises(GatewayError, match="cannot be reached"):
        await live.start()

    patient = client.live()
    await patient.start(wait=False)
    subscription = await patient.subscribe("jobs")
    await gateway.start()
    messages = await collect(subscription, lambda found: isinstance(found[-1], Snapshot), 20)
    await patient.stop()

    assert isinstance(messages[-1], Snapshot)


async def test_a_slow_client_is_closed_and_disturbs_nobody(
    join: Join, acting: As, gateway: Gateway, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(session.LAST_WORDS_S, False, 0.5)
    slow = await _deaf(gateway, await make_token())
    await eventually(lambda: len(gateway.hub._members) == 1)
    [behind] = gateway.hub._sessions
    async with (await acting()).live() as live:
        subscription = await live.subscribe("jobs", snapshot=False)
        for number in range(200):
            await work.engine.enqueue([_fat(number, each) for each in range(20)])
            if behind.closing is not None:
                break
        position = (await work.engine.server()).seq
        messages = await collect(subscription, lambda found: found[-1].pos >= position, 30)
    await eventually(lambda: behind not in gateway.hub._sessions)
    slow.close()

    assert behind.closing is not None
    assert behind.closing.code == CloseCode.SLOW
    assert len(messages) == (number + 1) * 20


def _fat(number: int, each: int) -> Any:
    from taskcast.engine.jobs import NewJob

    return NewJob(id=f"j{number}.{each}", task="import", message=b"{}", data={"text": "x" * 12_000})


async def _deaf(gateway: Gateway, token: str) -> socket.socket:
    """Subscribe, and read no more: with a small window, so that the gateway notices soon."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", gateway.port))
    head = (
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: taskcast.v1\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    await loop.sock_sendall(raw, head.encode())
    await loop.sock_recv(raw, 4096)
    for frame in ({"id": 1, "hello": {}}, {"id": 2, "sub": {"topic": "jobs", "snapshot": False}}):
        data = json.dumps(frame).encode()
        mask = bytes(4)
        await loop.sock_sendall(raw, bytes([0x81, 0x80 | len(data)]) + mask + data)
    return raw
