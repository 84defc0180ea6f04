"""The text format of Prometheus (version 0.0.4): metrics with their help, type, labels and values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Exposition:
    """A page of metrics; each name begins with `taskcast_`."""

    def __init__(self) -> None:
        self._metrics: dict[str, list[str]] = {}

    def add(
        self,
        name: str,
        help: str,  # noqa: A002  # the format's word
        samples: Mapping[Any, float | None] | float | None,
        *,
        labels: tuple[str, ...] = (),
        kind: Literal["gauge", "counter"] = "gauge",
    ) -> None:
        """Add a metric.

        Args:
            name: without `taskcast_`; of a counter ending in `_total`.
            help: one sentence.
            samples: a value by the tuple of its labels' values, or one value; what is None is left out.
            labels: their names.
            kind: gauge or counter.
        """
        given = samples if isinstance(samples, Mapping) else {(): samples}
        lines = [f"# HELP taskcast_{name} {help}", f"# TYPE taskcast_{name} {kind}"]
        for values, number in given.items():
            if number is not None:
                pairs = ",".join(
                    f'{label}="{value.translate(_ESCAPES)}"' for label, value in zip(labels, values, strict=True)
                )
                lines.append(f"taskcast_{name}{f'{{{pairs}}}' if pairs else ''} {number:.15g}")
        if len(lines) > 2:
            self._metrics[name] = lines

    def text(self) -> str:
        """Return the page."""
        return "\n".join([line for lines in self._metrics.values() for line in lines]) + "\n"
