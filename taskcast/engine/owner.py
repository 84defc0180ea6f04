"""Which server may write our keys: the master that Sentinels name, or the owner of the slot on a cluster.

All keys of an installation lie in one slot, so one server has them all. Nothing here connects; see `following`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, RedisError

from taskcast.engine.address import Address, Node
from taskcast.names import Names

LEARNED_MOST = 16
"""How many nodes are remembered that the URL does not name."""


class Owner:
    """What is known of where the server is; shared by the connections of one client."""

    def __init__(self, address: Address, names: Names) -> None:
        self.address = address
        self._slot = key_slot(names.events.encode())
        self._nodes = list(address.nodes)

    @property
    def question(self) -> tuple[str, ...]:
        """The command that asks for the server."""
        if self.address.kind == "cluster":
            return ("CLUSTER", "SLOTS")
        return ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.address.service)

    def nodes(self) -> Iterator[Node]:
        """Give whom to ask, one after the other."""
        yield from list(self._nodes)

    def answer(self, node: Node, reply: Any) -> Node | None:
        """Read what a node answered; None if it does not know."""
        if not reply:
            return None
        if self.address.kind == "sentinel":
            return _text(reply[0]), int(reply[1])
        owner = None
        for first, last, *servers in reply:
            for host, port, *_ in reversed(servers):
                found = _text(host) or node[0], int(port)
                if found[0] != "?":
                    self._remember(found)
            if first <= self._slot <= last and _text(servers[0][0]) != "?":
                owner = _text(servers[0][0]) or node[0], int(servers[0][1])
        return owner

    def knows(self, node: Node) -> None:
        """Ask this one first next time."""
        self._nodes = [node, *(other for other in self._nodes if other != node)]

    def doubt(self) -> None:
        """Ask another one first next time: what this one said is not so, or not yet."""
        self._nodes.append(self._nodes.pop(0))

    def refused(self, node: Node, error: RedisError) -> RedisConnectionError:
        """Learn from a server that says that it is not the one; returns what callers understand."""
        if isinstance(error, MovedError):
            owner = error.host or node[0], error.port
            self._remember(owner)
            self.knows(owner)
        elif self.address.kind == "sentinel":
            self.doubt()
        return RedisConnectionError(f"{node[0]}:{node[1]} refuses: {error}")

    def unknown(self, last: Exception | None) -> RedisConnectionError:
        """Return the error when nobody knew."""
        asked = ", ".join(f"{host}:{port}" for host, port in self._nodes)
        what = f"the master of {self.address.service}" if self.address.kind == "sentinel" else "the owner of our slot"
        return RedisConnectionError(f"none of {asked} says where {what} is{f': {last}' if last else ''}")

    def check_role(self, reply: Any) -> None:
        """Refuse a server that is no master (any more), as Sentinels may be late to know.

        Raises:
            redis.exceptions.ConnectionError: it is not the master.
        """
        if _text(reply[0]) != "master":
            self.doubt()
            raise RedisConnectionError(f"the server is a {_text(reply[0])} by now, not the master")

    def _remember(self, node: Node) -> None:
        """Have one more to ask; those of the URL, which may be names, are never forgotten for it."""
        if node not in self._nodes:
            self._nodes.append(node)
            learned = [other for other in self._nodes if other not in self.address.nodes]
            if len(learned) > LEARNED_MOST:
                self._nodes.remove(learned[0])


def _text(value: Any) -> str:
    """Return a part of a reply as text; nothing for a null."""
    return "" if value is None else value.decode() if isinstance(value, bytes) else str(value)
