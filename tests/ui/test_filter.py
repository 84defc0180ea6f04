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


def test_dead_letters_have_a_url_of_their_own() -> None:
    chosen = Filter.of({"view": "dead", "final_reason": ["timeout", "error"], "queue": "imports"})

    assert Filter.of(query_of(f"/admin/jobs/list?{chosen.query}")) == chosen
    assert chosen.query == "view=dead&queue=imports&final_reason=timeout"
    assert (chosen.status, chosen.reasons) == (("failed",), ("timeout",))


def test_all_dead_letters_failed_for_another_reason_than_an_error() -> None:
    chosen = Filter.of({"view": "dead", "status": "running"})

    assert chosen.reasons == ("timeout", "worker_lost", "unknown_task", "unreadable", "forgotten")
    assert chosen.matches({"status": "failed", "final_reason": "forgotten"})
    assert not chosen.matches({"status": "failed", "final_reason": "error"})
    assert not chosen.matches({"status": "queued", "final_reason": None})
