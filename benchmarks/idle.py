"""Memory and CPU of every part of an idle Slipway: `python -m benchmarks.idle`.

Memory is PSS: pages that parts share are counted once. Engines are not counted: the first model is
not deployed. Promise: 600 MB and 3 % of a core, all parts together.
"""

import argparse
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.figures import machine
from tests.flows.house import House

PROMISED_MB = 600
PROMISED_CPU = 3.0


def main() -> int:
    """Measure; return 1 when a promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settle", type=float, default=30.0, help="seconds before counting begins")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    machine()
    with (
        tempfile.TemporaryDirectory() as folder,
        House(Path(folder) / "data", SLIPWAY_FIRST_MODEL="0") as house,
    ):
        house.start_and_wait()
        time.sleep(options.settle)
        parts = house.parts()
        parts["up"] = psutil.Process(house.process.pid)
        before = {name: cpu_s(process) for name, process in parts.items()}
        time.sleep(options.seconds)
        used = {n: 100 * (cpu_s(p) - before[n]) / options.seconds for n, p in parts.items()}
        memory = {name: pss_mb(process) for name, process in parts.items()}
        house.stop()
    print(f"{'part':10} {'PSS MB':>8} {'CPU %':>8}")
    for name in parts:
        print(f"{name:10} {memory[name]:8.1f} {used[name]:8.2f}")
    total_mb, total_cpu = sum(memory.values()), sum(used.values())
    kept = total_mb <= PROMISED_MB and total_cpu <= PROMISED_CPU
    print(f"{'all':10} {total_mb:8.1f} {total_cpu:8.2f}   {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and of the children it waited for."""
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def pss_mb(process: psutil.Process) -> float:
    """Return the proportional memory of a process and of its own children."""
    full = process.memory_full_info()
    return float(full.pss) / 2**20


if __name__ == "__main__":
    raise SystemExit(main())
