from __future__ import annotations

import pytest

from core import auth_throttle
from core.auth_throttle import FREE_TRIES, FREE_TRIES_OF_ADDRESS, LONGEST_WAIT_S, LoginThrottle
from core.errors import TooManyAttempts


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail(throttle: LoginThrottle, times: int, address: str = "10.0.0.1", email: str = "ada@example.com") -> None:
    for _ in range(times):
        throttle.begin(address, email)


def test_wait_begins_after_the_free_tries_and_doubles() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock=clock)
    fail(throttle, FREE_TRIES)

    with pytest.raises(TooManyAttempts) as first:
        throttle.begin("10.0.0.1", "ada@example.com")
    clock.now += first.value.retry_after_s
    throttle.begin("10.0.0.1", "ada@example.com")
    with pytest.raises(TooManyAttempts) as second:
        throttle.begin("10.0.0.1", "ADA@example.com")

    assert first.value.retry_after_s == 2
    assert second.value.retry_after_s == 4


def test_wait_is_never_longer_than_its_limit() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock=clock)
    longest = 0
    for _ in range(60):
        try:
            throttle.begin("10.0.0.1", "ada@example.com")
        except TooManyAttempts as refused:
            longest = max(longest, refused.retry_after_s)
            clock.now += refused.retry_after_s

    assert longest == LONGEST_WAIT_S


def test_nobody_is_locked_out_by_another_address() -> None:
    throttle = LoginThrottle(clock=Clock())
    fail(throttle, FREE_TRIES)

    throttle.begin("10.0.0.2", "ada@example.com")

    with pytest.raises(TooManyAttempts):
        throttle.begin("10.0.0.1", "ada@example.com")


def test_one_address_cannot_try_many_people() -> None:
    throttle = LoginThrottle(clock=Clock())
    for number in range(FREE_TRIES_OF_ADDRESS):
        throttle.begin("10.0.0.1", f"{number}@example.com")

    with pytest.raises(TooManyAttempts):
        throttle.begin("10.0.0.1", "another@example.com")


def test_success_forgets_the_failures() -> None:
    throttle = LoginThrottle(clock=Clock())
    fail(throttle, FREE_TRIES)

    throttle.succeeded("10.0.0.1", "ada@example.com")

    fail(throttle, FREE_TRIES)
    with pytest.raises(TooManyAttempts):
        throttle.begin("10.0.0.1", "ada@example.com")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_throttle, "MOST_KEYS", 10)
    throttle = LoginThrottle(clock=Clock())
    for number in range(50):
        throttle.begin(f"10.0.0.{number}", "ada@example.com")

    assert len(throttle._failures) <= 10
