"""Run the benchmarks and write `benchmarks/results.json`; a name measures that one alone and keeps the other rows."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from benchmarks.figures import Figure

NAMES = (
    "jobs_per_second",
    "enqueue",
    "latency",
    "page",
    "websocket",
    "idle_clients",
    "recorder",
    "statement_import",
    "data_export",
)
RESULTS = Path(__file__).parent / "results.json"


def main(names: list[str]) -> int:
    """Measure, print, and write down."""
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    kept = msgspec.json.decode(RESULTS.read_bytes(), type=list[Figure]) if RESULTS.exists() else []
    rows = {figure.name: figure for figure in kept} if names else {}
    for name in names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        for figure in importlib.import_module(f"benchmarks.{name}").run():
            rows[figure.name] = figure
            ratio = f"  ratio {figure.ratio:.2f}" if figure.ratio is not None else ""
            print(
                f"{figure.name}: {figure.value:g} {figure.unit}{ratio}  (target {figure.target}; {figure.against or '-'})",
                flush=True,
            )
        _write(rows.values())
    return 0


def _write(figures: Iterable[Figure]) -> None:
    tidy = [{**msgspec.to_builtins(figure), "ratio": figure.ratio and round(figure.ratio, 3)} for figure in figures]
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(tidy), indent=2) + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
