"""The URLs of servers that have more than one address, as data: Sentinel and cluster. All others are redis-py's business.

    redis+sentinel://[user:password@]host[:26379][,host...]/service[/db][?sentinel_username=...&sentinel_password=...]
    redis+cluster://[user:password@]host[:6379][,host...]/

With `rediss` instead of `redis` every connection is encrypted; further options are redis-py's (`ssl_ca_certs=...`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from redis.connection import parse_url

from taskcast.errors import ConfigurationError

Node = tuple[str, int]
"""Host and port."""

KINDS: dict[str, Literal["sentinel", "cluster"]] = {
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
_PORTS = {"sentinel": 26379, "cluster": 6379}
_FORMS = {
    "sentinel": "redis+sentinel://host:26379,host:26379/service/db",
    "cluster": "redis+cluster://host:6379,host:6379/",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to ask for the server to talk to.

    Attributes:
        kind: who knows: Sentinels, or any node of a cluster.
        nodes: whom to ask, in this order.
        service: the name under which Sentinels know the master; empty for a cluster.
        tls: whether all connections are encrypted.
        options: of connections to the server (user, password, db, certificates).
        asking: of connections to those who are asked.
    """

    kind: Literal["sentinel", "cluster"]
    nodes: tuple[Node, ...]
    service: str
    tls: bool
    options: dict[str, Any]
    asking: dict[str, Any]


def address_of(url: str) -> Address | None:
    """Read a Sentinel or cluster URL; None for any other.

    Raises:
        ConfigurationError: naming what is wrong with it, and the form it should have.
    """
    scheme, _, rest = url.partition("://")
    kind = KINDS.get(scheme)
    if kind is None:
        return None
    rest, _, query = rest.partition("?")
    netloc, _, path = rest.partition("/")
    login, _, hosts = netloc.rpartition("@")
    tls = scheme.startswith("rediss")
    # redis-py reads user, password and query, in its own way.
    plain = f"{'rediss' if tls else 'redis'}://{login}@-?{query}"
    options: dict[str, Any] = dict(parse_url(plain))  # type: ignore[no-untyped-call]
    for name in ("host", "port", "connection_class"):
        options.pop(name, None)
    nodes = tuple(_node(text, kind) for text in hosts.split(",") if text)
    names = [unquote(part) for part in path.split("/") if part]
    if not nodes:
        raise ConfigurationError(f"a {kind} URL needs at least one host, as in {_FORMS[kind]}")
    if kind == "cluster":
        if options.get("db") or names not in ([], ["0"]):
            raise ConfigurationError(f"a cluster has database 0 alone: write {_FORMS[kind]}")
        return Address(kind, nodes, "", tls, options, options)
    if not 1 <= len(names) <= 2 or (len(names) == 2 and not names[1].isdecimal()):
        raise ConfigurationError(f"a sentinel URL names the service, and a database if it is not 0: {_FORMS[kind]}")
    asking = {name: value for name, value in options.items() if name.startswith("ssl")}
    for name in ("username", "password"):
        value = options.pop(f"sentinel_{name}", None)
        if value is not None:
            asking[name] = value
    if len(names) == 2:
        options["db"] = int(names[1])
    return Address(kind, nodes, names[0], tls, options, asking)


def check_url(url: str) -> None:
    """Refuse what is no queue server's URL.

    Raises:
        ConfigurationError: naming what is wrong, and never a password.
    """
    if address_of(url) is None and url.partition("://")[0] not in {"redis", "rediss", "unix"}:
        raise ConfigurationError(
            "a queue server's URL begins with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://"
        )


def _node(text: str, kind: str) -> Node:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise ConfigurationError(f"{text!r} is no host and port; write {_FORMS[kind]}")
    return host, port or _PORTS[kind]
