from __future__ import annotations

import json
import re

from core.stuck import Reason
from taskcast.states import FinalReason, JobState, Priority, QueuedReason
from ui.looks import DEAD_LABELS, FINAL_REASONS, PRIORITIES, QUEUED_REASONS, STATES, STUCK_REASONS, as_json
from ui.routes import FOLDER, icon_css

CSS = (FOLDER / "app.css").read_text("utf-8")
CODE = [*FOLDER.parent.glob("**/*.js"), *FOLDER.parent.glob("**/*.py")]


def test_every_state_and_priority_has_a_look() -> None:
    assert set(STATES) == set(JobState)
    assert set(PRIORITIES) == set(Priority)


def test_every_reason_has_words() -> None:
    assert set(FINAL_REASONS) == set(FinalReason)
    assert set(QUEUED_REASONS) == set(QueuedReason)
    assert set(DEAD_LABELS) == set(FinalReason) - {FinalReason.ERROR}
    assert set(STUCK_REASONS) == set(Reason)


def test_every_look_names_a_token_and_an_icon_that_exist() -> None:
    for look in STATES.values():
        assert f"--{look.tone}:" in CSS
        assert f"--{look.tone}-soft:" in CSS
        assert (FOLDER / "icons" / f"{look.icon}.svg").exists()


def test_the_browser_is_given_the_same_looks() -> None:
    given = json.loads(as_json())

    assert list(given["states"]) == [state.value for state in STATES]
    assert given["final"] == ["completed", "failed", "cancelled"]


def test_every_icon_that_is_used_is_there() -> None:
    used = {
        name
        for file in CODE
        for pattern in (
            r'<Icon name="([a-z0-9-]+)"',
            r'\bicon\("([a-z0-9-]+)"\)',
            r'"icon": "([a-z0-9-]+)"',
            r'class="i i-([a-z0-9-]+)',
        )
        for name in re.findall(pattern, file.read_text("utf-8"))
    }

    assert used
    assert {name for name in used if f".i-{name} " not in icon_css()} == set()


def test_every_colour_token_that_is_used_is_defined() -> None:
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", CSS + "".join(f.read_text("utf-8") for f in CODE)))
    defined = set(re.findall(r"--([a-z0-9-]+):", CSS)) | {"c", "s", "i"}

    assert used - defined == set()
