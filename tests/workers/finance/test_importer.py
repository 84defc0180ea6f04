from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from core.storage.connection import connection, transaction
from core.storage.files import FileStore, open_file
from taskcast import JobCancelled
from tests.stopwatch import Stopwatch
from tests.waiting import eventually
from tests.workers.conftest import ToldJob, Upload
from workers.finance import ledger
from workers.finance.entries import StatementUnreadable
from workers.finance.importer import StatementImport
from workers.finance.money import money

HEAD = "Buchungstag;Verwendungszweck;Betrag (EUR)\n"


def statement(lines: int, seed: int = 1, account: str = "DE89370400440532013000") -> tuple[str, Decimal]:
    """Return a statement and the sum of its amounts."""
    rng, total, text = random.Random(seed), Decimal(0), f"IBAN;{account}\n{HEAD}"
    for line in range(lines):
        amount = Decimal(rng.randint(-500_000, 500_000)) / 100
        total += amount
        text += f"{line % 28 + 1:02d}.{line // 28 % 12 + 1:02d}.2024;Nr. {line % 400};{str(amount).replace('.', ',')}\n"
    return text, total


@pytest.fixture
def run(store: FileStore, database: str) -> Any:
    async def run(file_id: str, job: ToldJob | None = None, **options: Any) -> dict[str, Any]:
        stored, opened = await open_file(store, file_id)
        with opened:
            return await StatementImport(stored=stored, file=opened, job=job or ToldJob(), **options).run()

    return run


async def ledger_rows() -> list[tuple[Any, ...]]:
    async with connection() as lent:
        rows = await lent.fetch(
            """SELECT identity, t.currency, booked_on, amount, text, fingerprint, line
               FROM transactions t JOIN accounts a ON a.id = t.account_id ORDER BY identity, fingerprint"""
        )
    return [tuple(row) for row in rows]


async def test_a_statement_of_20_000_lines_adds_up_and_its_bar_moves(upload: Upload, run: Any) -> None:
    text, total = statement(20_000)
    stored, job = await upload(text), ToldJob()

    result = await run(stored.id, job)

    assert (result["imported"], result["duplicates"], result["skipped_total"]) == (20_000, 0, 0)
    assert result["total_amount"] == {"EUR": str(total)}
    assert len(await ledger_rows()) == 20_000
    percentages = [percentage for percentage, _ in job.moves if percentage is not None]
    assert percentages == sorted(percentages)
    assert len(set(percentages)) >= 40
    assert percentages[-1] == 100
    assert list(dict.fromkeys(step for _, step in job.moves)) == ["Reading", "Detecting", "Importing", "Finishing"]


async def test_the_result_says_what_came_of_it(upload: Upload, run: Any) -> None:
    stored = await upload(
        "IBAN;DE89370400440532013000\n" + HEAD + "02.01.2024;Brot;-3,20\nmorgen;Käse;1,00\n31.01.2024;Lohn;2.345,60\n",
        user_id="ada",
    )

    result = await run(stored.id)

    (account,) = result.pop("accounts")
    assert result.pop("accounts_total") == 1
    assert account.pop("id")
    assert account == {
        "name": "DE89370400440532013000",
        "identity": "DE89370400440532013000",
        "currency": "EUR",
        "imported": 2,
        "duplicates": 0,
        "amount": "2342.40",
        "opening": None,
        "closing": None,
        "balances": "not told",
    }
    assert result.pop("summary") == "2 new lines of statement.csv on 1 account, 1 skipped"
    assert [(figure["label"], figure["value"], figure["unit"]) for figure in result.pop("figures")] == [
        ("New lines", "2", None),
        ("Known before", "0", None),
        ("Skipped", "1", None),
        ("With a category", "0", None),
        ("Sum of the new lines", "2,342.40", "EUR"),
    ]
    accounts, skipped = result.pop("tables")
    assert accounts["rows"][0]["check"] == "not told"
    assert skipped["rows"] == [{"line": 4, "field": "date", "reason": "'morgen' is no date"}]
    assert result == {
        "file": stored.id,
        "imported": 2,
        "duplicates": 0,
        "skipped": [{"line": 4, "field": "date", "reason": "'morgen' is no date"}],
        "skipped_total": 1,
        "categorised": 0,
        "told_by_other_formats": 0,
        "total_amount": {"EUR": "2342.40"},
        "first_date": "2024-01-02",
        "last_date": "2024-01-31",
        "format": {
            "name": "CSV",
            "delimiter": "semicolon",
            "encoding": "utf-8",
            "decimal": "comma",
            "date_order": "dmy",
            "header_line": 2,
            "columns": {"date": "Buchungstag", "text": "Verwendungszweck", "amount": "Betrag (EUR)"},
        },
        "notes": [],
        "read_with": {},
    }


