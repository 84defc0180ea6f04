from __future__ import annotations

import io
import tempfile
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pypdf
import pytest

from core.storage.files import FileStore, StoreUnavailable, open_file
from tests.full_disk import small_files
from tests.workers.conftest import ToldJob, Upload, cancelled_at, rows, stopped_at
from workers.arguments import ArgumentWrong
from workers.finance.periods import Period, PeriodWrong
from workers.finance.reports.data import AccountSum, CurrencyPart, ReportData
from workers.finance.reports.fonts import Fonts, fonts
from workers.finance.reports.pdf import write_pdf
from workers.finance.selection import AccountUnknown, ChosenAccount
from workers.household.books import write_books
from workers.tasks.report_generation import report_generation
from workers.tasks.transaction_import import transaction_import

KEPT = "SELECT id, scope, period, first_day, last_day, job_id, pdf_file_id, xlsx_file_id, figures::text FROM reports ORDER BY 1"
MADE = "SELECT id, name, size_bytes > 1000, content_type, job_id FROM files WHERE job_id IS NOT NULL ORDER BY 1"


@pytest.fixture
async def books(store: FileStore, database: str) -> None:
    await write_books(store, until=date(2026, 9, 20), months=4)


async def opened(store: FileStore, result: dict[str, Any], ending: str) -> bytes:
    [found] = [file for file in result["files"] if file["name"].endswith(ending)]
    _, file = await open_file(store, found["id"])
    with file:
        return file.read()


async def test_the_pdf_has_its_figures_as_text_and_its_pages_numbered(store: FileStore, books: None) -> None:
    job = ToldJob("a-report")

    result = await report_generation("2026-08", job=job, store=store)

    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(await opened(store, result, ".pdf"))).pages]
    text = "\n".join(pages)
    assert all(f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, 1))
    assert "August 2026" in pages[0]
    assert "In EUR" in pages[0]
    for word in ("Groenteboer Żółty", "Κουζίνα της Ελένης", "ラーメン一番", "Gasthof Rössli", "Where it went"):
        assert word in text, word
    for currency, figures in result["currencies"].items():
        assert f"{Decimal(figures['income']):,f} {currency}" in text
    assert len({percentage for percentage, _ in job.moves}) >= 10


async def test_the_workbook_has_numbers_days_and_sums_that_are_right(store: FileStore, books: None) -> None:
    result = await report_generation("2026-08", job=ToldJob("a-report"), store=store)
    data = await opened(store, result, ".xlsx")

    formulas, values = (
        openpyxl.load_workbook(io.BytesIO(data)),
        openpyxl.load_workbook(io.BytesIO(data), data_only=True),
    )

    assert set(formulas.sheetnames) == {f"{kind}{code}" for code in result["currencies"] for kind in ("", "Bookings ")}
    for currency, figures in result["currencies"].items():
        bookings = values[f"Bookings {currency}"]
        last = figures["bookings"] + 1
        cells = [bookings.cell(row, 6) for row in range(2, last + 1)]
        assert all(isinstance(cell.value, int | float) for cell in cells)
        assert all(bookings.cell(row, 1).is_date for row in range(2, last + 1))
        assert formulas[f"Bookings {currency}"].cell(last + 1, 6).value == f"=SUBTOTAL(9,F2:F{last})"
        total = sum(Decimal(str(cell.value)) for cell in cells)
        assert round(bookings.cell(last + 1, 6).value, 2) == float(total)
        assert cells[0].number_format == ("#,##0" if currency == "JPY" else "#,##0.00")
        sums = [cell.value for cell in formulas[currency]["B"] if str(cell.value).startswith("=SUM(")]
        assert len(sums) >= 2


async def test_a_statements_text_never_becomes_a_formula_or_markup(store: FileStore, upload: Upload) -> None:
    stored = await upload(
        "Date;Amount;Counterparty;Description\n"
        '2026-03-02;-5.00;=1+1;"<b>&amp;bold"\n2026-03-03;-7.00;"=HYPERLINK(""http://x"")";"+cmd|x"\n'
    )
    await transaction_import(stored.id, job=ToldJob("i"), store=store)

    result = await report_generation("2026-Q1", job=ToldJob("r"), store=store)

    sheet = openpyxl.load_workbook(io.BytesIO(await opened(store, result, ".xlsx")))["Bookings EUR"]
    assert [(sheet.cell(row, 3).value, sheet.cell(row, 3).data_type) for row in (2, 3)] == [
        ("=1+1", "s"),
        ('=HYPERLINK("http://x")', "s"),
    ]
    text = "".join(
        page.extract_text() for page in pypdf.PdfReader(io.BytesIO(await opened(store, result, ".pdf"))).pages
    )
    assert "<b>&amp;bold" in text


