"""Whether a copy that answers its health page has come to stand still inside.

A server may say that it is well while the thread that makes tokens hangs. Three things together
say so, in every look of two minutes: requests are in flight, no counter of tokens moves, and the
processor is idle. A long prompt on a slow machine uses the processor: it is never taken for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from models_app.domain.specs import EngineSamples, WorkloadStats
from models_app.models import Replica, ReplicaSample
from models_app.models.clock import database_now
from models_app.services.samples import RAW
from workers.reconcilers.replica_drain import is_working

STUCK_S = 120.0  # then it leaves the routing
STUCK_RESTART_S = 180.0  # then it is ended and started again
GAP_S = 30.0  # between two looks; what happened in a longer one is not known


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw of a copy."""

    at: datetime
    processing: float | None
    cpu_percent: float | None
    totals: Mapping[str, float | None]

    @property
    def stands_still(self) -> bool:
        """Return whether it has requests in flight and does not use the processor."""
        return (self.processing or 0) > 0 and _is_idle(self.cpu_percent)


def stuck_s(looks: Iterable[Look]) -> float:
    """Return for how long nothing moved, from looks, the newest first; 0 when something does."""
    newest = oldest = None
    for look in looks:
        if not look.stands_still or (newest and _tokens(look) != _tokens(newest)):
            break
        if oldest and (oldest.at - look.at).total_seconds() > GAP_S:
            break
        newest, oldest = newest or look, look
    return (newest.at - oldest.at).total_seconds() if newest and oldest else 0.0


def replica_stuck_s(
    replica: Replica, stats: WorkloadStats | None, samples: EngineSamples | None
) -> float:
    """Return for how long a copy has stood still. Reads its history only if it seems to now."""
    if not seems_stuck(stats, samples):
        return 0.0
    since = database_now() - timedelta(seconds=STUCK_RESTART_S + 2 * GAP_S)
    if replica.ready_at:
        since = max(since, replica.ready_at)
    rows = ReplicaSample.objects.filter(replica=replica, resolution=RAW, at__gte=since)
    columns = ("at", "requests_processing", "cpu_percent", "totals")
    return stuck_s(Look(*row) for row in rows.order_by("-at").values_list(*columns))


def seems_stuck(stats: WorkloadStats | None, samples: EngineSamples | None) -> bool:
    """Return whether it has requests in flight and is idle, in this one look."""
    in_flight = samples is not None and (samples.requests_processing or 0) > 0
    return stats is not None and in_flight and not is_working(stats)


def _is_idle(cpu_percent: float | None) -> bool:
    return cpu_percent is not None and not is_working(WorkloadStats(cpu_percent, 0, 0.0))


def _tokens(look: Look) -> tuple[float | None, float | None]:
    return look.totals.get("prompt_tokens"), look.totals.get("completion_tokens")
