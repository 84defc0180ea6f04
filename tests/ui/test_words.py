from __future__ import annotations

import pytest

from taskcast.client import GatewayError, GatewayUnavailable
from ui.words import explain, explain_sign_in


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (GatewayUnavailable("connect failed"), "gateway cannot be reached"),
        (GatewayError("x", status=409, code="already_final"), "already ended"),
        (GatewayError("x", status=403), "not allowed"),
        (GatewayError("x", status=422, fields={"data.file": "is missing"}), "data.file: is missing"),
        (GatewayError("the file has no header", status=422), "The file has no header."),
        (GatewayError("Traceback (most recent call last)", status=500), "Its log says why"),
        (RuntimeError("Traceback (most recent call last)"), "The dashboard's log says why"),
    ],
)
def test_errors_are_said_in_words(error: Exception, words: str) -> None:
    assert words in explain(error)
    assert "Traceback" not in explain(error)


def test_a_wrong_password_is_said_plainly() -> None:
    assert explain_sign_in(GatewayError("x", status=401)) == "E-mail address and password do not belong together."
    assert "Too many tries" in explain_sign_in(GatewayError("x", status=429))
