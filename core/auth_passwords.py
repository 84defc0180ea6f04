"""Passwords: argon2id hashes, made and checked in threads so that the event loop never waits for one."""

from __future__ import annotations

import asyncio
import functools
import secrets

import argon2

from core.errors import InvalidInput

LEAST_LENGTH = 10
MOST_LENGTH = 1024
AT_ONCE = 2

_hasher = argon2.PasswordHasher()


class Passwords:
    """Hashes and checks passwords, at most `AT_ONCE` at a time: each takes 64 MiB and some 50 ms of a core."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """Return the argon2id hash of a password."""
        async with self._slots:
            return await asyncio.to_thread(_hasher.hash, password)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Tell whether the password is the one that was hashed.

        Without a hash (nobody has that address) it takes as long and says no, so that time tells nothing.
        """
        async with self._slots:
            return await asyncio.to_thread(_matches, password, password_hash)

    @staticmethod
    def is_outdated(password_hash: str) -> bool:
        """Tell whether a hash was made with weaker parameters than today's."""
        return _hasher.check_needs_rehash(password_hash)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password; it blocks for some 50 ms."""
    return _hasher.hash(password)


def check_password(password: str, field: str = "password") -> str:
    """Return the password if it may be somebody's.

    Raises:
        InvalidInput: if it is shorter than 10 or longer than 1024 characters.
    """
    if len(password) < LEAST_LENGTH:
        raise InvalidInput(fields={field: f"is too short; use {LEAST_LENGTH} characters or more"})
    if len(password) > MOST_LENGTH:
        raise InvalidInput(fields={field: f"is too long; use {MOST_LENGTH} characters at most"})
    return password


def new_password() -> str:
    """Return a random password that can be typed: four groups of five letters and digits, 95 bits."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


def _matches(password: str, password_hash: str | None) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys_hash(), password[:MOST_LENGTH])
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return password_hash is not None


@functools.cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(32))