async def test_the_same_file_twice_adds_nothing_and_says_so(upload: Upload, run: Any) -> None:
    text, _ = statement(700)
    first, again, job = await upload(text), await upload(text, "copy.csv"), ToldJob()
    await run(first.id)
    before = await ledger_rows()

    result = await run(again.id, job)

    assert (result["imported"], result["duplicates"]) == (0, 700)
    assert result["total_amount"] == {"EUR": "0.00"}
    assert ("INFO", "all 700 lines are in the ledger already; nothing was added") in job.lines
    assert await ledger_rows() == before


async def test_overlapping_statements_add_each_booking_once(upload: Upload, run: Any) -> None:
    june = HEAD + "29.06.2024;Brot;-3,20\n30.06.2024;Kaffee;-2,80\n"
    july = HEAD + "30.06.2024;Kaffee;-2,80\n30.06.2024;Kaffee;-2,80\n01.07.2024;Miete;-800,00\n"

    first = await run((await upload(june)).id)
    second = await run((await upload(july)).id)

    assert (first["imported"], first["total_amount"]) == (2, {"EUR": "-6.00"})
    assert (second["imported"], second["duplicates"], second["total_amount"]) == (2, 1, {"EUR": "-802.80"})


async def test_two_equal_coffees_of_one_day_are_two(upload: Upload, run: Any) -> None:
    stored = await upload(HEAD + "30.06.2024;Kaffee;-2,80\n" * 3)

    result = await run(stored.id)

    assert (result["imported"], result["total_amount"]) == (3, {"EUR": "-8.40"})


async def test_amounts_of_several_currencies_are_summed_apart(upload: Upload, run: Any) -> None:
    stored = await upload(
        "Date,Account,Amount,Currency\n2024-01-01,A,1.50,EUR\n2024-01-01,A,900,JPY\n2024-01-01,B,2,EUR\n"
    )

    result = await run(stored.id)

    assert result["total_amount"] == {"EUR": "3.50", "JPY": "900"}
    assert {(a["identity"], a["currency"]): a["amount"] for a in result["accounts"]} == {
        ("A", "EUR"): "1.50",
        ("A", "JPY"): "900",
        ("B", "EUR"): "2.00",
    }


async def test_of_many_accounts_the_first_are_told_and_all_are_imported(upload: Upload, run: Any) -> None:
    stored = await upload("Date,Account,Amount\n" + "".join(f"2024-01-01,Till {n},1\n" for n in range(300)))

    result = await run(stored.id)

    assert (result["imported"], len(result["accounts"]), result["accounts_total"]) == (300, 200, 300)
    assert (len(result["tables"][0]["rows"]), result["tables"][0]["total_rows"]) == (100, 300)


async def test_more_accounts_than_anybody_has_are_an_error(upload: Upload, run: Any) -> None:
    stored = await upload("Date,Account,Amount\n" + "".join(f"2024-01-01,Booking {n},1\n" for n in range(1_001)))

    with pytest.raises(StatementUnreadable, match="more than 1,000 accounts; check which column names the account"):
        await run(stored.id)


async def test_a_cancelled_import_leaves_nothing_and_a_later_one_is_right(upload: Upload, run: Any) -> None:
    text, total = statement(3_000)
    stored, job = await upload(text), ToldJob()

    def cancel_half_way(told: ToldJob) -> None:
        if (told.moves[-1][0] or 0) > 60:
            raise JobCancelled

    job.at_checkpoint = cancel_half_way
    with pytest.raises(JobCancelled):
        await run(stored.id, job)
    assert await ledger_rows() == []

    result = await run(stored.id)

    assert (result["imported"], result["total_amount"]) == (3_000, {"EUR": str(total)})


