from __future__ import annotations

import pytest

from core.secrets import MessageCipher, MessageUnreadable, derive

SECRET = "a secret of thirty-two characters"


def test_a_key_belongs_to_its_secret_and_purpose() -> None:
    assert derive(SECRET, "a") == derive(SECRET, "a")
    assert len({derive(SECRET, "a"), derive(SECRET, "b"), derive(SECRET + "!", "a")}) == 3
    assert len(derive(SECRET, "a", size=64)) == 64


@pytest.mark.parametrize("message", [b"", b"{}", bytes(range(256)) * 4096])
def test_a_message_comes_back_as_it_was_sent(message: bytes) -> None:
    cipher = MessageCipher(SECRET)

    stored = cipher.encrypt("job", message)

    assert MessageCipher(SECRET).decrypt("job", stored) == message
    assert stored != cipher.encrypt("job", message)


def test_a_message_is_read_with_its_secret_and_as_its_jobs_alone() -> None:
    stored = MessageCipher(SECRET).encrypt("job", b"hello")

    for secret, job, text in (
        (SECRET + "!", "job", stored),
        (SECRET, "another", stored),
        (SECRET, "job", stored[:-1]),
        (SECRET, "job", b""),
        (SECRET, "job", b"\x02" + stored[1:]),
    ):
        with pytest.raises(MessageUnreadable):
            MessageCipher(secret).decrypt(job, text)
