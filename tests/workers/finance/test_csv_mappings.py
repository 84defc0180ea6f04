from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.storage.connection import connection, transaction
from core.storage.files import FileStore, open_file
from tests.workers.conftest import ToldJob, Upload
from tests.workers.finance.reading import read
from workers.finance.csv_mapping import read_mapping
from workers.finance.csv_mappings import mappings_by_header, save_mapping
from workers.finance.entries import StatementUnreadable
from workers.finance.importer import StatementImport
from workers.finance.selection import chosen_accounts
from workers.finance.statement_lines import lines_of, own_lines, statements_of

ODD = "Wann|Wieviel|Wof\u00fcr|Warum\n03/04/2024|1.500|Brot|Hunger\n05/04/2024|-2.000|Miete|Wohnen\n"
MAPPING = {
    "columns": {"date": "Wann", "amount": "wieviel", "text": ["Wof\u00fcr", "Warum"]},
    "decimal": "point",
    "date_order": "mdy",
    "currency": "KWD",
    "account": "Till",
}


@pytest.fixture
def run(store: FileStore, upload: Upload) -> Any:
    async def run(contents: str, job: ToldJob | None = None, **options: Any) -> dict[str, Any]:
        stored, opened = await open_file(store, (await upload(contents)).id)
        with opened:
            return await StatementImport(stored=stored, file=opened, job=job or ToldJob(), **options).run()

    return run


def test_a_mapping_says_what_cannot_be_told_from_the_file() -> None:
    found = read(ODD, mapping=read_mapping(MAPPING))

    assert [(entry.booked_on, entry.amount, entry.text) for entry in found.entries] == [
        (date(2024, 3, 4), Decimal("1.500"), "Brot Hunger"),
        (date(2024, 5, 4), Decimal("-2.000"), "Miete Wohnen"),
    ]
    assert (found.entries[0].account.identity, found.entries[0].account.currency) == ("Till", "KWD")


@pytest.mark.parametrize("header_line", [0, 2])
def test_columns_may_be_numbered_where_a_file_has_no_header(header_line: int) -> None:
    above = "Exported by Meadow Bank\n\n"[: 24 * header_line]
    mapping = {"columns": {"date": 1, "debit": 3, "credit": 4, "text": 2}, "header_line": header_line}

    found = read(above + "2024-01-02,Bread,3.20,\n2024-01-03,Wages,,100\n", mapping=read_mapping(mapping))

    assert found.amounts == [Decimal("-3.20"), Decimal(100)]
    assert [entry.text for entry in found.entries] == ["Bread", "Wages"]


