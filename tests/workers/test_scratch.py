from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from workers.scratch import PREFIX, scratch_folder, sweep_scratch


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_at_work_stays_and_one_that_nobody_holds_goes(temporary: Path) -> None:
    left = temporary / f"{PREFIX}left"
    (left / "deep").mkdir(parents=True)
    (left / "deep" / "large.csv").write_text("x")

    with scratch_folder("the one") as one, scratch_folder("the other") as other:
        (one / "a.csv").write_text("x")
        assert not left.exists()
        assert sweep_scratch() == 0
        assert (one / "a.csv").exists()
        assert other.is_dir()

    assert list(temporary.iterdir()) == []


def test_another_programs_folder_and_a_link_are_left_alone(temporary: Path) -> None:
    (temporary / "taskcast-else").mkdir()
    (temporary / f"{PREFIX}link").symlink_to(temporary / "taskcast-else")

    assert sweep_scratch() == 0

    assert len(list(temporary.iterdir())) == 2
