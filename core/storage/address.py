"""Where the database is: PostgreSQL URLs of every usual spelling, read into what asyncpg wants to know."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from taskcast.errors import ConfigurationError

SCHEMES = frozenset({"asyncpg", "postgres", "postgresql", "postgresql+asyncpg"})
NUMBERS: dict[str, type] = {
    "minsize": int,
    "maxsize": int,
    "statement_cache_size": int,
    "timeout": float,
    "command_timeout": float,
}


def normal_url(url: str) -> str:
    """Return `url` with the scheme `asyncpg`; a Unix socket's folder stays in `?host=`.

    Raises:
        ConfigurationError: if it is no PostgreSQL URL or names no database.
    """
    known = credentials(url)
    user = quote(known["user"] or "", safe="")
    secret = f":{quote(known['password'], safe='')}" if known["password"] else ""
    host, rest = known["host"] or "", {key: known[key] for key in known if key in {*NUMBERS, "ssl"}}
    if host.startswith("/"):
        rest, host = {"host": host, "port": str(known["port"]), **rest}, ""
    elif host:
        host = f"[{host}]:{known['port']}" if ":" in host else f"{host}:{known['port']}"
    account = f"{user}{secret}@" if user else ""
    query = f"?{urlencode(rest, safe='/')}" if rest else ""
    return f"asyncpg://{account}{host}/{quote(known['database'], safe='')}{query}"


def credentials(url: str) -> dict[str, Any]:
    """Return host, port, user, password, database and whatever else `url` says, as asyncpg's arguments.

    Raises:
        ConfigurationError: if it is no PostgreSQL URL or names no database.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ConfigurationError(f"TASKCAST_DATABASE_URL: {parts.scheme or 'no scheme'!r}; begin it with postgresql://")
    query = dict(parse_qsl(parts.query))
    try:
        port = parts.port or int(query.get("port", "5432"))
    except ValueError:
        raise ConfigurationError("TASKCAST_DATABASE_URL: the port is no number from 1 to 65535") from None
    database = unquote(parts.path.lstrip("/")) or query.get("dbname", "")
    if not database:
        raise ConfigurationError("TASKCAST_DATABASE_URL: it names no database; end it with /name")
    known: dict[str, Any] = {
        "host": unquote(parts.hostname) if parts.hostname else query.get("host"),
        "port": port,
        "user": unquote(parts.username) if parts.username else query.get("user"),
        "password": unquote(parts.password) if parts.password else query.get("password"),
        "database": database,
    }
    if encryption := query.get("sslmode") or query.get("ssl"):
        known["ssl"] = encryption
    for name, cast in NUMBERS.items():
        if name in query:
            try:
                known[name] = cast(query[name])
            except ValueError:
                raise ConfigurationError(f"TASKCAST_DATABASE_URL: {name} is no number") from None
    return known
