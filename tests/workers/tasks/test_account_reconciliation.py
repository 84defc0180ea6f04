from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from core.storage.connection import connection
from core.storage.files import FileNotStored, FileStore, delete_file
from tests.workers.conftest import ToldJob, Upload, cancelled_at, held, rows, stopped_at, stopped_when
from workers.finance.periods import PeriodWrong
from workers.finance.selection import AccountUnknown
from workers.finance.statement_lines import StatementUnknown
from workers.household.books import write_books
from workers.tasks.account_reconciliation import account_reconciliation
from workers.tasks.transaction_import import transaction_import

KEPT = """SELECT id, statement_id, account_id, first_day, last_day, exact, near, split, missing, surplus, proven, result::text
          FROM reconciliations ORDER BY 1"""


@pytest.fixture
async def books(store: FileStore, database: str) -> None:
    await write_books(store, until=date(2026, 9, 20), months=3)


async def test_the_sample_statements_agree_but_for_the_card_whose_differences_are_explained(
    store: FileStore, books: None
) -> None:
    job = ToldJob()

    result = await account_reconciliation(job=job, store=store)

    found = {row["account"]: row for row in result["tables"][1]["rows"]}
    assert len(found) == 8
    assert all(row["missing"] == row["surplus"] == row["near"] == row["split"] == "0" for name, row in found.items()
               if "card" not in name)  # fmt: skip
    card = found["House card 1881"]
    assert int(card["split"]) >= 3
    assert int(card["near"]) >= 1
    assert (card["missing"], card["surplus"]) == ("0", "1")
    assert {row["proof"] for row in result["tables"][0]["rows"]} == {"agrees"}
    assert len({percentage for percentage, _ in job.moves}) >= 10


async def test_an_imported_statement_is_reconciled_and_a_deleted_booking_is_missed(
    store: FileStore, upload: Upload
) -> None:
    stored = await upload(
        "IBAN;DE89370400440532013000\nDate;Amount;Description\n2026-03-02;-5.00;Bread\n2026-03-03;-7.00;Milk\n"
    )
    await transaction_import(stored.id, job=ToldJob("an-import"), store=store)
    async with connection() as lent:
        await lent.execute("DELETE FROM transactions WHERE text = 'Milk'")

    result = await account_reconciliation(statement=stored.id, job=ToldJob(), store=store)

    [each] = result["reconciliations"]
    assert (each["missing"], each["surplus"]) == (1, 0)
    assert result["tables"][2]["rows"][0]["what"] == "Milk"


async def test_a_file_of_many_accounts_is_read_once(upload: Upload, tmp_path: Path) -> None:
    class Counted(FileStore):
        opened = 0

        def open(self, file_id: str) -> BinaryIO:
            Counted.opened += 1
            return super().open(file_id)

    accounts = [f"DE{number:02d}3704004405320130{number:02d}" for number in range(10, 40)]
    lines = "".join(f"{account};2026-03-02;-5.{number}\n" for number, account in enumerate(accounts, 10))
    stored = await upload(f"Account;Date;Amount\n{lines}")
    store = Counted((tmp_path / "files").as_uri())
    await transaction_import(stored.id, job=ToldJob("an-import"), store=store)
    Counted.opened = 0

    result = await account_reconciliation(job=ToldJob(), store=store)

    assert Counted.opened == 1
    assert [each["statement_total"] for each in result["reconciliations"]] == [
        f"-5.{number}" for number in range(10, 40)
    ]


async def test_killed_in_the_middle_and_run_again_the_reconciliations_are_those_of_one_run(
    store: FileStore, books: None, killed: Callable[..., Awaitable[None]], tmp_path: Path
) -> None:
    await account_reconciliation(job=ToldJob(), store=store)
    expected = await rows(KEPT)
    async with connection() as lent:
        await lent.execute("TRUNCATE reconciliations")

    await killed("ACCOUNT_RECONCILIATION", at=[1, 9, 17, 0])
    await account_reconciliation(job=ToldJob(), store=store)

    assert await rows(KEPT) == expected


async def test_a_cancel_keeps_nothing_half_done(store: FileStore, books: None) -> None:
    job = ToldJob()

    await cancelled_at(9, job, account_reconciliation(job=job, store=store))
    async with held("reconciliations") as waited_for:
        await stopped_when(waited_for, account_reconciliation(job=ToldJob(), store=store))
    await stopped_at("Matching", job := ToldJob(), account_reconciliation(job=job, store=store), number=6)

    assert await rows(KEPT) == []


async def test_a_statement_whose_file_is_gone_is_said_and_the_others_go_on(store: FileStore, books: None) -> None:
    [(file_id,)] = await rows("SELECT file_id FROM statements WHERE job_id = 'sample:card:2026-08'")
    await delete_file(store, str(file_id))

    result = await account_reconciliation(job=ToldJob(), store=store)

    assert (len(result["reconciliations"]), len(result["unreadable"])) == (7, 1)
    with pytest.raises(FileNotStored, match="upload it"):
        await account_reconciliation(statement=str(file_id), job=ToldJob(), store=store)


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"month": "2026-9"}, PeriodWrong, "month: .*2026-11"),
        ({"accounts": ["nobody's"]}, AccountUnknown, "accounts: there is no account"),
        ({"statement": "../../etc/passwd"}, StatementUnknown, "statement: .*is no id"),
        ({"statement": "0198c0de-0000-7000-8000-000000000000"}, StatementUnknown, "is no statement of the chosen"),
    ],
)
async def test_bad_input_names_the_field(
    store: FileStore, database: str, arguments: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        await account_reconciliation(job=ToldJob(), store=store, **arguments)
