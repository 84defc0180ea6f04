"""The documentation tells of everything there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.settings import Settings
from taskcast.events import EVENT_TYPES
from taskcast.states import JobState, Priority

ROOT = Path(__file__).parents[1]
DOCS = "\n".join(path.read_text() for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented_and_in_the_example(name: str) -> None:
    variable = f"TASKCAST_{name.upper()}"

    assert f"`{variable}`" in (ROOT / "docs/settings.md").read_text()
    assert f"{variable}=" in (ROOT / ".env.example").read_text()


@pytest.mark.parametrize("word", [*EVENT_TYPES, *JobState, *Priority.__members__])
def test_every_event_state_and_priority_is_documented(word: str) -> None:
    assert word in DOCS


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=lambda path: path.name
)
def test_links_to_files_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_python_in_the_readme_compiles() -> None:
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)

    assert snippets
    for snippet in snippets:
        compile(snippet, "README.md", "exec", flags=0x2000)  # PyCF_ALLOW_TOP_LEVEL_AWAIT
