from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from redis.asyncio import Redis

from core import auth as auth_module
from core.auth import Authenticator, Grant
from core.auth_passwords import Passwords, hash_password
from core.auth_throttle import LoginThrottle
from core.auth_tickets import Tickets
from core.auth_tokens import AccessTokens, digest, new_api_token, new_refresh_token
from core.errors import (
    Conflict,
    ExpiredToken,
    InvalidToken,
    TokenReused,
    TooManyAttempts,
    WrongCredentials,
)
from core.first_admin import ensure_first_admin
from core.settings import Settings
from core.storage import sessions, tokens, users
from core.storage.models import Session, User
from taskcast.names import Names

PASSWORD = "a good password"
KEY = b"k" * 32
UNKNOWN = "7f2d5b0c9a6e4d13b8c1f4a29e6d7053"


def make(redis: Redis, names: Names) -> Authenticator:
    return Authenticator(
        access=AccessTokens(KEY), tickets=Tickets(redis, names), passwords=Passwords(), throttle=LoginThrottle()
    )


@pytest.fixture(scope="module")
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture
async def authenticator(redis: Redis, names: Names, database: str, password_hash: str) -> Authenticator:
    await users.create_user(email="Ada@Example.com", role="operator", password_hash=password_hash)
    return make(redis, names)


async def sign_in(authenticator: Authenticator, kind: auth_module.Kind = "session") -> Grant:
    return await authenticator.login("ada@example.com", PASSWORD, kind=kind, address="10.0.0.1", agent="test")


async def test_sign_in_gives_a_token_that_says_who_it_is(authenticator: Authenticator) -> None:
    grant = await sign_in(authenticator)

    identity = await authenticator.bearer(grant.access_token)

    assert (identity.email, identity.role, identity.user_id) == ("ada@example.com", "operator", "ada@example.com")
    assert identity.expires_at is not None


async def test_tokens_and_passwords_are_stored_hashed(authenticator: Authenticator) -> None:
    grant = await sign_in(authenticator)

    session, user = await Session.get(), await User.get()

    assert session.token_hash == digest(grant.refresh_token)
    assert grant.refresh_token not in str(dict(session))
    assert user.password_hash.startswith("$argon2id$")


@pytest.mark.parametrize(("email", "password"), [("ada@example.com", "wrong"), ("nobody@example.com", PASSWORD)])
async def test_wrong_sign_in_does_not_say_what_was_wrong(
    authenticator: Authenticator, email: str, password: str
) -> None:
    with pytest.raises(WrongCredentials) as refused:
        await authenticator.login(email, password, kind="session")

    assert str(refused.value) == str(WrongCredentials())


async def test_sign_in_is_throttled_even_with_the_right_password(authenticator: Authenticator) -> None:
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await authenticator.login("ada@example.com", "wrong", kind="session", address="10.0.0.1")

    with pytest.raises(TooManyAttempts):
        await sign_in(authenticator)


async def test_disabled_person_cannot_sign_in_and_is_signed_out(authenticator: Authenticator) -> None:
    grant = await sign_in(authenticator)
    person = grant.person
    await authenticator.bearer(grant.access_token)

    await users.update_user(person.id, {"disabled_at": datetime.now(UTC)}, end_sessions=True)
    authenticator.forget()

    with pytest.raises(InvalidToken):
        await authenticator.bearer(grant.access_token)
    with pytest.raises(InvalidToken):
        await authenticator.refresh(grant.refresh_token)
    with pytest.raises(WrongCredentials):
        await sign_in(authenticator)


async def test_session_token_stays_the_same(authenticator: Authenticator) -> None:
    grant = await sign_in(authenticator, "session")

    first = await authenticator.refresh(grant.refresh_token)
    second = await authenticator.refresh(grant.refresh_token)

    assert grant.refresh_token == first.refresh_token == second.refresh_token