def test_a_mapping_may_name_the_encoding() -> None:
    mapping = {"columns": {"date": "Datum", "amount": "Betrag", "text": "Text"}, "encoding": "cp850"}

    found = read("Datum;Betrag;Text\n02.01.2024;1,00;Br\u00f6tchen\n".encode("cp850"), mapping=read_mapping(mapping))

    assert found.entries[0].text == "Br\u00f6tchen"


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({"colums": {}}, "'colums' is no key; the keys are columns"),
        ({}, "columns are missing; give them as"),
        ({"columns": {"date": 1}}, "the date or the amount has no column"),
        ({"columns": {"date": 1, "amount": 2, "price": 3}}, "'price' is no field; the fields are date"),
        ({"columns": {"date": 0, "amount": 2}}, "0 is no column for 'date'"),
        ({"columns": {"date": [1, 2], "amount": 2}}, "'date' has several columns"),
        ({"columns": {"date": 1, "amount": 2}, "decimal": "dot"}, "decimal 'dot' is none; give one of comma, point"),
        ({"columns": {"date": 1, "amount": 2}, "currency": "EURO"}, "give an ISO 4217 code"),
        ({"columns": {"date": 1, "amount": 2}, "encoding": "klingon"}, "'klingon' is no encoding"),
        ({"columns": {"date": 1, "amount": 2}, "encoding": "hex"}, "'hex' is no encoding"),
        ({"columns": {"date": 1, "amount": 2}, "header_line": -1}, "header_line -1"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_remedy(mapping: dict[str, Any], told: str) -> None:
    with pytest.raises(StatementUnreadable) as error:
        read_mapping(mapping)

    assert str(error.value).startswith("mapping: ")
    assert told in str(error.value)


def test_a_mapping_for_another_file_is_refused() -> None:
    with pytest.raises(
        StatementUnreadable, match="is for a file with wann, warum, wieviel, wof\u00fcr; the file has 'Datum, Betrag'"
    ):
        read("Datum;Betrag\n02.01.2024;1,00\n", mapping=read_mapping(MAPPING))


async def test_a_mapping_is_saved_and_found_again_by_the_header(run: Any) -> None:
    first = await run(ODD, mapping=MAPPING, save_mapping_as="Till roll")

    later = await run(ODD.replace("1.500", "7.250"))

    assert (first["imported"], later["imported"], later["duplicates"]) == (2, 1, 1)
    assert later["format"]["mapping"] == "Till roll"
    assert later["total_amount"] == {"KWD": "7.250"}


async def test_what_was_found_by_itself_can_be_saved_too(run: Any) -> None:
    text = "Date,Amount,Description\n03/04/2024,5.00,Bread\n"
    await run(text, save_mapping_as="US bank", date_order="mdy")

    async with transaction() as lent:
        (mapping,) = (await mappings_by_header(lent)).values()

    assert (mapping.name, mapping.date_order, mapping.decimal, mapping.delimiter) == ("US bank", "mdy", ".", ",")
    assert mapping.columns == {"date": ("Date",), "amount": ("Amount",), "text": ("Description",)}


async def test_a_mapping_is_taken_by_its_name(run: Any) -> None:
    async with transaction() as lent:
        await save_mapping(lent, "Till", MAPPING, None)

    assert (await run(ODD, mapping="Till"))["imported"] == 2
    with pytest.raises(StatementUnreadable, match="there is none named 'Tull'; there are Till"):
        await run(ODD, mapping="Tull")


async def test_a_header_belongs_to_the_mapping_saved_last(run: Any) -> None:
    await run(ODD, mapping=MAPPING, save_mapping_as="Old")
    await run(ODD, mapping={**MAPPING, "currency": "TND"}, save_mapping_as="New")

    assert (await run(ODD))["format"]["mapping"] == "New"
    assert (await run(ODD, mapping="Old"))["duplicates"] == 2


async def test_a_statement_is_read_again_with_the_mapping_it_was_imported_with(run: Any, store: FileStore) -> None:
    await run(ODD, mapping=MAPPING)

    async with connection() as lent:
        (account,) = await chosen_accounts(lent)
        (statement,) = await statements_of(lent, [account])
    lines = own_lines(await lines_of(store, statement), statement)

    assert [(line.booked_on, line.amount) for line in lines] == [
        (date(2024, 3, 4), Decimal("1.500")),
        (date(2024, 5, 4), Decimal("-2.000")),
    ]


async def test_a_cancelled_import_saves_no_mapping(run: Any) -> None:
    job = ToldJob()

    def stop(told: ToldJob) -> None:
        if told.moves[-1][1] == "Finishing":
            raise KeyError

    job.at_checkpoint = stop
    with pytest.raises(KeyError):
        await run(ODD, job, mapping=MAPPING, save_mapping_as="Till")

    async with transaction() as lent:
        assert await mappings_by_header(lent) == {}


async def test_mappings_are_listed_saved_shown_and_deleted_by_a_command(database: str, tmp_path: Path) -> None:
    path = tmp_path / "till.json"
    path.write_text(json.dumps(MAPPING), "utf-8")
    script = "import asyncio, sys; from workers.finance.csv_mappings import main; " + "".join(
        f"print(asyncio.run(main({arguments!r})));"
        for arguments in (
            ["save", "Till", str(path)],
            ["list"],
            ["show", "Till"],
            ["delete", "Till"],
            ["delete", "Till"],
            ["list"],
            ["eat"],
        )
    )

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        env={**os.environ, "TASKCAST_DATABASE_URL": database},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    said, complained = await asyncio.wait_for(process.communicate(), 100)

    lines = said.decode().splitlines()
    assert lines[:3] == ["0", "Till  (date, text, amount; by name only)", "0"] or lines[1].startswith("Till  (")
    assert json.loads("\n".join(lines[3:-5])) == MAPPING
    assert lines[-5:] == ["0", "0", "1", "0", "2"]
    assert "there is none named 'Till'" in complained.decode()
