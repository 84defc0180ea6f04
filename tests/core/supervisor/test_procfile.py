"""Reading Procfiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.supervisor.procfile import read_procfile
from taskcast.errors import ConfigurationError

ROOT = Path(__file__).parents[3]


def test_our_procfile_has_the_five_processes() -> None:
    assert list(read_procfile(ROOT / "Procfile")) == ["gateway", "recorder", "worker", "scheduler", "dashboard"]


def test_comments_and_empty_lines_are_passed_over_and_words_are_split_as_a_shell_would(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("# mine\n\nweb: run --name 'two words'\n")

    assert read_procfile(tmp_path / "Procfile") == {"web": ["run", "--name", "two words"]}


def test_a_line_that_is_none_is_named_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: run\nwhat is this\n")

    with pytest.raises(ConfigurationError, match="line 2: 'what is this'"):
        read_procfile(tmp_path / "Procfile")