async def test_a_cancelled_asyncio_task_leaves_nothing_and_frees_its_connection(upload: Upload, run: Any) -> None:
    stored, job = await upload(statement(5_000)[0]), ToldJob()
    task = asyncio.create_task(run(stored.id, job, pace_lines_per_s=500))
    await eventually(lambda: job.moves and (job.moves[-1][0] or 0) > 25)

    task.cancel()
    with Stopwatch() as took, pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)
    assert took.seconds < 1.0

    assert await ledger_rows() == []
    assert (await run(stored.id))["imported"] == 5_000


async def test_a_job_killed_behind_its_transaction_answers_as_it_would_have(upload: Upload, run: Any) -> None:
    stored = await upload(statement(300)[0])
    first = await run(stored.id, ToldJob("job-1"))

    again = await run(stored.id, ToldJob("job-1"))
    other = await run(stored.id, ToldJob("job-2"))

    assert again == first
    assert (other["imported"], other["duplicates"]) == (0, 300)


async def test_two_imports_of_one_file_at_once_add_it_once(upload: Upload, run: Any) -> None:
    text, total = statement(2_000)
    files = [await upload(text, f"{n}.csv") for n in range(4)]

    results = await asyncio.gather(*(run(stored.id) for stored in files))

    assert sorted(result["imported"] for result in results) == [0, 0, 0, 2_000]
    assert len(await ledger_rows()) == 2_000
    assert {result["total_amount"]["EUR"] for result in results} == {str(total), "0.00"}


async def test_an_import_that_waits_for_another_says_so_and_can_be_cancelled(upload: Upload, run: Any) -> None:
    stored, job = await upload(statement(10)[0]), ToldJob()
    async with transaction() as other:
        assert await ledger.lock(other, "account:DE89370400440532013000:EUR")

        task = asyncio.create_task(run(stored.id, job))
        await eventually(lambda: ("INFO", "waits for another import into this account to end") in job.lines)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert (await run(stored.id))["imported"] == 10


async def test_a_database_that_ends_the_session_fails_the_import_whole(upload: Upload, run: Any, database: str) -> None:
    stored, job = await upload(statement(5_000)[0]), ToldJob()
    task = asyncio.create_task(run(stored.id, job, pace_lines_per_s=1_000))
    await eventually(lambda: job.moves and (job.moves[-1][0] or 0) > 25)

    async with connection() as lent:
        await lent.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(
        (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError, asyncpg.exceptions.AdminShutdownError)
    ):
        await task

    assert (await run(stored.id))["imported"] == 5_000


async def test_a_file_of_which_no_line_can_be_read_is_an_error(upload: Upload, run: Any) -> None:
    stored = await upload(HEAD + "morgen;Brot;1,00\ngestern;Käse;1,00\n")

    with pytest.raises(StatementUnreadable, match="none of the 2 lines can be read; line 2: 'morgen' is no date"):
        await run(stored.id)


async def test_a_statement_without_bookings_imports_none(upload: Upload, run: Any) -> None:
    result = await run((await upload(HEAD)).id)

    assert (result["imported"], result["total_amount"], result["accounts"]) == (0, {}, [])


async def test_many_bad_lines_are_counted_and_the_first_hundred_listed(upload: Upload, run: Any) -> None:
    job = ToldJob()
    stored = await upload(HEAD + "02.01.2024;Brot;1,00\n" + "32.01.2024;Brot;1,00\n" * 500)

    result = await run(stored.id, job)

    assert (result["imported"], result["skipped_total"], len(result["skipped"])) == (1, 500, 100)
    assert sum(level == "WARNING" for level, _ in job.lines) < 30


@pytest.mark.parametrize("seed", range(3))
async def test_random_damage_never_loses_more_than_the_damaged_lines(upload: Upload, run: Any, seed: int) -> None:
    rng = random.Random(seed)
    lines = statement(400, seed)[0].split("\n")
    for at in rng.sample(range(2, 400), 20):
        cut = rng.randrange(len(lines[at]))
        lines[at] = lines[at][:cut] + rng.choice(['"', "\x00", ";;;", "\ufffd", "€", ""]) + lines[at][cut + 1 :]

    result = await run((await upload("\n".join(lines))).id)

    assert result["imported"] >= 375
    assert result["imported"] + result["skipped_total"] <= 400


def test_money_has_the_decimals_of_its_currency() -> None:
    assert [money(Decimal("1.5"), code) for code in ("EUR", "JPY", "KWD")] == ["1.50", "2", "1.500"]
