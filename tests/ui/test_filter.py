from __future__ import annotations

from ui.pages.frame import query_of
from ui.views.jobs import Filter


def test_a_filter_survives_its_url() -> None:
    chosen = Filter.of({"status": ["failed", "running"], "queue": "imports", "priority": "high", "q": " two words "})

    assert Filter.of(query_of(f"/admin/jobs/list?{chosen.query}")) == chosen
    assert chosen.lists == {"status": ["failed", "running"], "queue": ["imports"], "priority": ["HIGH"]}


def test_what_is_no_filter_is_left_out() -> None:
    assert Filter.of({"status": ["exploded"], "priority": "URGENT", "job": "x", "q": None}) == Filter()


def test_a_row_matches_every_key() -> None:
    chosen = Filter.of({"status": ["running"], "queue": ["imports"]})

    assert chosen.matches({"status": "running", "queue": "imports"})
    assert not chosen.matches({"status": "completed", "queue": "imports"})
    assert not chosen.matches({"status": "running", "queue": "mail"})