async def test_a_period_without_bookings_says_so(store: FileStore, books: None) -> None:
    result = await report_generation("2020", job=ToldJob("r"), store=store)

    assert result["summary"].startswith("2020: 0 bookings")
    pages = pypdf.PdfReader(io.BytesIO(await opened(store, result, ".pdf"))).pages
    assert "Nothing was booked in this period" in pages[0].extract_text()


async def test_without_arguments_and_without_accounts_a_report_is_made(store: FileStore, database: str) -> None:
    result = await report_generation(job=ToldJob("r"), store=store)

    assert [file["content_type"].split("/")[0] for file in result["files"]] == ["application"] * 2


def test_a_report_of_thousands_of_accounts_has_rows_for_the_first_and_says_how_many_more() -> None:
    accounts = [ChosenAccount(uuid4(), f"A{number}", f"Account {number}", "KWD", None) for number in range(3000)]
    part = CurrencyPart("KWD", [AccountSum(account, Decimal(1), Decimal("2.345")) for account in accounts])
    out = io.BytesIO()

    pages = write_pdf(ReportData(Period.of("2026-08"), date(2026, 8, 31), accounts, [part]), out)

    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(out).pages)
    assert pages < 12
    assert "3,000 accounts" in text
    assert "2,800 more, each in the workbook" in text
    assert "7,035.000" in text  # all of them together, with the three decimals of their currency


async def test_killed_in_the_middle_and_between_its_files_and_run_again_it_is_that_of_one_run(
    store: FileStore, books: None, killed: Callable[..., Awaitable[None]]
) -> None:
    job = ToldJob("a-report")
    await report_generation("2026-08", job=job, store=store)
    expected = await rows(KEPT), await rows(MADE)
    for file_id, *_ in expected[1]:
        await rows("DELETE FROM files WHERE id = $1", file_id)
        await store.delete(str(file_id))
    await rows("DELETE FROM reports")

    await killed("REPORT_GENERATION", at=[3, job.checkpoints - 3, 0], job_id="a-report", period="2026-08")
    await report_generation("2026-08", job=ToldJob("a-report"), store=store)

    assert (await rows(KEPT), await rows(MADE)) == expected


async def test_a_cancel_at_any_moment_leaves_no_file_and_no_row(
    store: FileStore, books: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    await report_generation("2026-08", job=(whole := ToldJob("another")), store=store)
    kept, made, bytes_of = await rows(KEPT), await rows(MADE), sorted((tmp_path / "files").iterdir())

    for before_the_end in (0, 1, 8, 30):
        job = ToldJob("a-report")
        await cancelled_at(whole.checkpoints - before_the_end, job, report_generation("2026-08", job=job, store=store))
    for step in ("Adding up", "Drawing", "Calculating", "Storing"):
        await stopped_at(step, job := ToldJob("a-report"), report_generation("2026-08", job=job, store=store))

    assert (await rows(KEPT), await rows(MADE)) == (kept, made)
    assert sorted((tmp_path / "files").iterdir()) == bytes_of
    assert list(tmp_path.glob("taskcast-scratch-*")) == []


async def test_made_again_the_report_takes_the_place_of_the_one_before(store: FileStore, books: None) -> None:
    await report_generation("2026-08", job=ToldJob("one"), store=store)
    await report_generation("2026-08", job=ToldJob("two"), store=store)

    assert [job_id for _, _, _, _, _, job_id, *_ in await rows(KEPT)] == ["two"]


async def test_a_full_disk_is_said_with_its_remedy(store: FileStore, books: None) -> None:
    with small_files(4096), pytest.raises(StoreUnavailable, match="free some space, or set TMPDIR"):
        await report_generation("2026-08", job=ToldJob("r"), store=store)

    assert await rows(MADE) == []


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"period": "2026-13"}, PeriodWrong, "period: '2026-13' is no period"),
        ({"kind": "decade"}, ArgumentWrong, "kind: 'decade' will not do; it should be 'month', 'quarter' or 'year'"),
        ({"formats": ["docx"]}, ArgumentWrong, "formats: 'docx' will not do; it should be 'pdf' or 'xlsx'"),
        ({"accounts": ["none"]}, AccountUnknown, "accounts: there is no account"),
    ],
)
async def test_bad_input_names_the_field(
    store: FileStore, database: str, arguments: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        await report_generation(job=ToldJob(), store=store, **arguments)


def test_a_letter_that_no_font_has_is_a_question_mark() -> None:
    assert fonts().plain("Żółty 𓀀") == "Żółty ?"
    assert "HeiseiKakuGo-W5" in fonts().markup("一番 & <b>")
    assert fonts().markup("<b>") == "&lt;b&gt;"


def test_without_a_font_of_the_system_the_one_of_the_library_is_taken() -> None:
    assert Fonts((Path("Vera.ttf"), Path("VeraBd.ttf"))).plain("Müller") == "Müller"
