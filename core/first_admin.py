"""The first admin: made at the first start, so that nobody signs in with a default password."""

from __future__ import annotations

from core.auth_passwords import check_password, hash_password, new_password
from core.errors import Conflict, InvalidInput
from core.permissions import Role
from core.settings import Settings
from core.storage import users
from taskcast.errors import ConfigurationError


async def ensure_first_admin(settings: Settings) -> str | None:
    """Make an admin if there is nobody yet; needs a connected database.

    Returns:
        The password if it was made now, to be printed once; None if there was somebody already or the password was
        given with TASKCAST_ADMIN_PASSWORD.

    Raises:
        ConfigurationError: if the given address or password cannot be used.
    """
    if await users.count_users():
        return None
    if "@" not in settings.admin_email:
        raise ConfigurationError(f"TASKCAST_ADMIN_EMAIL: {settings.admin_email!r} is no e-mail address")
    given = settings.admin_password.get_secret_value() if settings.admin_password else None
    if given is not None:
        try:
            check_password(given)
        except InvalidInput as error:
            raise ConfigurationError(f"TASKCAST_ADMIN_PASSWORD {error.fields['password']}") from None
    password = given or new_password()
    try:
        await users.create_user(
            email=settings.admin_email, name="Admin", role=Role.ADMIN, password_hash=hash_password(password)
        )
    except Conflict:
        # Another process of the same first start was faster; its password is the one that counts.
        return None
    return None if given else password
