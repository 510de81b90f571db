"""How every measurement is told: the same line for a person, the same JSON for a script."""

import json
import os
import platform
import statistics
from collections.abc import Sequence


def tell(name: str, *, unit: str, values: Sequence[float], promise: float | None) -> bool:
    """Print median, 95th percentile and worst; return whether the median keeps the promise."""
    median = statistics.median(values)
    kept = promise is None or median <= promise
    limit = (
        "" if promise is None else f"  promise {promise:g} {unit}: {'kept' if kept else 'MISSED'}"
    )
    print(
        f"{name}: median {median:.3g} {unit}, p95 {share(values, 0.95):.3g}, "
        f"worst {max(values):.3g}, n {len(values)}{limit}",
        flush=True,
    )
    return kept


def share(values: Sequence[float], part: float) -> float:
    """Return the value below which this part of all values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def machine() -> None:
    """Print what the figures were taken on."""
    facts = {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "cores": len(os.sched_getaffinity(0)),
        "load": [round(value, 1) for value in os.getloadavg()],
    }
    print(json.dumps(facts), flush=True)
