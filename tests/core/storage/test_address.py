from __future__ import annotations

import pytest

from core.storage.address import credentials, normal_url
from taskcast.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("postgres://ada:s%40crt@db.example:6432/jobs", "asyncpg://ada:s%40crt@db.example:6432/jobs"),
        ("postgresql://db/jobs", "asyncpg://db:5432/jobs"),
        ("postgresql+asyncpg://db/jobs?sslmode=require", "asyncpg://db:5432/jobs?ssl=require"),
        ("asyncpg://ada@/jobs?host=/run/pg&port=5433", "asyncpg://ada@/jobs?host=/run/pg&port=5433"),
        ("postgres://[::1]:5432/jobs", "asyncpg://[::1]:5432/jobs"),
    ],
)
def test_urls_of_every_spelling_come_to_one(url: str, normal: str) -> None:
    assert normal_url(url) == normal
    assert credentials(normal) == credentials(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://db/jobs", "postgresql://"),
        ("", "postgresql://"),
        ("postgres://db", "no database"),
        ("postgres://db:99999/jobs", "port"),
        ("postgres://db/jobs?maxsize=many", "maxsize"),
    ],
)
def test_a_wrong_url_is_refused_with_the_settings_name(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        normal_url(url)

    assert "TASKCAST_DATABASE_URL" in str(refused.value)
