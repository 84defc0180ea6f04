"""Statements of every format on their way into the ledger: categories, balances, what is known already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from core.storage.connection import connection
from core.storage.files import FileStore, open_file
from taskcast.ids import new_id
from tests.stopwatch import Stopwatch
from tests.waiting import eventually
from tests.workers.conftest import ToldJob, Upload
from tests.workers.finance.samples import CAMT_053, MT940, OFX_1, OFX_2, camt_of
from workers.finance.entries import StatementUnreadable
from workers.finance.importer import StatementImport

CSV = (
    "IBAN;DE89370400440532013000\nDatum;Text;Betrag;Saldo\n01.10.2024;Brot;-5,00;95,00\n02.10.2024;Lohn;10,00;105,00\n"
)


@pytest.fixture
def run(store: FileStore, upload: Upload) -> Any:
    async def run(contents: str, job: ToldJob | None = None, name: str = "statement", **options: Any) -> dict[str, Any]:
        stored, opened = await open_file(store, (await upload(contents, name)).id)
        with opened:
            return await StatementImport(stored=stored, file=opened, job=job or ToldJob(), **options).run()

    return run


async def rows(query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with connection() as lent:
        return [tuple(row) for row in await lent.fetch(query, *arguments)]


async def tables() -> list[list[tuple[Any, ...]]]:
    """Return what an import writes, but for ids and times."""
    return [
        await rows(
            """SELECT identity, t.currency, booked_on, valued_on, amount, text, counterparty, counterparty_account, reference,
                      bank_category, balance, fingerprint, line, category_id, categorised_by
               FROM transactions t JOIN accounts a ON a.id = t.account_id ORDER BY identity, t.currency, fingerprint"""
        ),
        await rows(
            """SELECT identity, currency, number, opening, opening_on, closing, closing_on, lines, amount
               FROM statement_balances b JOIN accounts a ON a.id = b.account_id ORDER BY identity, currency, number"""
        ),
        await rows("SELECT identity, currency, name FROM accounts ORDER BY 1, 2"),
    ]


async def add_rule(pattern: str, *, key: str = "home", field: str = "any", match: str = "contains") -> UUID:
    category_id = UUID(new_id())
    async with connection() as lent:
        await lent.execute(
            "INSERT INTO categories (id, key, name, kind, created_at) VALUES ($1, $2, $2, 'expense', now())",
            category_id,
            key,
        )
        await lent.execute(
            """INSERT INTO category_rules (id, category_id, position, field, match, pattern, sign, created_at)
               VALUES ($1, $2, 100, $3, $4, $5, 0, now())""",
            UUID(new_id()),
            category_id,
            field,
            match,
            pattern,
        )
    return category_id


@pytest.mark.parametrize(
    ("contents", "imported", "balances"),
    [
        (CSV, 2, [("DE89370400440532013000", "agrees")]),
        (OFX_1, 3, [("021000021/000123456", "only one balance is told")]),
        (
            OFX_2,
            3,
            [
                ("DE89370400440532013000", "only one balance is told"),
                ("CH9300762011623852957", "only one balance is told"),
                ("4111XXXXXXXX1111", "only one balance is told"),
            ],
        ),
        (MT940, 4, [("DE89370400440532013000", "agrees"), ("NL91ABNA0417164300", "agrees")]),
        (CAMT_053, 2, [("DE89370400440532013000", "agrees")]),
    ],
)
async def test_a_statement_of_any_format_is_imported_once(
    run: Any, contents: str, imported: int, balances: list[tuple[str, str]]
) -> None:
    first = await run(contents)
    before = (await tables())[0]
    again = await run(contents)

    assert (first["imported"], first["duplicates"]) == (imported, 0)
    assert [(account["identity"], account["balances"]) for account in first["accounts"]] == balances
    assert (again["imported"], again["duplicates"]) == (0, imported)
    assert (await tables())[0] == before


async def test_balances_that_differ_from_the_lines_are_told(run: Any) -> None:
    job = ToldJob()

    result = await run(CAMT_053.replace("170.10", "171.35"), job)

    (row,) = result["tables"][0]["rows"]
    assert (row["opening"], row["lines"], row["closing"], row["check"]) == (
        "1,000.00",
        "-829.90",
        "171.35",
        "differs by 1.25",
    )
    assert ("WARNING", "the balances of Ada Meadow and its lines: differs by 1.25") in job.lines
    assert "differ" in result["summary"]


async def test_the_balances_of_each_statement_are_kept(run: Any) -> None:
    await run(MT940)

    _, balances, _ = await tables()
    assert [(identity, number, lines, str(amount)) for identity, _, number, *_, lines, amount in balances] == [
        ("DE89370400440532013000", 1, 2, "1700.0000"),
        ("NL91ABNA0417164300", 1, 2, "-13.4000"),
    ]


async def test_a_csv_with_the_newest_line_first_has_its_balances_checked(run: Any) -> None:
    head, *lines = CSV.rstrip().split("\n")[1:]

    result = await run("\n".join(["IBAN;DE89370400440532013000", head, *reversed(lines)]))

    (account,) = result["accounts"]
    assert (account["opening"], account["closing"], account["balances"]) == ("100.00", "105.00", "agrees")


async def test_a_booking_that_the_bank_words_anew_is_known_by_its_id(run: Any) -> None:
    await run(OFX_1)

    result = await run(OFX_1.replace("LUNCH &amp; TEA", "POS 4711 LUNCH AND TEA"))

    assert (result["imported"], result["duplicates"]) == (0, 3)


async def test_an_id_that_only_counts_the_lines_of_a_file_is_not_trusted(run: Any) -> None:
    weak = OFX_1.replace("2024100200017", "1").replace("2024100400018", "2").replace("2024103100019", "3")
    await run(weak)

    result = await run(weak.replace("<FITID>1<", "<FITID>7<").replace("CITY GARAGE", "OTHER GARAGE"))

    assert (result["imported"], result["duplicates"]) == (1, 2)


async def test_a_booking_in_two_statements_of_one_file_is_one_if_the_bank_names_it(run: Any) -> None:
    statement = OFX_1[OFX_1.index("<STMTTRNRS>") : OFX_1.index("</STMTTRNRS>") + 12]

    result = await run(OFX_1.replace(statement, statement + statement.replace("LUNCH", "DINNER")))

    assert (result["imported"], result["duplicates"]) == (4, 2)


async def test_equal_lines_of_one_statement_are_two_bookings_whatever_the_bank_calls_them(run: Any) -> None:
    booking = OFX_1[OFX_1.index("<STMTTRN>") : OFX_1.index("</STMTTRN>") + 10]
    twice = OFX_1.replace(booking, booking + booking)

    first, again = await run(twice), await run(twice)

    assert (first["imported"], first["duplicates"]) == (4, 0)
    assert (again["imported"], again["duplicates"]) == (0, 4)


async def test_rules_put_new_lines_into_categories(run: Any) -> None:
    home = await add_rule("hausverwaltung")

    result = await run(CAMT_053)

    assert result["categorised"] == 1
    assert await rows("SELECT text, categorised_by FROM transactions WHERE category_id = $1", home) == [
        ("Miete Oktober Wohnung 7", "rule")
    ]


async def test_a_rule_made_later_reaches_known_lines_but_never_overrides_a_hand(run: Any) -> None:
    await run(CAMT_053)
    hand = await add_rule("no line has this", key="mine")
    async with connection() as lent:
        await lent.execute(
            "UPDATE transactions SET category_id = $1, categorised_by = 'hand' WHERE amount = -800", hand
        )
    ruled = await add_rule("2024", key="ruled", field="reference")
    await add_rule("gas", key="gas")

    result = await run(CAMT_053)

    assert result["imported"] == 0
    assert ruled != hand
    assert await rows(
        "SELECT amount::int, c.key, categorised_by FROM transactions t JOIN categories c ON c.id = category_id ORDER BY 1"
    ) == [(-800, "mine", "hand"), (-30, "ruled", "rule")]


async def test_a_report_of_pending_entries_alone_adds_nothing_and_is_no_error(run: Any) -> None:
    result = await run(CAMT_053.replace("BOOK", "PDNG"))

    assert (result["imported"], result["skipped_total"]) == (0, 3)


async def test_a_given_account_takes_the_lines(run: Any) -> None:
    result = await run(MT940.split(":20:STARTUMS\n:25:NL91")[0], account="DE89 3704 0044 0532 0130 00")

    assert [account["identity"] for account in result["accounts"]] == ["DE89370400440532013000"]


COFFEES_CSV = "IBAN;DE89370400440532013000\nDatum;Text;Betrag\n01.10.2024;Kaffee;-3,00\n02.10.2024;Brot;-5,00\n"


def coffees_mt940(count: int, *more: str) -> str:
    coffees = [":61:2410011001D3,00NMSCNONREF\n:86:KARTENZAHLUNG CAFE NORD"] * count
    lines = [
        ":20:S",
        ":25:DE89370400440532013000",
        ":60F:C240930EUR100,00",
        *coffees,
        *more,
        ":62F:C241001EUR90,00",
        "-",
        "",
    ]
    return "\n".join(lines)


async def test_a_booking_told_in_another_format_is_not_added_again(run: Any) -> None:
    await run(COFFEES_CSV)
    statement, job = coffees_mt940(2, ":61:2410021002D5,00NMSCNONREF"), ToldJob()

    first = await run(statement, job)
    again = await run(statement)

    assert (first["imported"], first["duplicates"], first["told_by_other_formats"]) == (1, 2, 2)
    assert ("INFO", "2 lines were told by a statement of another format before and not added again") in job.lines
    assert (again["imported"], again["duplicates"]) == (0, 3)
    assert await rows("SELECT amount::int, text FROM transactions ORDER BY id") == [
        (-3, "Kaffee"),
        (-5, "Brot"),
        (-3, "KARTENZAHLUNG CAFE NORD"),
    ]


async def test_one_line_of_another_format_stands_for_one_booking_over_several_files(run: Any) -> None:
    await run(COFFEES_CSV)
    await run(coffees_mt940(1))

    result = await run(coffees_mt940(3))

    assert (result["imported"], result["duplicates"]) == (2, 1)


async def test_the_same_day_and_amount_on_another_account_is_another_booking(run: Any) -> None:
    await run(COFFEES_CSV)

    result = await run(coffees_mt940(1).replace("DE89370400440532013000", "DE02120300000000202051"))

    assert (result["imported"], result["told_by_other_formats"]) == (1, 0)


async def test_lines_that_no_ledger_can_hold_in_sum_are_refused_with_the_remedy(run: Any) -> None:
    lines = "".join(f"0{day}.10.2024;Brot;-9999999999999999,99;0,00\n" for day in range(1, 4))

    with pytest.raises(StatementUnreadable, match=r"amount: the lines of .* come to more .* check how amounts"):
        await run(f"IBAN;DE89370400440532013000\nDatum;Text;Betrag;Saldo\n{lines}")

    assert await tables() == [[], [], []]


async def test_killed_in_the_middle_and_run_again_is_as_one_undisturbed_run(
    run: Any, upload: Upload, killed: Callable[..., Awaitable[None]]
) -> None:
    await add_rule("hausverwaltung")
    text = camt_of(1_000).replace("170.10", "-4005.00")
    stored = await upload(text, "large.xml")
    undisturbed = await run(text, whole := ToldJob("job-2"))
    expected = await tables()
    async with connection() as lent:
        await lent.execute("TRUNCATE transactions, accounts, statements CASCADE")

    await killed("TRANSACTION_IMPORT", at=[whole.checkpoints // 2, whole.checkpoints], job_id="job-1", file=stored.id)
    assert await tables() == [[], [], []]
    await killed("TRANSACTION_IMPORT", at=[0], job_id="job-1", file=stored.id)
    again = await run(text, ToldJob("job-1"))

    assert await tables() == expected
    assert (again["imported"], again["categorised"], again["tables"]) == (1_000, 1_000, undisturbed["tables"])
    assert again["accounts"][0]["balances"] == "agrees"


@pytest.mark.parametrize("step", ["Reading", "Detecting", "Importing"])
async def test_cancelled_at_any_step_it_stops_within_a_second_and_leaves_nothing(run: Any, step: str) -> None:
    job = ToldJob()
    task = asyncio.create_task(run(camt_of(4_000), job, pace_lines_per_s=1_000))
    await eventually(lambda: any(told == step for _, told in job.moves))

    task.cancel()
    with Stopwatch() as took, pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)
    assert took.seconds < 1.0

    assert await tables() == [[], [], []]
