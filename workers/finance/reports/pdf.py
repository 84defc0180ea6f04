"""The report as a PDF: figures, charts, tables and the list of bookings, with page numbers and text that can be searched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from workers.finance.money import shown
from workers.finance.reports.charts import CAME, INK, LINE, MUTED, RULE, WENT, balance, flows, share
from workers.finance.reports.data import BUCKETS, CurrencyPart, ReportData, income_of, spending_of
from workers.finance.reports.fonts import fonts

NAMED = 4
LISTED = 1500
"""So many bookings of a currency are printed; the workbook has more."""
ACCOUNTS_LISTED = 200
"""So many accounts of a currency have their row; thousands take minutes to lay out."""
MARGIN = 48.0
TEXT_LENGTH = 160
UNITS = {"month": "day", "quarter": "week", "year": "month"}

Told = Callable[[int], None]


def write_pdf(data: ReportData, out: BinaryIO, *, told: Told = lambda page: None) -> int:
    """Write the report and return how many pages it has; it blocks, so call it in a thread.

    Args:
        data: what it says.
        out: where the PDF goes.
        told: called with the number of each page that is begun; what it raises ends the writing.
    """
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    title = f"Report for {data.period.name}"
    document = BaseDocTemplate(
        out, pagesize=A4, title=title, author="Taskcast", subject=f"Accounts, {data.period}", leftMargin=MARGIN,
        rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN + 8, lang="en",
    )  # fmt: skip
    frame = Frame(MARGIN, MARGIN + 8, A4[0] - 2 * MARGIN, A4[1] - 2 * MARGIN - 8, 0, 0, 0, 0)

    def begin(canvas: Any, document: Any) -> None:
        told(document.page)
        canvas.setStrokeColor(_colour(RULE))
        canvas.setFillColor(_colour(MUTED))
        canvas.setFont(fonts().regular, 8)
        canvas.line(MARGIN, MARGIN, A4[0] - MARGIN, MARGIN)
        canvas.drawString(MARGIN, MARGIN - 12, title)

    document.addPageTemplates([PageTemplate("page", [frame], onPage=begin)])
    document.build(_Story(data, frame._width).flowables(), canvasmaker=_numbered())
    return int(document.page)


def _numbered() -> Any:
    """Return a canvas that writes "Page x of y" when the number of pages is known."""
    from reportlab.pdfgen.canvas import Canvas

    class Numbered(Canvas):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                self.setFont(fonts().regular, 8)
                self.setFillColor(_colour(MUTED))
                self.drawRightString(self._pagesize[0] - MARGIN, MARGIN - 12, f"Page {number} of {len(self._pages)}")
                super().showPage()
            super().save()

    return Numbered


class _Story:
    """The flowables of the report, part by part."""

    def __init__(self, data: ReportData, width: float) -> None:
        from reportlab.lib.styles import ParagraphStyle

        self._data, self._width = data, width
        names = fonts()

        def style(size: float, colour: str = INK, *, bold: bool = False, **more: Any) -> Any:
            return ParagraphStyle(
                f"{size}{colour}{bold}{sorted(more)}", fontName=names.bold if bold else names.regular, fontSize=size,
                leading=size * 1.32, textColor=_colour(colour), splitLongWords=1, **more,
            )  # fmt: skip

        self._title, self._heading = (
            style(22, bold=True, spaceAfter=2),
            style(14, bold=True, spaceBefore=16, spaceAfter=6),
        )
        self._small_heading = style(10, bold=True, spaceBefore=12, spaceAfter=4)
        self._text, self._muted, self._cell = style(9), style(9, MUTED), style(8)
        self._cell_bold = style(8, bold=True)
        self._right, self._right_bold = style(8, alignment=2), style(8, bold=True, alignment=2)
        self._tile, self._tile_name = style(13, bold=True), style(8, MUTED)

    def flowables(self) -> list[Any]:
        from reportlab.platypus import HRFlowable, PageBreak, Paragraph, Spacer

        data, names = self._data, fonts()
        named = list(dict.fromkeys(account.name for account in data.accounts))
        # Many names say less than their number; each has its line in a table further on.
        accounts = f"{len(named):,} accounts" if len(named) > NAMED else ", ".join(named) or "no accounts"
        until = f"up to {_day(data.as_of)}" if data.as_of < data.period.last else f"to {_day(data.period.last)}"
        story: list[Any] = [
            Paragraph(names.markup(data.period.name), self._title),
            Paragraph(names.markup(f"{_day(data.period.first)} {until} · {accounts}"), self._muted),
            Spacer(1, 10),
            HRFlowable(width="100%", color=_colour(LINE), thickness=1.4),
        ]
        shown_parts = [part for part in data.parts if part.count] or data.parts[:1]
        if not any(part.count for part in data.parts):
            story.append(Paragraph("Nothing was booked in this period.", self._heading))
        for number, part in enumerate(shown_parts):
            if number:
                story.append(PageBreak())
            story += self._part(part)
        quiet = [part.currency for part in data.parts if not part.count and part not in shown_parts]
        if quiet:
            story += [Spacer(1, 8), Paragraph(f"Nothing was booked in {', '.join(quiet)}.", self._muted)]
        return story

    def _part(self, part: CurrencyPart) -> list[Any]:
        from reportlab.platypus import KeepTogether, Paragraph

        unit = BUCKETS[self._data.period.kind]
        story: list[Any] = [Paragraph(f"In {part.currency}", self._heading), self._tiles(part)]
        if part.count:
            story += [
                KeepTogether([
                    Paragraph(f"What came in and went out, by {UNITS[self._data.period.kind]}", self._small_heading),
                    flows(part.buckets, width=self._width, height=128, unit=unit),
                    self._legend((("came in", CAME), ("went out", WENT))),
                ]),
                KeepTogether([
                    Paragraph("Balance of these accounts", self._small_heading),
                    balance(part.buckets, part.opening, width=self._width, height=112, unit=unit),
                ]),
            ]  # fmt: skip
        story += self._categories(part)
        story += self._parties(part)
        story += self._accounts(part)
        story += self._bookings(part)
        return story

    def _tiles(self, part: CurrencyPart) -> Any:
        from reportlab.platypus import Paragraph

        net = part.income - part.spending
        tiles = (
            ("Came in", part.income, CAME),
            ("Went out", part.spending, WENT),
            ("Left over", net, CAME if net >= 0 else WENT),
            ("Balance at the end", part.closing, LINE),
        )
        cells = [
            [Paragraph(name, self._tile_name), Paragraph(f"{shown(amount, part.currency)} {part.currency}", self._tile)]
            for name, amount, _ in tiles
        ]
        style: list[Any] = [
            ("LINEABOVE", (at, 0), (at, 0), 2.2, _colour(colour)) for at, (_, _, colour) in enumerate(tiles)
        ]
        return self._table([cells], [1, 1, 1, 1], [*style, ("TOPPADDING", (0, 0), (-1, -1), 7)])

    def _legend(self, names: tuple[tuple[str, str], ...]) -> Any:
        from reportlab.platypus import Paragraph

        text = "&#160;&#160;&#160;".join(f'<font color="{colour}">■</font> {name}' for name, colour in names)
        return Paragraph(text, self._tile_name)

    def _categories(self, part: CurrencyPart) -> list[Any]:
        spent, earned = part.spent_by_category(), part.earned_by_category()
        found: list[Any] = []
        if spent:
            total = part.spending
            rows = [
                [
                    self._name(each.name, each.parent),
                    share(float(-spending_of(each) / total) if total else 0, width=120),
                    self._amount(-spending_of(each), part.currency),
                    self._right_text(f"{-spending_of(each) / total:.1%}" if total else ""),
                    self._right_text(f"{each.bookings:,}"),
                ]
                for each in spent
            ]
            rows.append(
                self._total(["Together", "", shown(total, part.currency), "", f"{sum(e.bookings for e in spent):,}"])
            )
            found += self._listed(
                "Where it went",
                ["Category", "", f"Amount, {part.currency}", "Share", "Bookings"],
                rows,
                [3, 2.2, 1.6, 1, 1],
                total=True,
            )
        if earned:
            rows = [
                [
                    self._name(each.name, each.parent),
                    self._amount(income_of(each), part.currency),
                    self._right_text(f"{each.bookings:,}"),
                ]
                for each in earned
            ]
            rows.append(
                self._total(["Together", shown(part.income, part.currency), f"{sum(e.bookings for e in earned):,}"])
            )
            found += self._listed(
                "Where it came from",
                ["Category", f"Amount, {part.currency}", "Bookings"],
                rows,
                [5.2, 1.6, 2],
                total=True,
            )
        return found

    def _parties(self, part: CurrencyPart) -> list[Any]:
        rows = [
            [self._name(each.name), self._amount(each.amount, part.currency), self._right_text(f"{each.bookings:,}")]
            for each in part.parties
        ]
        headings = ["Paid to", f"Amount, {part.currency}", "Bookings"]
        return self._listed("Who got most", headings, rows, [5.2, 1.6, 2]) if rows else []

    def _accounts(self, part: CurrencyPart) -> list[Any]:
        rows = [
            [
                self._name(
                    each.account.name, each.account.identity if each.account.identity != each.account.name else None
                ),
                self._amount(each.opening, part.currency),
                self._amount(each.closing - each.opening, part.currency),
                self._amount(each.closing, part.currency),
            ]
            for each in part.accounts[:ACCOUNTS_LISTED]
        ]
        if len(part.accounts) > ACCOUNTS_LISTED:
            more = f"{len(part.accounts) - ACCOUNTS_LISTED:,} more, each in the workbook"
            rows.append([self._plain(more), *[self._plain("")] * 3])
        rows.append(
            self._total(
                [
                    "Together",
                    *(
                        shown(amount, part.currency)
                        for amount in (part.opening, part.closing - part.opening, part.closing)
                    ),
                ]
            )
        )
        headings = ["Account", "Before", "Change", f"After, {part.currency}"]
        return self._listed("Accounts", headings, rows, [4.4, 1.6, 1.6, 1.6], total=True)

    def _bookings(self, part: CurrencyPart) -> list[Any]:
        from reportlab.platypus import Paragraph

        listed = part.bookings[:LISTED]
        rows = [
            [
                self._plain(f"{each.booked_on.isoformat()}"),
                self._name(each.account),
                self._name(each.party or each.text, each.text if each.party else None),
                self._name(each.category or "–"),
                self._amount(each.amount, part.currency),
            ]
            for each in listed
        ]
        if not rows:
            return []
        headings = ["Day", "Account", "With whom, for what", "Category", f"Amount, {part.currency}"]
        found = self._listed("Bookings", headings, rows, [1.35, 1.9, 3.8, 1.7, 1.6])
        if part.count > len(listed):
            found.append(
                Paragraph(
                    f"{part.count - len(listed):,} more bookings are in the workbook or in a data export.", self._muted
                )
            )
        return found

    def _listed(
        self, title: str, headings: list[str], rows: list[list[Any]], widths: list[float], *, total: bool = False
    ) -> list[Any]:
        from reportlab.platypus import Paragraph

        head = [
            Paragraph(
                f"<b>{heading}</b>",
                self._right if heading and (at == len(headings) - 1 or _is_number(heading)) else self._cell,
            )
            for at, heading in enumerate(headings)
        ]
        style: list[Any] = [
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, _colour(MUTED)),
            ("LINEBELOW", (0, 1), (-1, -1), 0.3, _colour(RULE)),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ]
        if total:
            style.append(("LINEABOVE", (0, -1), (-1, -1), 0.8, _colour(MUTED)))
        heading = Paragraph(title, self._small_heading)
        heading.keepWithNext = True
        return [heading, self._table([head, *rows], widths, style, repeat=1)]

    def _table(self, rows: list[list[Any]], widths: list[float], style: list[Any], repeat: int = 0) -> Any:
        from reportlab.platypus import LongTable, TableStyle

        whole = sum(widths)
        table = LongTable(
            rows, colWidths=[self._width * width / whole for width in widths], repeatRows=repeat, hAlign="LEFT"
        )
        base = [
            ("LEFTPADDING", (0, 0), (-1, -1), 2), ("RIGHTPADDING", (0, 0), (-1, -1), 4),
            ("TOPPADDING", (0, 0), (-1, -1), 2.4), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.8),
        ]  # fmt: skip
        table.setStyle(TableStyle([*base, *style]))
        return table

    def _name(self, name: str, below: str | None = None) -> Any:
        from reportlab.platypus import Paragraph

        text = fonts().markup(_cut(name))
        if below and below != name:
            text += f' <font color="{MUTED}">{fonts().markup(_cut(below))}</font>'
        return Paragraph(text, self._cell)

    def _plain(self, text: str) -> Any:
        from reportlab.platypus import Paragraph

        return Paragraph(text, self._cell)

    def _right_text(self, text: str) -> Any:
        from reportlab.platypus import Paragraph

        return Paragraph(text, self._right)

    def _amount(self, amount: Any, currency: str) -> Any:
        return self._right_text(shown(amount, currency))

    def _total(self, cells: list[str]) -> list[Any]:
        from reportlab.platypus import Paragraph

        return [Paragraph(text, self._right_bold if at else self._cell_bold) for at, text in enumerate(cells)]


def _is_number(heading: str) -> bool:
    return heading.startswith(("Amount", "Share", "Bookings", "Before", "Change", "After"))


def _day(day: Any) -> str:
    return f"{day.day} {day:%B %Y}"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH else f"{text[:TEXT_LENGTH]}…"


def _colour(code: str) -> Any:
    from reportlab.lib.colors import HexColor

    return HexColor(code)
