from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from core.storage.files import FileStore, StoreUnavailable, open_file
from tests.full_disk import small_files
from tests.workers.conftest import ToldJob, Upload, cancelled_at, rows, stopped_at
from workers.finance.periods import PeriodWrong
from workers.finance.selection import AccountUnknown
from workers.household.books import write_books
from workers.tasks.data_export import data_export
from workers.tasks.transaction_import import transaction_import

FILES = "SELECT id, name, job_id FROM files WHERE job_id IS NOT NULL"


@pytest.fixture
async def books(store: FileStore, database: str) -> None:
    await write_books(store, until=date(2026, 9, 20), months=4)


OWN_FILES = FILES + " AND job_id = 'an-export'"


async def members(store: FileStore, result: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Return the archive's members but the manifest, which says when it was made."""
    archive = await opened(store, result)
    names = [name for name in archive.namelist() if name != "manifest.json"]
    return {name: (len(data := archive.read(name)), hashlib.sha256(data).hexdigest()) for name in names}


async def opened(store: FileStore, result: dict[str, Any]) -> zipfile.ZipFile:
    _, file = await open_file(store, result["files"][0]["id"])
    with file:
        return zipfile.ZipFile(io.BytesIO(file.read()))


async def test_every_table_is_there_three_times_and_the_checksums_agree(store: FileStore, books: None) -> None:
    job = ToldJob("an-export")

    result = await data_export(job=job, store=store)

    archive = await opened(store, result)
    manifest = json.loads(archive.read("manifest.json"))
    assert archive.testzip() is None
    assert {name for name in archive.namelist() if name != "manifest.json"} == {
        f"{table}.{ending}" for table in manifest["tables"] for ending in ("csv", "json", "parquet")
    }
    for name, table in manifest["tables"].items():
        for file in table["files"]:
            data = archive.read(file["name"])
            assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
        assert len(json.loads(archive.read(f"{name}.json"))) == table["rows"]
        assert len(list(csv.reader(io.StringIO(archive.read(f"{name}.csv").decode(), newline="")))) == table["rows"] + 1
        assert parquet.read_table(io.BytesIO(archive.read(f"{name}.parquet"))).num_rows == table["rows"]
    assert manifest["tables"]["transactions"]["rows"] > 800
    assert len({percentage for percentage, _ in job.moves}) >= 10


async def test_amounts_and_days_are_the_same_in_all_three_and_in_the_ledger(store: FileStore, books: None) -> None:
    archive = await opened(store, await data_export(job=ToldJob("an-export"), store=store))
    expected = await rows("SELECT id, booked_on, amount, counterparty FROM transactions ORDER BY id")

    table = parquet.read_table(io.BytesIO(archive.read("transactions.parquet")))
    from_parquet = list(
        zip(*(table[name].to_pylist() for name in ("id", "booked_on", "amount", "counterparty")), strict=True)
    )
    from_json = [
        (row["id"], date.fromisoformat(row["booked_on"]), Decimal(row["amount"]), row["counterparty"])
        for row in json.loads(archive.read("transactions.json"))
    ]
    from_csv = [
        (int(row["id"]), date.fromisoformat(row["booked_on"]), Decimal(row["amount"]), row["counterparty"])
        for row in csv.DictReader(io.StringIO(archive.read("transactions.csv").decode(), newline=""))
    ]

    assert from_parquet == expected
    assert from_json == expected
    assert from_csv == expected


async def test_a_text_never_becomes_a_formula_and_a_negative_amount_stays_a_number(
    store: FileStore, upload: Upload
) -> None:
    stored = await upload(
        'Date;Amount;Counterparty;Description\n2026-03-02;-5.00;=1+1;"@SUM(A1)"\n2026-03-03;-7.00;" =2";"-cmd|x"\n'
    )
    await transaction_import(stored.id, job=ToldJob("i"), store=store)

    archive = await opened(store, await data_export(job=ToldJob("e"), store=store))

    lines = list(csv.DictReader(io.StringIO(archive.read("transactions.csv").decode(), newline="")))
    assert [line["counterparty"] for line in lines] == ["'=1+1", "'=2"]
    assert [line["text"] for line in lines] == ["'@SUM(A1)", "'-cmd|x"]
    assert [line["amount"] for line in lines] == ["-5.0000", "-7.0000"]
    assert json.loads(archive.read("transactions.json"))[0]["counterparty"] == "=1+1"


async def test_a_period_and_accounts_limit_what_is_exported(store: FileStore, books: None) -> None:
    result = await data_export("2026-08", ["Dev's yen"], job=ToldJob("e"), store=store)

    archive = await opened(store, result)
    found = json.loads(archive.read("transactions.json"))
    assert {row["currency"] for row in found} == {"JPY"}
    assert {row["booked_on"][:7] for row in found} == {"2026-08"}
    assert result["rows"]["accounts"] == 1
    held = {name for (name,) in await rows("SELECT name FROM statements WHERE job_id LIKE 'sample:yen:%'")}
    assert {row["name"] for row in json.loads(archive.read("statements.json"))} < held


async def test_killed_in_the_middle_and_run_again_there_is_one_archive_with_all_of_it(
    store: FileStore,
    books: None,
    killed: Callable[..., Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    whole = ToldJob("another")
    expected = await members(store, await data_export(job=whole, store=store))
    await rows("DELETE FROM exports")

    await killed("DATA_EXPORT", at=[2, 12, whole.checkpoints - 3], job_id="an-export")
    assert await rows(OWN_FILES) == []
    assert len(list(tmp_path.glob("taskcast-scratch-*"))) == 1  # of the last one; each sweeps up what is left behind
    await killed("DATA_EXPORT", at=[0], job_id="an-export")
    again = await data_export(job=ToldJob("an-export"), store=store)

    assert len(await rows(OWN_FILES)) == 1
    assert await rows("SELECT job_id, file_id::text FROM exports") == [("an-export", again["files"][0]["id"])]
    assert await members(store, again) == expected
    assert list(tmp_path.glob("taskcast-scratch-*")) == []


async def test_a_cancel_at_any_moment_leaves_no_file_and_no_row(
    store: FileStore, books: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    await data_export(job=(whole := ToldJob("another")), store=store)
    files, bytes_of = await rows(FILES), sorted((tmp_path / "files").iterdir())

    for before_the_end in (0, 4, 20):
        job = ToldJob("an-export")
        await cancelled_at(whole.checkpoints - before_the_end, job, data_export(job=job, store=store))
    for step, number in (("Counting", 1), ("Exporting", 5), ("Exporting", 12), ("Packing", 3), ("Storing", 1)):
        job = ToldJob("an-export")
        await stopped_at(step, job, data_export(job=job, store=store), number=number)

    assert await rows(FILES) == files
    assert await rows("SELECT job_id FROM exports") == [("another",)]
    assert sorted((tmp_path / "files").iterdir()) == bytes_of
    assert list(tmp_path.glob("taskcast-scratch-*")) == []


async def test_a_full_disk_is_said_with_its_remedy(store: FileStore, books: None) -> None:
    with small_files(16_000), pytest.raises(StoreUnavailable, match="free some space, or set TMPDIR"):
        await data_export(job=ToldJob("e"), store=store)

    assert await rows(FILES) == []


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"period": "yesterday"}, PeriodWrong, "period: 'yesterday' is no period"),
        ({"accounts": [""]}, AccountUnknown, "accounts: there is no account ''"),
    ],
)
async def test_bad_input_names_the_field(
    store: FileStore, database: str, arguments: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        await data_export(job=ToldJob(), store=store, **arguments)
