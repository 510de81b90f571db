"""The demo's measurements: a day by the minute, a quarter of an hour by five seconds."""

import math
import random
from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from models_app.domain.states import HostState, ReplicaState
from models_app.models import Host, HostSample, Replica, ReplicaSample

BATCH = 2000
_SPANS = ((60, 86_400), (5, 900))  # seconds between samples, how far back


def samples_add(hosts: list[Host], replicas: list[Replica], chance: random.Random) -> None:
    """Write samples of hosts and replicas, with the day's rise and fall and a gap at night."""
    host_rows = [row for host in hosts for row in _host_samples(host, chance)]
    HostSample.objects.bulk_create(host_rows, batch_size=BATCH)
    ready = [replica for replica in replicas if replica.state == ReplicaState.READY]
    rows = [row for replica in ready for row in _replica_samples(replica, chance)]
    ReplicaSample.objects.bulk_create(rows, batch_size=BATCH)


def _moments() -> Iterator[tuple[int, float]]:
    """Yield (resolution, seconds ago)."""
    for step, span in _SPANS:
        for number in range(span // step):
            yield (60 if step == 60 else 0), float(number * step)  # noqa: PLR2004 - a minute


def _busy(seconds_ago: float, chance: random.Random) -> float:
    """Return how busy things were, 0 to 1: a day's wave, an hour's ripple, noise."""
    day = 0.55 + 0.3 * math.sin(seconds_ago / 86_400 * 2 * math.pi + 1)
    ripple = 0.1 * math.sin(seconds_ago / 400)
    return min(1.0, max(0.0, day + ripple + chance.uniform(-0.06, 0.06)))


def _host_samples(host: Host, chance: random.Random) -> Iterator[HostSample]:
    now, used = timezone.now(), host.usage
    quiet_s = 23 * 60 if host.state == HostState.UNREACHABLE else 0
    for resolution, seconds in _moments():
        if seconds < quiet_s or 5_000 < seconds < 5_900:  # noqa: PLR2004 - the gap of the demo
            continue
        busy = _busy(seconds, chance)
        yield HostSample(
            host=host,
            resolution=resolution,
            at=now - timedelta(seconds=seconds),
            cpu_percent=round(8 + 70 * busy, 1),
            memory_used_bytes=int(used["memory_used_bytes"] * (0.92 + 0.08 * busy)),
            disk_used_bytes=int(used["disk_used_bytes"] * (1 - seconds / 86_400 * 0.02)),
        )


def _replica_samples(replica: Replica, chance: random.Random) -> Iterator[ReplicaSample]:
    now, size = timezone.now(), replica.memory_bytes or 0
    peak = 42 * (400 << 20) / max(size, 100 << 20) + 6
    for resolution, seconds in _moments():
        busy = _busy(seconds, chance)
        yield ReplicaSample(
            replica=replica,
            resolution=resolution,
            at=now - timedelta(seconds=seconds),
            cpu_percent=round(100 * busy, 1),
            memory_bytes=int(size * (0.97 + 0.03 * busy)),
            tokens_per_s=round(peak * busy, 1),
            prompt_tokens_per_s=round(peak * 4 * busy * chance.uniform(0.2, 1), 1),
            requests_processing=round(busy * 1.4),
            network_received_per_s=round(700 * busy),
            network_sent_per_s=round(peak * busy * 190),
        )
