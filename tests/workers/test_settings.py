from __future__ import annotations

import pytest

from workers.settings import worker_settings


@pytest.mark.parametrize(
    ("given", "served"),
    [("", ["books", "mail"]), ("a, b,", ["a", "b"]), ("*", None), ("a,*", None)],
)
def test_workers_serve_the_queues_that_are_set_else_those_of_their_own_jobs(
    given: str, served: list[str] | None
) -> None:
    settings = worker_settings({"TASKCAST_WORKER_QUEUES": given})

    assert settings.served_queues(["mail", "books", "mail"]) == served
