"""Keys made from the one secret, each for one purpose, and the cipher of the kept messages."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from taskcast.errors import TaskcastError

NONCE_BYTES = 12
VERSION = b"\x01"  # of the layout: version, nonce, what AES-256-GCM made


class MessageUnreadable(TaskcastError):
    """The kept message cannot be decrypted; was TASKCAST_SECRET_KEY changed?"""

    code = "message_unreadable"


def derive(secret: str, purpose: str, *, size: int = 32) -> bytes:
    """Return the key for one purpose (HKDF, RFC 5869); the same secret and purpose always give the same."""
    return HKDF(SHA256(), size, salt=b"taskcast", info=purpose.encode()).derive(secret.encode())


class MessageCipher:
    """Encrypts the messages kept in `jobs.message`; a message can be read only as that of its own job."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESGCM(derive(secret, "jobs.message"))

    def encrypt(self, job_id: str, message: bytes) -> bytes:
        """Return what is stored for the message of a job."""
        nonce = os.urandom(NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, message, job_id.encode())

    def decrypt(self, job_id: str, stored: bytes) -> bytes:
        """Return the message of a job.

        Raises:
            MessageUnreadable: if it was stored with another secret, for another job, or damaged.
        """
        if stored[:1] != VERSION:
            raise MessageUnreadable
        nonce, sealed = stored[1 : 1 + NONCE_BYTES], stored[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, sealed, job_id.encode())
        except (InvalidTag, ValueError):
            raise MessageUnreadable from None
