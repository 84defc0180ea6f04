"""`python -m tests.scenarios.chaos --seeds 20 --jobs 1000`: long runs of the chaos suite, a line a seed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.scenarios.chaos.checker import Complaint, check, ran_more_than_once
from tests.scenarios.chaos.driver import run_plan
from tests.scenarios.chaos.evidence import Evidence
from tests.scenarios.chaos.plan import make_plan

SECONDS, TROUBLES = 45.0, 30


def main() -> int:
    """Run the seeds; returns 1 if there was any complaint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1000, help="jobs a seed")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="over how long they are sent")
    parser.add_argument("--troubles", type=int, default=TROUBLES, help="how many troubles come meanwhile")
    parser.add_argument("--keep", type=Path, default=Path("chaos-evidence"), help="folder for the evidence of failures")
    given = parser.parse_args()
    failed, whole = [], Counter[str]()
    for seed in range(given.first, given.first + given.seeds):
        began = time.monotonic()
        plan = make_plan(seed, jobs=given.jobs, seconds=given.seconds, troubles=given.troubles)
        try:
            evidence = asyncio.run(run_plan(plan))
        except Exception:
            failed.append(seed)
            print(f"seed {seed:<4} broke off\n{plan.text()}\n{traceback.format_exc()}", flush=True)
            continue
        complaints = check(evidence)
        counted = summary(evidence, complaints)
        whole += counted
        print(f"seed {seed:<4} {time.monotonic() - began:4.0f} s  {line(counted)}", flush=True)
        if complaints:
            failed.append(seed)
            print(report(evidence, complaints, given.keep), flush=True)
    print(f"{given.seeds} seeds      {line(whole)}")
    print(f"failed: {', '.join(map(str, failed))}" if failed else "all passed")
    return 1 if failed else 0


def summary(evidence: Evidence, complaints: list[Complaint]) -> Counter[str]:
    """Count what happened, and what is wrong."""
    counted = Counter(sent.outcome for sent in evidence.sent)
    counted += Counter(crash.what for crash in evidence.crashes)
    counted["again"] = len(ran_more_than_once(evidence))
    return counted + Counter(f"!{complaint.sort}" for complaint in complaints)


def line(counted: Counter[str]) -> str:
    """Return the counts as one line."""
    jobs = ", ".join(f"{counted[word]} {word}" for word in ("accepted", "duplicate", "unknown"))
    words = (
        "blackout",
        "kill",
        "kill_child",
        "kill_manager",
        "restart",
        "stop",
        "cut",
        "refuse",
        "stall_up",
        "stall_down",
        "halve",
    )
    troubles = " ".join(f"{word} {counted[word]}" for word in words if counted[word])
    wrong = " ".join(
        f"{word} {counted['!' + word]}"
        for word in ("lost", "wrong", "stuck", "cancel", "again", "half", "witness", "leftover", "process")
    )
    return f"{jobs} | {troubles} | ran again {counted['again']} | {wrong}"


def report(evidence: Evidence, complaints: list[Complaint], keep: Path) -> str:
    """Keep the evidence in a folder, and return the plan and the complaints for people."""
    folder = keep / f"seed-{evidence.plan.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    evidence.save(folder / "evidence.json")
    (folder / "output.txt").write_text("\n".join(evidence.output))
    text = "\n".join([evidence.plan.text(), *map(str, complaints)])
    (folder / "complaints.txt").write_text(text)
    shown = [str(complaint) for complaint in complaints[:40]]
    return "\n".join([evidence.plan.text(), *shown, f"evidence: {folder.resolve()}"])


if __name__ == "__main__":
    sys.exit(main())
