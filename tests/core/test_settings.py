"""Settings that cannot be are refused at the door, in one sentence, before anything starts."""

from __future__ import annotations

import pytest

from core.settings import load_settings
from taskcast.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://:hidden@queue.internal", "begins with redis://"),
        ("redis+sentinel://:hidden@queue.internal", "names the service"),
        ("redis+cluster://:hidden@queue.internal:many/", "no host and port"),
    ],
)
def test_wrong_url_of_the_queue_server_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.setenv("TASKCAST_REDIS_URL", url)

    with pytest.raises(ConfigurationError, match=words) as refused:
        load_settings()

    assert "TASKCAST_REDIS_URL" in str(refused.value)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["", "unix:///run/valkey.sock?db=1", "rediss://queue", "redis+sentinel://one,two/orders", "redis+cluster://one"],
)
def test_url_of_every_kind_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TASKCAST_REDIS_URL", url)

    assert load_settings().redis_url == url
