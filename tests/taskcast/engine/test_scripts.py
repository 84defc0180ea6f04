"""The texts of the scripts: complete, of one vocabulary, and guarded by the table of moves."""

from __future__ import annotations

import json
import re

import pytest

from taskcast.engine.scripts import FOLDER, compose, load
from taskcast.names import Names
from taskcast.states import MOVES, JobState
from tests.taskcast.engine.conftest import Bench, new_job

PARTS = {"lib", "accept", "due", "giveback", "claims", "slots", "holds", "limits"}
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.lua") if path.stem not in PARTS)


@pytest.mark.parametrize("name", SCRIPTS)
async def test_script_compiles_on_the_server(bench: Bench, name: str) -> None:
    script = load(name)

    assert await bench.redis.script_load(script.text) == script.sha


@pytest.mark.parametrize("name", SCRIPTS + sorted(PARTS))
def test_script_spells_no_key_by_itself(name: str) -> None:
    body = (FOLDER / f"{name}.lua").read_text()

    assert not re.search(r"TAG \.\. '(?!none')", body)


def test_scripts_know_every_key_by_its_function() -> None:
    text = load("enqueue").text + load("take").text
    names = Names()

    for key in (
        names.events,
        names.lane("q", 2),
        names.job("j"),
        names.tombstone("j"),
        names.held("w"),
        names.lease("w"),
    ):
        assert key.startswith(names.tag)
    for word in ("'lane:'", "'job:'", "'tomb:'", "'held:'", "'lease:'", "'dedup:'", "'delayed'", "'live'", "'seq'"):
        assert word in text


async def test_scripts_have_exactly_the_arrows_of_the_table(bench: Bench) -> None:
    states = ["new", *JobState]
    text = compose(
        "local out = {} for i = 2, #ARGV, 2 do out[i / 2] = arrow(ARGV[i], ARGV[i + 1]) or '' end return out"
    )
    pairs = [(was, state) for was in states for state in states]
    asked = [str(word) for pair in pairs for word in pair]

    arrows = await bench.redis.eval(text, 1, bench.names.events, bench.names.tag, *asked)

    assert {pair: json.loads("{" + arrow.decode()[1:] + "0}") for pair, arrow in zip(pairs, arrows, strict=True) if arrow} == {
        (was or "new", state): {"was": was, "state": state, "data": 0} for was, states in MOVES.items() for state in states
    }  # fmt: skip


async def test_move_that_the_table_forbids_is_refused_before_anything_is_written(bench: Bench) -> None:
    probe = compose("move('completed', 'running', '\"job\":\"a\"', 1, '{}') emit() return 1")

    with pytest.raises(Exception, match="no completed to running"):
        await bench.redis.eval(probe, 1, bench.names.events, bench.names.tag)

    assert await bench.redis.exists(bench.names.seq, bench.names.events) == 0


def test_script_gets_only_the_paragraphs_it_needs() -> None:
    assert "arrow(" not in load("known").text
    assert "call('TIME')" not in load("known").text
    assert "call('TIME')" in load("enqueue").text


async def test_times_are_written_as_the_calendar_has_them(bench: Bench) -> None:
    times = {
        0: "1970-01-01T00:00:00.000Z",
        951_827_696_789: "2000-02-29T12:34:56.789Z",
        1_709_251_199_999: "2024-02-29T23:59:59.999Z",
        4_102_444_800_000: "2100-01-01T00:00:00.000Z",
        4_107_542_400_001: "2100-03-01T00:00:00.001Z",
    }
    for i, ms in enumerate(times):
        await bench.engine.enqueue([new_job(f"j{i}", created_at_ms=ms)])

    assert [event.data.created_at for event in await bench.events()] == list(times.values())


async def test_engine_without_events_moves_jobs_all_the_same(bench: Bench, redis_url: str) -> None:
    from taskcast.engine.engine import Engine

    async with Engine.connect(redis_url, bench.names.prefix, events=False) as engine:
        silent = Bench(engine)
        await silent.engine.enqueue([new_job("a")])
        assert await silent.taken() == [("a", 1)]

    assert await bench.events() == []
