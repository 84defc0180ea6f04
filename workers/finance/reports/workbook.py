"""The report as a workbook: dates and numbers as such, sums as formulas, one sheet for each currency's figures and bookings."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, BinaryIO

from workers.finance.currencies import decimals_of
from workers.finance.reports.data import CurrencyPart, ReportData, income_of, spending_of

FIRST_ROW = 4
CELL_LENGTH = 32_000


def write_workbook(data: ReportData, out: BinaryIO, *, told: Callable[[int], None] = lambda rows: None) -> int:
    """Write the workbook and return how many bookings it lists; it blocks, so call it in a thread.

    Args:
        data: what it says.
        out: where the workbook goes.
        told: called now and then with how many bookings are written; what it raises ends the writing.
    """
    from xlsxwriter import Workbook

    book = Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties({"title": f"Report for {data.period.name}", "author": "Taskcast"})
    sheets = _Sheets(book, data, told)
    for part in data.parts:
        sheets.figures(part)
    for part in data.parts:
        sheets.bookings(part)
    if not data.parts:
        book.add_worksheet("Empty").write_string(0, 0, "There are no accounts yet.")
    book.close()
    return sheets.written


class _Sheets:
    def __init__(self, book: Any, data: ReportData, told: Callable[[int], None]) -> None:
        self._book, self._data, self._told = book, data, told
        self.written = 0
        self._title = book.add_format({"bold": True, "font_size": 16})
        self._muted = book.add_format({"font_color": "#66717f"})
        self._head = book.add_format({"bold": True, "bottom": 1, "bottom_color": "#66717f"})
        self._right_head = book.add_format({"bold": True, "bottom": 1, "bottom_color": "#66717f", "align": "right"})
        self._day = book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        self._share = book.add_format({"num_format": "0.0%"})
        self._bold = book.add_format({"bold": True, "top": 1})

    def figures(self, part: CurrencyPart) -> None:
        """Write the sheet of a currency's figures; its sums are formulas over the sheet of its bookings or its own cells."""
        sheet, money, total = (
            self._book.add_worksheet(part.currency),
            self._money(part.currency),
            self._total(part.currency),
        )
        data = self._data
        sheet.write_string(0, 0, f"{data.period.name}, {part.currency}", self._title)
        sheet.write_string(1, 0, f"{data.period.first.isoformat()} to {data.period.last.isoformat()}", self._muted)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 5, 16)
        row = self._heads(sheet, FIRST_ROW - 1, ("Where it went", "Amount", "Share", "Bookings"))
        first = row
        spent = part.spent_by_category()
        for each in spent:
            sheet.write_string(row, 0, _text(each.name))
            sheet.write_number(row, 1, _number(-spending_of(each)), money)
            share = -spending_of(each) / part.spending if part.spending else Decimal(0)
            sheet.write_formula(
                row,
                2,
                f"=IF(B${first + len(spent) + 1}=0,0,B{row + 1}/B${first + len(spent) + 1})",
                self._share,
                float(share),
            )
            sheet.write_number(row, 3, each.bookings)
            row += 1
        row = self._sums(
            sheet, row, first, {1: (part.spending, total), 3: (sum(e.bookings for e in spent), self._bold)}
        )
        row = self._heads(sheet, row + 1, ("Where it came from", "Amount", "", "Bookings"))
        first = row
        earned = part.earned_by_category()
        for each in earned:
            sheet.write_string(row, 0, _text(each.name))
            sheet.write_number(row, 1, _number(income_of(each)), money)
            sheet.write_number(row, 3, each.bookings)
            row += 1
        row = self._sums(sheet, row, first, {1: (part.income, total), 3: (sum(e.bookings for e in earned), self._bold)})
        row = self._heads(sheet, row + 1, ("Accounts", "Before", "Change", "After"))
        first = row
        for account in part.accounts:
            sheet.write_string(row, 0, _text(account.account.name))
            sheet.write_number(row, 1, _number(account.opening), money)
            sheet.write_number(row, 2, _number(account.closing - account.opening), money)
            sheet.write_formula(row, 3, f"=B{row + 1}+C{row + 1}", money, _number(account.closing))
            row += 1
        change = part.closing - part.opening
        self._sums(sheet, row, first, {1: (part.opening, total), 2: (change, total), 3: (part.closing, total)})
        self._chart(sheet, part, FIRST_ROW, FIRST_ROW + len(spent) - 1)

    def bookings(self, part: CurrencyPart) -> None:
        """Write the sheet of a currency's bookings."""
        sheet, money = self._book.add_worksheet(f"Bookings {part.currency}"), self._money(part.currency)
        headings = ("Day", "Account", "With whom", "For what", "Category", "Amount", "Pending")
        self._heads(sheet, 0, headings, numbers=("Amount",))
        for column, width in enumerate((12, 24, 30, 44, 20, 14, 9)):
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, 0)
        for row, each in enumerate(part.bookings, 1):
            sheet.write_datetime(row, 0, each.booked_on, self._day)
            for column, text in enumerate((each.account, each.party, each.text, each.category), 1):
                sheet.write_string(row, column, _text(text))
            sheet.write_number(row, 5, _number(each.amount), money)
            if each.pending:
                sheet.write_string(row, 6, "pending")
            self.written += 1
            if row % 250 == 0:
                self._told(self.written)
        last = len(part.bookings)
        if last:
            sheet.autofilter(0, 0, last, len(headings) - 1)
            sheet.write_string(last + 1, 4, "Together", self._bold)
            amount = sum((each.amount for each in part.bookings), Decimal(0))
            sheet.write_formula(
                last + 1, 5, f"=SUBTOTAL(9,F2:F{last + 1})", self._total(part.currency), _number(amount)
            )
        if part.count > last:
            sheet.write_string(last + 2, 0, f"{part.count - last:,} more bookings are in a data export.", self._muted)

    def _heads(self, sheet: Any, row: int, headings: tuple[str, ...], numbers: tuple[str, ...] | None = None) -> int:
        for column, heading in enumerate(headings):
            right = heading in numbers if numbers is not None else column > 0
            sheet.write_string(row, column, heading, self._right_head if right else self._head)
        return row + 1

    def _sums(self, sheet: Any, row: int, first: int, columns: dict[int, tuple[Decimal | int, Any]]) -> int:
        if row == first:
            sheet.write_string(row, 0, "nothing", self._muted)
            return row + 1
        sheet.write_string(row, 0, "Together", self._bold)
        for column, (amount, form) in columns.items():
            letter = "ABCDEF"[column]
            sheet.write_formula(row, column, f"=SUM({letter}{first + 1}:{letter}{row})", form, _number(Decimal(amount)))
        return row + 1

    def _chart(self, sheet: Any, part: CurrencyPart, first: int, last: int) -> None:
        if last < first:
            return
        chart = self._book.add_chart({"type": "bar"})
        chart.add_series({
            "name": f"Went out, {part.currency}",
            "categories": [part.currency, first, 0, last, 0],
            "values": [part.currency, first, 1, last, 1],
            "fill": {"color": "#d1584f"},
            "gap": 60,
        })  # fmt: skip
        chart.set_legend({"none": True})
        chart.set_title({"name": "Where it went", "name_font": {"size": 11}})
        chart.set_y_axis({"reverse": True})
        chart.set_size({"width": 520, "height": max(220, 60 + 26 * (last - first + 1))})
        sheet.insert_chart(FIRST_ROW - 1, 6, chart)

    def _money(self, currency: str) -> Any:
        return self._book.add_format({"num_format": _format(currency)})

    def _total(self, currency: str) -> Any:
        return self._book.add_format({"num_format": _format(currency), "bold": True, "top": 1})


def _format(currency: str) -> str:
    decimals = decimals_of(currency)
    return "#,##0" + (f".{'0' * decimals}" if decimals else "")


def _number(amount: Decimal) -> float:
    # A workbook's cells are binary doubles: exact to fifteen digits, which is thirteen before the cents.
    return float(amount)


def _text(text: str) -> str:
    return text[:CELL_LENGTH]
