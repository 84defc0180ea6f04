"""Errors in words that a person understands; nothing else of an error reaches the screen."""

from __future__ import annotations

import logging

from taskcast.client import GatewayError, GatewayUnavailable
from ui.looks import STUCK_REASONS

logger = logging.getLogger(__name__)

UNREACHABLE = "The gateway cannot be reached right now. The dashboard keeps trying by itself."
SIGNED_OUT = "Your session has ended. Please sign in again."

BY_CODE = {
    "already_final": "The job has already ended.",
    "unfinished": "The job is not finished yet, so it cannot be run again.",
    "changed": "The job was changed meanwhile; look at it again.",
    "duplicate": "Another job holds the same deduplication key.",
    "observed_only": "This job belongs to another broker: it can be watched, not steered.",
    "engine_full": "The queue server's memory is nearly full, so it takes no new jobs.",
    "engine_unavailable": "The queue server cannot be reached right now; try again in a moment.",
    "database_unavailable": "The database cannot be reached right now; try again in a moment.",
    "job_not_found": "There is no such job.",
    "forbidden": "You are not allowed to see or do this. Ask an administrator for the right.",
}

BY_STATUS = {
    401: SIGNED_OUT,
    403: "You are not allowed to see or do this. Ask an administrator for the right.",
    404: "There is no such thing any more.",
    413: "The file is too large.",
    429: "Too many tries in a short time. Wait a minute and try again.",
    503: "A server behind the gateway cannot be reached right now; try again in a moment.",
}


def explain(error: BaseException) -> str:
    """Return what went wrong in a sentence or two, for the person at the screen."""
    if isinstance(error, GatewayUnavailable):
        return UNREACHABLE
    if isinstance(error, GatewayError):
        if error.fields:
            return "; ".join(f"{name}: {text}" for name, text in error.fields.items())
        if error.code in BY_CODE:
            return BY_CODE[error.code]
        if error.status in BY_STATUS:
            return BY_STATUS[error.status]
        if 400 <= error.status < 500:
            return _sentence(str(error))
        return f"The gateway could not do it ({error.status or 'no answer'}). Its log says why."
    logger.error("an action failed", exc_info=error)
    return "That did not work. The dashboard's log says why."


def explain_sign_in(error: BaseException) -> str:
    """Return why a sign-in did not work."""
    if isinstance(error, GatewayError) and not isinstance(error, GatewayUnavailable):
        if error.status in (400, 401, 422):
            return "E-mail address and password do not belong together."
        if error.status == 403:
            return "This account is disabled. Ask an administrator."
    return explain(error)


def stuck_words(reason: object) -> str:
    """Return why a job looks stuck as a sentence's beginning; a reason that is not known is said as it is."""
    return sentence(STUCK_REASONS.get(str(reason), reason))


def sentence(words: object) -> str:
    """Return a code or words of the gateway as the beginning of a sentence: `no_lease` becomes "No lease"."""
    text = str(words or "").strip()
    text = text.replace("_", " ") if " " not in text else text
    return text[:1].upper() + text[1:]


def _sentence(text: str) -> str:
    text = " ".join(text.split())[:400]
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
