from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LINES = 200_000
SCRIPT = """
import json, pathlib, re, resource, sys, time
from workers.finance.csv_reader import CsvReader
from workers.finance.entries import Entry
from workers.finance.fingerprints import Fingerprints

began, fingerprints, count, total = time.process_time(), Fingerprints(), 0, 0
with open(sys.argv[1], "rb") as file:
    reader = CsvReader(file)
    for step in (reader.scan(), reader.detect()):
        for _ in step:
            pass
    for item in reader.lines():
        assert isinstance(item, Entry)
        fingerprints.of(item)
        count, total = count + 1, total + item.amount
if sys.platform == "linux":
    # getrusage counts what the test's own process had before it became this one; the kernel's peak of this one does not.
    used = int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
else:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"lines": count, "total": str(total), "rss_kb": used, "cpu_s": time.process_time() - began}))
"""


async def test_200_000_lines_are_read_in_little_memory(tmp_path: Path) -> None:
    path, cents = tmp_path / "large.csv", 0
    with path.open("w", encoding="cp1252") as out:
        out.write("Buchungstag;Empfänger;Verwendungszweck;Betrag (EUR)\n")
        for line in range(LINES):
            amount = line % 997
            cents += amount
            day = f"{line % 28 + 1:02d}.{line // 28 % 12 + 1:02d}.{2000 + line // 10_000}"
            out.write(f"{day};Müller GmbH;Rechnung {line};{amount // 100},{amount % 100:02d}\n")

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), 100)

    figures = json.loads(said)
    assert (figures["lines"], figures["total"]) == (LINES, f"{cents // 100}.{cents % 100:02d}")
    assert figures["rss_kb"] < 150 * 1024
    assert LINES / figures["cpu_s"] > 5_000
