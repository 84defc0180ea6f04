"""One start per data directory, one secret, ports that are free."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from core.supervisor.instance import check_port, kept_secret, locked
from taskcast.errors import ConfigurationError


def test_a_second_start_on_a_data_directory_names_the_first(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(ConfigurationError, match=r"already runs on .*TASKCAST_DATA_DIR"),
        locked(tmp_path),
    ):
        pass


def test_a_data_directory_is_free_again_after_the_first_start(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass

    with locked(tmp_path):
        assert (tmp_path / "lock").exists()


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = kept_secret(tmp_path)

    assert kept_secret(tmp_path) == first
    assert len(first) >= 32
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_port_in_use_is_said_with_the_setting_that_changes_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigurationError, match=f"port {port} is in use; set TASKCAST_GATEWAY_PORT"):
            check_port("127.0.0.1", port, setting="TASKCAST_GATEWAY_PORT")
