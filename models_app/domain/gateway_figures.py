"""What the gateway counts of one deployment, and how several processes' counts travel.

Counters only grow for as long as a process lives; who reads them (Prometheus) knows how to add up
processes that come and go. Buckets count each answer once, in the first that holds it.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DURATION_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
FIRST_TOKEN_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(slots=True)
class Histogram:
    """How many lay below each bound, one bucket more for the rest, and the sum of all."""

    counts: list[int]
    sum: float = 0.0

    def add(self, bounds: tuple[float, ...], value: float) -> None:
        """Count one."""
        self.counts[bisect_left(bounds, value)] += 1
        self.sum += value


def _empty(bounds: tuple[float, ...]) -> Histogram:
    return Histogram([0] * (len(bounds) + 1))


@dataclass(slots=True)
class DeploymentFigures:
    """Everything one process counted of a deployment, and how it is there now."""

    engine: str
    requests: dict[str, int] = field(default_factory=dict)  # "route status" -> how many
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    duration: Histogram = field(default_factory=lambda: _empty(DURATION_S))
    first_token: Histogram = field(default_factory=lambda: _empty(FIRST_TOKEN_S))
    ejections: int = 0
    running: int = 0
    waiting: int = 0
    ejected: int = 0

    @classmethod
    def told(cls, parts: Mapping[str, Any]) -> "DeploymentFigures":
        """Return what another process told with `dataclasses.asdict`."""
        histograms = {name: Histogram(**parts[name]) for name in ("duration", "first_token")}
        return cls(**{**parts, **histograms})
