"""What one workload's processes use, and how its CPU share follows from two samples."""

import time
from dataclasses import dataclass

import psutil

from models_app.domain.specs import WorkloadStats

_KEPT = 512


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    cpu_seconds: float


_last: dict[str, _Sample] = {}


def measure(
    external_id: str, pids: list[int], *, log_bytes: int, started_at: float | None
) -> WorkloadStats:
    """Return what the processes use together.

    The CPU share is of the time since this process last asked, else since the start. Memory is
    resident memory: of processes that share pages, the shared ones count once each.
    """
    seconds, memory = 0.0, 0
    for pid in pids:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times = process.cpu_times()
                memory += process.memory_info().rss
        except psutil.Error:
            continue
        seconds += times.user + times.system + times.children_user + times.children_system
    now = time.time()
    before = _last.get(external_id) or _Sample(started_at or now, 0.0)
    elapsed = now - before.at
    percent = 100 * (seconds - before.cpu_seconds) / elapsed if elapsed > 0 else 0.0
    _remember(external_id, _Sample(now, seconds))
    return WorkloadStats(max(0.0, percent), memory, seconds + log_bytes)


def _remember(external_id: str, sample: _Sample) -> None:
    _last.pop(external_id, None)
    while len(_last) >= _KEPT:
        _last.pop(next(iter(_last)))
    _last[external_id] = sample