async def test_program_token_rotates(authenticator: Authenticator) -> None:
    grant = await sign_in(authenticator, "program")

    first = await authenticator.refresh(grant.refresh_token)
    second = await authenticator.refresh(first.refresh_token)

    assert len({grant.refresh_token, first.refresh_token, second.refresh_token}) == 3
    assert (await authenticator.bearer(second.access_token)).email == "ada@example.com"


@pytest.mark.parametrize("rotations", [1, 3])
async def test_use_of_any_earlier_program_token_ends_the_session(authenticator: Authenticator, rotations: int) -> None:
    grant = await sign_in(authenticator, "program")
    latest = grant
    for _ in range(rotations):
        latest = await authenticator.refresh(latest.refresh_token)

    with pytest.raises(TokenReused):
        await authenticator.refresh(grant.refresh_token)

    with pytest.raises(InvalidToken):
        await authenticator.refresh(latest.refresh_token)
    with pytest.raises(InvalidToken):
        await authenticator.bearer(latest.access_token)


async def test_two_refreshes_at_once_with_one_program_token_do_not_both_succeed(authenticator: Authenticator) -> None:
    grant = await sign_in(authenticator, "program")

    outcomes = await asyncio.gather(
        *(authenticator.refresh(grant.refresh_token) for _ in range(4)), return_exceptions=True
    )

    assert sum(isinstance(outcome, Grant) for outcome in outcomes) <= 1


async def test_old_session_is_expired(authenticator: Authenticator) -> None:
    grant = await sign_in(authenticator)
    await Session.all().update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    with pytest.raises(ExpiredToken):
        await authenticator.refresh(grant.refresh_token)


async def test_sign_out_ends_the_session_and_its_access_tokens(authenticator: Authenticator) -> None:
    grant = await sign_in(authenticator)
    await authenticator.bearer(grant.access_token)

    await authenticator.logout(grant.refresh_token)

    with pytest.raises(InvalidToken):
        await authenticator.bearer(grant.access_token)
    with pytest.raises(InvalidToken):
        await authenticator.refresh(grant.refresh_token)


async def test_sign_out_elsewhere_is_noticed_within_seconds(
    authenticator: Authenticator, redis: Redis, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_module, "REMEMBER_S", 0.0)
    grant = await sign_in(authenticator)
    await authenticator.bearer(grant.access_token)

    await make(redis, names).logout(grant.refresh_token)

    with pytest.raises(InvalidToken):
        await authenticator.bearer(grant.access_token)


@pytest.mark.parametrize("token", ["", "x", "tcr_", "tcr_x_y", f"tcr_{UNKNOWN}_secret", "tcr_" + "a" * 9999])
async def test_refresh_refuses_what_is_no_token(authenticator: Authenticator, token: str) -> None:
    with pytest.raises(InvalidToken):
        await authenticator.refresh(token)


async def test_sign_out_with_a_made_up_token_ends_nothing(authenticator: Authenticator) -> None:
    grant = await sign_in(authenticator)
    session_id = (await Session.get()).id

    await authenticator.logout(new_refresh_token(session_id))
    await authenticator.logout("nonsense")

    assert await authenticator.refresh(grant.refresh_token)


@pytest.mark.parametrize("change", ["key", "algorithm", "expired", "issuer", "shape"])
async def test_forged_or_old_jwt_is_refused(authenticator: Authenticator, change: str) -> None:
    grant = await sign_in(authenticator)
    claims = jwt.decode(grant.access_token, options={"verify_signature": False})
    key, algorithm = KEY, "HS256"
    if change == "key":
        key = b"x" * 32
    elif change == "algorithm":
        algorithm = "none"
    elif change == "expired":
        claims["exp"] = 1
    elif change == "issuer":
        claims["iss"] = "another"
    else:
        del claims["sid"]
    forged = jwt.encode(claims, None if algorithm == "none" else key, algorithm=algorithm)

    with pytest.raises(ExpiredToken if change == "expired" else InvalidToken):
        await authenticator.bearer(forged)


