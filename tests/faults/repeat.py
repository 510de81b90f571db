"""Runs the fault tests again and again, each time in a new installation and with a new seed.

`make faults REPEAT=20`, or `python -m tests.faults.repeat --times 20 [TEST ...]`. What was seen is
kept in a folder, one line a test and pass, so that a run can be cut short, go on later and be told
over all of it; the output of a pass that failed lies beside. Plugins that repeat a test do so in
one process: with the same seed, and in an installation that the pass before has already hurt.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent.relative_to(ROOT)
PASS_S = 3600.0
_RECORD = "passes.jsonl"


def main() -> int:
    """Repeat what the command line names; tell how it went. Fails when anything did."""
    wanted = _arguments()
    folder: Path = wanted.keep
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(wanted.times):
        seed = wanted.seed or random.SystemRandom().randrange(1_000_000)
        began = time.monotonic()
        is_good = _one_pass(folder, wanted.tests or [str(HERE)], seed)
        took = f"{time.monotonic() - began:.0f} s, {'good' if is_good else 'FAILED'}"
        sys.stdout.write(f"pass {number + 1} of {wanted.times}, seed {seed}: {took}\n")
        sys.stdout.flush()
    found = _read(folder)
    sys.stdout.write(_table(found))
    return 1 if any(one["outcome"] == "failed" for one in found) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tests", nargs="*", help="files or node ids; all fault tests if left out")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="this one instead of new ones")
    parser.add_argument("--keep", type=Path, default=ROOT / ".slipway" / "faults")
    return parser.parse_args()


def _one_pass(folder: Path, tests: list[str], seed: int) -> bool:
    """Run the tests once, write down each of them, and return whether none failed."""
    name = f"{seed}-{time.time_ns()}"
    report, log = folder / f"{name}.xml", folder / f"{name}.log"
    command = [sys.executable, "-m", "pytest", "-q", "-rA", f"--junitxml={report}", *tests]
    with log.open("w") as output:
        subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "SLIPWAY_FAULT_SEED": str(seed)},
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=PASS_S,
            check=False,
        )
    lines = list(_lines(report, seed)) if report.exists() else []
    lines = lines or [{"test": " ".join(tests), "seed": seed, "outcome": "failed", "seconds": 0.0}]
    with (folder / _RECORD).open("a") as record:
        record.writelines(json.dumps(line) + "\n" for line in lines)
    report.unlink(missing_ok=True)
    is_good = all(line["outcome"] != "failed" for line in lines)
    if is_good:
        log.unlink()
    return is_good


def _lines(report: Path, seed: int) -> Iterable[dict[str, Any]]:
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - our own pytest
        outcome = "passed"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
        elif case.find("skipped") is not None:
            outcome = "skipped"
        yield {
            "test": f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}",
            "seed": seed,
            "outcome": outcome,
            "seconds": round(float(case.get("time", 0)), 1),
        }


def _read(folder: Path) -> list[dict[str, Any]]:
    record = folder / _RECORD
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


def _table(found: list[dict[str, Any]]) -> str:
    """Return one line a test: how often, how often not, the longest, and the seeds that failed."""
    by_test: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        by_test[one["test"]].append(one)
    rows = [f"{'passed':>6} {'failed':>6} {'skipped':>7} {'longest':>8}  test"]
    for test, runs in sorted(by_test.items()):
        count = {o: sum(r["outcome"] == o for r in runs) for o in ("passed", "failed", "skipped")}
        seeds = [str(r["seed"]) for r in runs if r["outcome"] == "failed"]
        longest = max(r["seconds"] for r in runs)
        rows.append(
            f"{count['passed']:>6} {count['failed']:>6} {count['skipped']:>7} {longest:>7}s  {test}"
            + (f"  seeds {', '.join(seeds)}" if seeds else "")
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main())
