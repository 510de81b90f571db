"""The figures of a host's memory bar, and the common scale of many."""

from collections.abc import Iterable
from dataclasses import dataclass

from models_app.models import Host


@dataclass(frozen=True, slots=True)
class HostMemory:
    """Bytes. `total` 0 means that the host has not told yet."""

    total: int
    others: int
    ours: int
    promised: int
    budget: int | None

    @property
    def is_known(self) -> bool:
        """Whether the host has told how much memory it has."""
        return self.total > 0

    @property
    def taken(self) -> int:
        """What is in use by anyone, or promised."""
        return self.others + self.ours + self.promised


def host_memory(host: Host) -> HostMemory:
    """Return the figures of a host that came from `hosts_visible`."""
    used = int(host.usage.get("memory_used_bytes") or 0)
    ours = int(getattr(host, "ours_bytes", 0))
    return HostMemory(
        total=int(host.facts.get("memory_total_bytes") or host.memory_budget_bytes or 0),
        others=max(0, used - ours),
        ours=ours,
        promised=int(getattr(host, "promised_bytes", 0)),
        budget=host.memory_budget_bytes,
    )


def common_scale(bars: Iterable[HostMemory]) -> int:
    """Return the full width of bars that are compared: the largest total."""
    return max((bar.total for bar in bars), default=0)
