from __future__ import annotations

from typing import Any

import httpx
import pytest

from core.storage.models import AuditEntry
from tests.core.gateway.conftest import As, code_of
from tests.waiting import eventually

ADMIN = {"email": "admin@example.com", "password": "a password of the tests"}


async def sign_in(client: httpx.AsyncClient, **more: str) -> dict[str, Any]:
    async def attempt() -> Any:
        answer = await client.post("/auth/login", json=ADMIN | more)
        return answer.json() if answer.status_code == 200 else None

    found: dict[str, Any] = await eventually(attempt)
    return found


def bearer(grant: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {grant['access_token']}"}


async def test_first_admin_signs_in_and_is_known(anybody: httpx.AsyncClient) -> None:
    grant = await sign_in(anybody, kind="session")

    me = (await anybody.get("/auth/me", headers=bearer(grant))).json()

    assert (me["email"], me["role"]) == ("admin@example.com", "admin")
    assert grant["token_type"] == "bearer"
    assert grant["user"] == me
    done = await AuditEntry.filter(action="auth.login", outcome="done")
    assert [entry.actor for entry in done] == ["admin@example.com"]


async def test_program_is_refreshed_until_an_old_token_is_used(anybody: httpx.AsyncClient) -> None:
    grant = await sign_in(anybody, kind="program")

    renewed = await anybody.post("/auth/refresh", json={"refresh_token": grant["refresh_token"]})
    reused = await anybody.post("/auth/refresh", json={"refresh_token": grant["refresh_token"]})
    after = await anybody.post("/auth/refresh", json={"refresh_token": renewed.json()["refresh_token"]})

    assert renewed.status_code == 200
    assert renewed.headers["cache-control"] == "no-store"
    assert code_of(reused, 401) == "token_reused"
    assert code_of(after, 401) == "invalid_token"


async def test_sign_out_ends_the_session(anybody: httpx.AsyncClient) -> None:
    grant = await sign_in(anybody)

    answer = await anybody.post("/auth/logout", json={"refresh_token": grant["refresh_token"]})

    assert answer.status_code == 204
    assert code_of(await anybody.get("/auth/me", headers=bearer(grant)), 401) == "invalid_token"


async def test_wrong_password_is_refused_throttled_and_written_down(anybody: httpx.AsyncClient) -> None:
    await sign_in(anybody)
    wrong = ADMIN | {"password": "wrong"}

    answers = [await anybody.post("/auth/login", json=wrong) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert code_of(answers[0], 401) == "wrong_credentials"
    assert code_of(answers[-1], 429) == "too_many_attempts"
    assert int(answers[-1].headers["retry-after"]) > 0
    refused = await AuditEntry.filter(action="auth.login", outcome="refused").order_by("id")
    assert [entry.detail["code"] for entry in refused[-6:]] == ["wrong_credentials"] * 5 + ["too_many_attempts"]


BROKEN = [
    {},
    {"email": "a@example.com"},
    {"email": "a@example.com", "password": ""},
    {"email": 5, "password": "x"},
    {"email": "a\x00@example.com", "password": "x"},
    {"email": "a@example.com", "password": "x" * 2000},
    {"email": "a@example.com", "password": "x", "kind": "forever"},
]


async def test_broken_sign_in_is_refused(anybody: httpx.AsyncClient) -> None:
    for body in BROKEN:
        answer = await anybody.post("/auth/login", json=body)

        assert code_of(answer, 422) == "invalid_input"
        assert "x" * 100 not in answer.text


async def test_ticket_is_given_to_whoever_is_signed_in(
    anybody: httpx.AsyncClient, ada: httpx.AsyncClient, app: Any
) -> None:
    ticket = (await ada.post("/auth/ws-ticket")).json()

    identity = await app.state.services.authenticator.ticket(ticket["ticket"])

    assert ticket["expires_in"] == 30
    assert (identity.role, identity.user_id) == ("user", "ada")
    assert code_of(await anybody.post("/auth/ws-ticket"), 401) == "unauthenticated"


async def test_admin_makes_people_who_can_sign_in(admin: httpx.AsyncClient, anybody: httpx.AsyncClient) -> None:
    body = {"email": "Ada@Example.com", "password": "long enough for her", "role": "operator", "name": "Ada"}

    made = await admin.post("/auth/users", json=body)
    twice = await admin.post("/auth/users", json=body)

    assert made.status_code == 201, made.text
    assert (made.json()["email"], made.json()["user_id"]) == ("ada@example.com", "ada@example.com")
    assert "password" not in made.text
    assert code_of(twice, 409) == "email_taken"
    grant = await sign_in(anybody, email="ada@example.com", password="long enough for her")
    assert grant["user"]["role"] == "operator"
    listed = (await admin.get("/auth/users")).json()
    assert "ada@example.com" in {person["email"] for person in listed["items"]}


WRONG_PEOPLE = [
    ({"email": "nobody", "password": "long enough for her", "role": "viewer"}, "email"),
    ({"email": "a@b.c", "password": "short", "role": "viewer"}, "password"),
    ({"email": "a@b.c", "password": "long enough for her", "role": "root"}, "role"),
    ({"email": "a@b.c", "password": "long enough for her"}, "role"),
]


async def test_wrong_person_names_the_field(admin: httpx.AsyncClient) -> None:
    for body, field in WRONG_PEOPLE:
        answer = await admin.post("/auth/users", json=body)

        assert code_of(answer, 422) == "invalid_input"
        assert field in answer.json()["fields"]


async def test_disabled_person_is_out_at_once(admin: httpx.AsyncClient, anybody: httpx.AsyncClient) -> None:
    body = {"email": "ada@example.com", "password": "long enough for her", "role": "viewer"}
    person = (await admin.post("/auth/users", json=body)).json()
    grant = await sign_in(anybody, email="ada@example.com", password="long enough for her")

    changed = await admin.patch(f"/auth/users/{person['id']}", json={"disabled": True})

    assert changed.json()["disabled_at"] is not None
    assert code_of(await anybody.get("/auth/me", headers=bearer(grant)), 401) == "invalid_token"
    again = await anybody.post("/auth/login", json={"email": body["email"], "password": body["password"]})
    assert code_of(again, 401) == "wrong_credentials"


async def test_changed_password_ends_the_sessions(admin: httpx.AsyncClient, anybody: httpx.AsyncClient) -> None:
    body = {"email": "ada@example.com", "password": "long enough for her", "role": "viewer"}
    person = (await admin.post("/auth/users", json=body)).json()
    grant = await sign_in(anybody, email="ada@example.com", password="long enough for her")

    await admin.patch(f"/auth/users/{person['id']}", json={"password": "another long one"})

    refreshed = await anybody.post("/auth/refresh", json={"refresh_token": grant["refresh_token"]})
    assert code_of(refreshed, 401) == "invalid_token"
    assert await sign_in(anybody, email="ada@example.com", password="another long one")


async def test_last_admin_cannot_be_lost(admin: httpx.AsyncClient, anybody: httpx.AsyncClient) -> None:
    first = (await sign_in(anybody))["user"]

    answer = await admin.patch(f"/auth/users/{first['id']}", json={"role": "viewer"})

    assert code_of(answer, 409) == "last_admin"


async def test_unknown_person_and_token_are_not_found(admin: httpx.AsyncClient) -> None:
    for number in ("nonsense", "0198aaaa-0000-7000-8000-000000000000"):
        assert code_of(await admin.patch(f"/auth/users/{number}", json={"name": "x"}), 404) == "not_found"
        assert code_of(await admin.delete(f"/auth/tokens/{number}"), 404) == "not_found"


async def test_token_is_shown_once_and_opens_until_revoked(
    admin: httpx.AsyncClient, anybody: httpx.AsyncClient
) -> None:
    made = (await admin.post("/auth/tokens", json={"name": "ci", "role": "viewer", "expires_in_days": 30})).json()
    headers = {"Authorization": f"Bearer {made['token']}"}

    before = await anybody.get("/auth/me", headers=headers)
    listed = await admin.get("/auth/tokens")
    revoked = await admin.delete(f"/auth/tokens/{made['id']}")

    assert before.json()["role"] == "viewer"
    assert made["expires_at"] is not None
    assert made["token"] not in listed.text
    assert revoked.status_code == 204
    assert code_of(await anybody.get("/auth/me", headers=headers), 401) == "invalid_token"


async def test_token_of_a_user_needs_to_say_whose_jobs(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/auth/tokens", json={"name": "app", "role": "user"})

    assert code_of(answer, 422) == "invalid_input"
    assert "user_id" in answer.json()["detail"]


@pytest.mark.parametrize("role", ["user", "viewer", "operator"])
async def test_people_and_tokens_are_the_admins(acting: As, role: str) -> None:
    client = await acting(role, "ada")

    for method, path in (
        ("GET", "/auth/users"),
        ("POST", "/auth/users"),
        ("PATCH", "/auth/users/x"),
        ("GET", "/auth/tokens"),
        ("POST", "/auth/tokens"),
        ("DELETE", "/auth/tokens/x"),
        ("GET", "/job-monitor/audit"),
    ):
        assert code_of(await client.request(method, path), 403) == "forbidden"
    assert await AuditEntry.filter(outcome="refused").count() == 4


async def test_audit_says_who_did_what(admin: httpx.AsyncClient) -> None:
    for name in ("one", "two", "three"):
        await admin.post("/auth/tokens", json={"name": name, "role": "viewer"})

    first = (await admin.get("/job-monitor/audit", params={"limit": 2})).json()
    rest = (await admin.get("/job-monitor/audit", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert [entry["target"] for entry in first["items"]] == ["three", "two"]
    assert rest["items"][0]["target"] == "one"
    assert {entry["actor"] for entry in first["items"]} == {"token:admin"}
    assert first["items"][0]["detail"]["role"] == "viewer"


async def test_audit_cursor_beyond_any_number_of_the_database_is_refused(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/job-monitor/audit", params={"cursor": str(10**30)})

    assert code_of(answer, 422) == "invalid_input"
    assert "cursor" in answer.json()["fields"]