async def test_api_token_opens_until_it_is_revoked(authenticator: Authenticator) -> None:
    secret = new_api_token()
    token = await tokens.create_token(
        name="ci", role="viewer", token_hash=digest(secret), user_id=None, created_by="x", expires_at=None
    )

    identity = await authenticator.bearer(secret)
    await tokens.revoke_token(token.id)
    authenticator.forget()

    assert (identity.email, identity.role) == ("token:ci", "viewer")
    assert identity.user_id
    found = await tokens.find_token(digest(secret))
    assert found is not None
    assert found.used_at is not None
    with pytest.raises(InvalidToken):
        await authenticator.bearer(secret)


async def test_api_token_ends_at_its_date(authenticator: Authenticator) -> None:
    secret = new_api_token()
    await tokens.create_token(
        name="ci",
        role="viewer",
        token_hash=digest(secret),
        user_id=None,
        created_by=None,
        expires_at=datetime.now(UTC) - timedelta(seconds=1),
    )

    with pytest.raises(ExpiredToken):
        await authenticator.bearer(secret)


async def test_ticket_is_good_once_and_in_any_process(authenticator: Authenticator, redis: Redis, names: Names) -> None:
    grant = await sign_in(authenticator)
    identity = await authenticator.bearer(grant.access_token)
    ticket = await authenticator.new_ticket(identity)
    another = make(redis, names)

    uses = await asyncio.gather(
        authenticator.ticket(ticket), another.ticket(ticket), another.ticket(ticket), return_exceptions=True
    )

    assert [use for use in uses if not isinstance(use, Exception)] == [identity]
    assert all(isinstance(use, InvalidToken) for use in uses if isinstance(use, Exception))


async def test_ticket_lies_hashed_on_the_server_for_thirty_seconds(
    authenticator: Authenticator, redis: Redis, names: Names
) -> None:
    grant = await sign_in(authenticator)

    ticket = await authenticator.new_ticket(await authenticator.bearer(grant.access_token))

    assert 0 < await redis.ttl(names.ticket(digest(ticket))) <= 30


@pytest.mark.parametrize("ticket", ["", "x", "y" * 1000])
async def test_unknown_ticket_is_refused(authenticator: Authenticator, ticket: str) -> None:
    with pytest.raises(InvalidToken):
        await authenticator.ticket(ticket)


async def test_first_admin_is_made_once_with_the_given_password(settings: Settings, database: str) -> None:
    first, second = await ensure_first_admin(settings), await ensure_first_admin(settings)

    assert first is None
    assert second is None
    assert [(person.email, person.role) for person in await users.list_users()] == [("admin@example.com", "admin")]


async def test_first_admin_gets_a_password_that_is_told_once(
    settings: Settings, database: str, redis: Redis, names: Names
) -> None:
    settings = settings.model_copy(update={"admin_password": None})

    password = await ensure_first_admin(settings)

    assert password is not None
    assert await ensure_first_admin(settings) is None
    assert await make(redis, names).login("admin@example.com", password, kind="session")


async def test_last_admin_stays(settings: Settings, database: str, password_hash: str) -> None:
    await ensure_first_admin(settings)
    admin = (await users.list_users())[0]

    for change in ({"role": "viewer"}, {"disabled_at": datetime.now(UTC)}):
        with pytest.raises(Conflict):
            await users.update_user(admin.id, change, end_sessions=False)
    await users.create_user(email="second@example.com", role="admin", password_hash=password_hash)
    changed = await users.update_user(admin.id, {"role": "viewer"}, end_sessions=False)

    assert changed is not None
    assert changed.role == "viewer"


async def test_signing_in_again_forgets_sessions_that_are_over(authenticator: Authenticator) -> None:
    await sign_in(authenticator)
    await Session.all().update(expires_at=datetime.now(UTC) - timedelta(days=1))

    grant = await sign_in(authenticator)

    assert await Session.all().count() == 1
    assert await sessions.get_session(auth_module.session_of(grant.refresh_token)) is not None
