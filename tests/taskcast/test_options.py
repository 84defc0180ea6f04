from __future__ import annotations

from datetime import UTC, datetime

import pytest

from taskcast.failures import Failure
from taskcast.limits import Rate, key_of
from taskcast.options import TaskOptions, options_in_labels, send_options, task_options
from taskcast.retries import backoff_ms, is_worth_retrying
from taskcast.states import Priority


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("queue", "a b"),
        ("queue", 5),
        ("priority", "URGENT"),
        ("max_attempts", 0),
        ("max_attempts", True),
        ("backoff", "linear"),
        ("backoff_s", -1),
        ("backoff_s", float("nan")),
        ("retry_on", "ValueError"),
        ("timeout_s", 0),
        ("timeout_s", "5"),
        ("keep_message", 1),
        ("rate_limit", "5/w"),
        ("rate_limit", "0/m"),
        ("rate_limit", (5, 0)),
        ("rate_limit", 5),
        ("concurrency", 0),
        ("concurrency", "2"),
        ("concurrency_key", "tenant:{tenant"),
        ("concurrency_key", "tenant:{tenant.name}"),
        ("concurrency_key", "tenant:{}"),
        ("concurrency_key", "tenant:{tenant:>10}"),
        ("concurrency_key", "a\nb"),
        ("concurrency_key", 7),
        ("executor", "fork"),
    ],
)
def test_wrong_option_of_a_task_is_named(option: str, value: object) -> None:
    with pytest.raises((ValueError, TypeError), match=option):
        task_options({option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("delay_s", -1),
        ("run_at", datetime(2026, 1, 1)),  # noqa: DTZ001
        ("run_at", datetime.min.replace(tzinfo=UTC)),
        ("run_at", datetime.max.replace(tzinfo=UTC)),
        ("dedup_key", ""),
        ("dedup_key", "a\0"),
        ("user_id", "\ud800"),
        ("metadata", [1]),
        ("user_id", "x" * 300),
    ],
)
def test_wrong_option_of_a_sending_is_named(option: str, value: object) -> None:
    with pytest.raises((ValueError, TypeError), match=option):
        send_options({option: value})


def test_unknown_keyword_says_where_arguments_go() -> None:
    with pytest.raises(TypeError, match=r"kwargs=\{'file'"):
        send_options({"file": "june.csv"})


def test_delay_and_time_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        send_options({"delay_s": 1, "run_at": datetime.now(UTC)})


def test_timeout_is_an_hour_unless_none_is_written() -> None:
    assert TaskOptions().timeout_s == 3600
    assert task_options({"timeout_s": None}).timeout_s is None


def test_labels_of_a_schedule_are_texts_and_are_read() -> None:
    options = options_in_labels(
        {"queue": "q", "priority": "high", "timeout": "None", "delay_s": "1.5", "keep_message": "False",
         "metadata": '{"a":1}', "run_at": "None", "other": "x"}
    )  # fmt: skip

    assert (options.queue, options.priority, options.timeout_s) == ("q", Priority.HIGH, None)
    assert (options.delay_s, options.keep_message, options.metadata) == (1.5, False, {"a": 1})


@pytest.mark.parametrize("label", ["max_attempts", "delay_s", "run_at", "metadata"])
def test_label_that_cannot_be_read_is_named(label: str) -> None:
    with pytest.raises(ValueError, match=label):
        options_in_labels({label: "{"})


def test_exponential_backoff_doubles_up_to_an_hour_with_jitter() -> None:
    options = TaskOptions(backoff_s=10)

    for errors, seconds in [(1, 10), (2, 20), (3, 40), (20, 3600), (1000, 3600)]:
        assert 800 * seconds <= backoff_ms(options, errors) <= 1200 * seconds
    assert len({backoff_ms(options, 5) for _ in range(20)}) > 1


def test_fixed_backoff_stays() -> None:
    assert 8000 <= backoff_ms(TaskOptions(backoff="fixed", backoff_s=10), 7) <= 12000


def test_retry_on_and_never_retry_on_decide() -> None:
    options = task_options({"retry_on": OSError, "never_retry_on": (FileNotFoundError,)})

    assert is_worth_retrying(Failure.of(ConnectionError()), options)
    assert not is_worth_retrying(Failure.of(FileNotFoundError()), options)
    assert not is_worth_retrying(Failure.of(ValueError()), options)


@pytest.mark.parametrize(
    ("said", "count", "period_s", "text"),
    [
        ("10/m", 10, 60, "10/m"),
        ("1/s", 1, 1, "1/s"),
        ("5/30s", 5, 30, "5/30s"),
        ("500/h", 500, 3600, "500/h"),
        ("3/d", 3, 86400, "3/d"),
        ((10, 60), 10, 60, "10/m"),
        ((3, 1.5), 3, 1.5, "3/1.5s"),
    ],
)
def test_rate_is_read_and_announced_as_text(said: object, count: int, period_s: float, text: str) -> None:
    options = task_options({"rate_limit": said})

    assert options.rate_limit == Rate(count, period_s)
    assert options.public()["rate_limit"] == text
    assert Rate.parse(text) == options.rate_limit


def test_limits_and_executor_are_announced() -> None:
    options = task_options({"concurrency": 2, "concurrency_key": "tenant:{tenant}", "executor": "process"})

    public = options.public()

    assert (public["concurrency"], public["concurrency_key"], public["executor"]) == (2, "tenant:{tenant}", "process")
    assert (TaskOptions().public()["rate_limit"], TaskOptions().public()["executor"]) == (None, "thread")


def test_key_without_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="says nothing without concurrency"):
        task_options({"concurrency_key": "one"})


def test_key_is_made_of_arguments_by_name() -> None:
    assert key_of("tenant:{tenant}:{n}", {"tenant": "acme", "n": 7, "more": [1]}) == "tenant:acme:7"


@pytest.mark.parametrize(("arguments", "word"), [({}, "'tenant'"), ({"tenant": [1]}, "list"), ({"tenant": "a" * 300}, "255")])  # fmt: skip
def test_argument_that_gives_no_key_is_named(arguments: dict[str, object], word: str) -> None:
    with pytest.raises((ValueError, TypeError), match=word):
        key_of("tenant:{tenant}", arguments)
