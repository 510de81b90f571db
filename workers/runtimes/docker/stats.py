"""What a running container uses, from one sample of Docker's figures."""

import time
from collections.abc import Mapping
from typing import Any

from models_app.domain.failures import FailureError
from models_app.domain.specs import WorkloadStats
from workers.runtimes.docker.errors import AbsentError, TakenError
from workers.runtimes.docker.transport import Client

KEPT = 1000  # last samples, of as many containers
_MIB = 1 << 20

_last: dict[str, tuple[float, float]] = {}  # container -> (moment, CPU seconds)


def read_stats(client: Client, container: str) -> WorkloadStats | None:
    """Return the figures; None when it does not run."""
    try:
        sample = client.call(
            "GET", f"/containers/{container}/stats", params={"stream": "0", "one-shot": "1"}
        )
    except (AbsentError, TakenError):
        return None
    memory = sample.get("memory_stats") or {}
    if not memory.get("usage"):
        return None
    cpu_s = sample["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    received, sent = _network(sample.get("networks") or {})
    return WorkloadStats(
        cpu_percent=_cpu_percent(container, cpu_s),
        memory_bytes=max(_resident(memory), _resident_of_processes(client, container)),
        activity=cpu_s + _read_bytes(sample) / _MIB,
        network_received_bytes=received,
        network_sent_bytes=sent,
    )


def _cpu_percent(container: str, cpu_s: float) -> float:
    """Return the load since this process last looked; one sample alone tells nothing."""
    now = time.monotonic()
    before = _last.pop(container, None)
    while len(_last) >= KEPT:
        _last.pop(next(iter(_last)), None)
    _last[container] = now, cpu_s
    if before is None or now <= before[0]:
        return 0.0
    return max(0.0, 100.0 * (cpu_s - before[1]) / (now - before[0]))


def _resident(memory: Mapping[str, Any]) -> int:
    """Return what is resident: its own pages and the parts of files it has mapped.

    Docker's `usage` counts every page of a file that was ever read: a model that was copied in
    would seem to fill the machine.
    """
    parts = memory.get("stats") or {}
    if "anon" in parts:  # the second version of control groups
        return int(parts["anon"] + parts.get("file_mapped", 0))
    if "total_rss" in parts:
        return int(parts["total_rss"] + parts.get("total_mapped_file", 0))
    return int(memory["usage"])


def _resident_of_processes(client: Client, container: str) -> int:
    """Return the resident memory of its processes, as the host's `ps` has it; 0 without one.

    A model that was read before, by whoever copied it, is counted in no container: the page cache
    belongs to its first reader. The engine that has it mapped needs it all the same.
    """
    try:
        found = client.call("GET", f"/containers/{container}/top", params={"ps_args": "-o pid,rss"})
        return sum(int(line[-1]) << 10 for line in found["Processes"])
    except (AbsentError, TakenError, FailureError, ValueError, LookupError, TypeError):
        return 0


def _read_bytes(sample: Mapping[str, Any]) -> int:
    entries = (sample.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    return sum(one["value"] for one in entries if one["op"].lower() == "read")


def _network(networks: Mapping[str, Any]) -> tuple[int, int]:
    received = sum(one["rx_bytes"] for one in networks.values())
    return received, sum(one["tx_bytes"] for one in networks.values())
