"""The charts of a report, as vector drawings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from workers.finance.reports.data import Bucket
from workers.finance.reports.fonts import fonts

INK, MUTED, RULE = "#1b2430", "#66717f", "#dfe4ea"
CAME, WENT, LINE = "#2f9e6e", "#d1584f", "#3b6fd4"
TICKS = 4


def flows(buckets: Sequence[Bucket], *, width: float, height: float, unit: str) -> Any:
    """Return bars of what came in and went out in each day, week or month."""
    from reportlab.graphics.shapes import Drawing, Rect

    drawing = Drawing(width, height)
    top = max([*(max(bucket.came, bucket.went) for bucket in buckets), Decimal(1)])
    step = _nice(top / TICKS)
    plot = _Plot(width, height, Decimal(0), step * (int(top / step) + 1))
    plot.axes(drawing, step)
    slot = plot.inner / max(1, len(buckets))
    bar = min(14.0, slot * 0.36)
    for number, bucket in enumerate(buckets):
        middle = plot.left + slot * (number + 0.5)
        for amount, colour, at in ((bucket.came, CAME, middle - bar - 0.5), (bucket.went, WENT, middle + 0.5)):
            if amount > 0:
                drawing.add(
                    Rect(
                        at,
                        plot.bottom,
                        bar,
                        max(0.8, plot.y(amount) - plot.bottom),
                        fillColor=_colour(colour),
                        strokeColor=None,
                    )
                )
    plot.days(drawing, [bucket.first for bucket in buckets], unit, slot)
    return drawing


def balance(buckets: Sequence[Bucket], opening: Decimal, *, width: float, height: float, unit: str) -> Any:
    """Return the line of the balance at the end of each day, week or month."""
    from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine

    drawing = Drawing(width, height)
    values = [opening, *(bucket.balance for bucket in buckets)]
    low, high = min(values), max(values)
    step = _nice(max((high - low) / TICKS, Decimal(1)))
    plot = _Plot(width, height, step * (low // step), step * (high // step + 1))
    plot.axes(drawing, step)
    slot = plot.inner / max(1, len(buckets))
    points = [
        coordinate
        for number, bucket in enumerate(buckets)
        for coordinate in (plot.left + slot * (number + 0.5), plot.y(bucket.balance))
    ]
    if low < 0 < high:
        zero = plot.y(Decimal(0))
        drawing.add(Line(plot.left, zero, plot.left + plot.inner, zero, strokeColor=_colour(MUTED), strokeWidth=0.6))
    if len(points) >= 4:
        drawing.add(PolyLine(points, strokeColor=_colour(LINE), strokeWidth=1.6))
    if points:
        drawing.add(Circle(points[-2], points[-1], 2.6, fillColor=_colour(LINE), strokeColor=None))
    plot.days(drawing, [bucket.first for bucket in buckets], unit, slot)
    return drawing


def share(part: float, *, width: float, colour: str = WENT) -> Any:
    """Return a bar for a share of a whole, for a table's cell."""
    from reportlab.graphics.shapes import Drawing, Rect

    drawing = Drawing(width, 7)
    drawing.add(Rect(0, 1, width, 5, rx=2, ry=2, fillColor=_colour(RULE), strokeColor=None))
    if part > 0:
        drawing.add(
            Rect(0, 1, max(2.0, width * min(1.0, part)), 5, rx=2, ry=2, fillColor=_colour(colour), strokeColor=None)
        )
    return drawing


class _Plot:
    """Where values lie between the axes."""

    def __init__(self, width: float, height: float, low: Decimal, high: Decimal) -> None:
        self.left, self.bottom = 52.0, 18.0
        self.inner, self._tall = width - self.left - 4, height - self.bottom - 8
        self._low, self._high = low, max(high, low + 1)

    def y(self, value: Decimal) -> float:
        return self.bottom + float((value - self._low) / (self._high - self._low)) * self._tall

    def axes(self, drawing: Any, step: Decimal) -> None:
        from reportlab.graphics.shapes import Line, String

        value = self._low
        while value <= self._high:
            at = self.y(value)
            drawing.add(Line(self.left, at, self.left + self.inner, at, strokeColor=_colour(RULE), strokeWidth=0.5))
            drawing.add(
                String(self.left - 6, at - 2.5, _short(value), fontName=fonts().regular, fontSize=7, textAnchor="end",
                       fillColor=_colour(MUTED))
            )  # fmt: skip
            value += step

    def days(self, drawing: Any, firsts: list[date], unit: str, slot: float) -> None:
        from reportlab.graphics.shapes import String

        every = max(1, len(firsts) // 8) if unit != "month" else 1
        for number, first in enumerate(firsts):
            if number % every == 0:
                text = f"{first:%b}" if unit == "month" else f"{first.day} {first:%b}"
                drawing.add(
                    String(self.left + slot * (number + 0.5), 5, text, fontName=fonts().regular, fontSize=7,
                           textAnchor="middle", fillColor=_colour(MUTED))
                )  # fmt: skip


def _nice(step: Decimal) -> Decimal:
    """Return a round number not below the step: 1, 2 or 5 times a power of ten."""
    power = Decimal(1).scaleb(max(step, Decimal("0.01")).adjusted())
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step)


def _short(value: Decimal) -> str:
    if abs(value) >= 1_000_000:
        return f"{(value / 1_000_000).normalize():,f} M"
    return f"{value.normalize() + 0:,f}"


def _colour(code: str) -> Any:
    from reportlab.lib.colors import HexColor

    return HexColor(code)
