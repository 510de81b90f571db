"""What a large fleet measured: a minute of samples, an event a replica, the last requests."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from models_app.models import Event, Host, HostSample, Replica, ReplicaSample, Usage

BATCH = 2000
SAMPLES, EVERY_S = 12, 5
MOST_REQUESTS, REQUESTS_S = 20_000, 900


def measurements_add(
    hosts: Sequence[Host], replicas: Sequence[Replica], chance: random.Random
) -> None:
    """Write samples, events and usage, as many as the fleet would have."""
    now = timezone.now()
    HostSample.objects.bulk_create(_host_samples(hosts, now, chance), batch_size=BATCH)
    ReplicaSample.objects.bulk_create(_replica_samples(replicas, now, chance), batch_size=BATCH)
    Event.objects.bulk_create((_event(replica) for replica in replicas), batch_size=BATCH)
    Usage.objects.bulk_create(_requests(replicas, now, chance), batch_size=BATCH)


def _moments(now: datetime) -> Iterator[datetime]:
    return (now - timedelta(seconds=EVERY_S * number) for number in range(SAMPLES))


def _host_samples(
    hosts: Sequence[Host], now: datetime, chance: random.Random
) -> Iterator[HostSample]:
    for host in hosts:
        for at in _moments(now):
            yield HostSample(
                host=host,
                at=at,
                cpu_percent=chance.uniform(1, 90),
                memory_used_bytes=host.usage["memory_used_bytes"],
                disk_used_bytes=host.usage["disk_used_bytes"],
            )


def _replica_samples(
    replicas: Sequence[Replica], now: datetime, chance: random.Random
) -> Iterator[ReplicaSample]:
    for replica in replicas:
        for at in _moments(now):
            yield ReplicaSample(
                replica=replica,
                at=at,
                tokens_per_s=chance.uniform(0, 40),
                memory_bytes=replica.memory_bytes,
            )


def _event(replica: Replica) -> Event:
    return Event(
        code="replica.ready",
        level="good",
        params={"replica": replica.index, "host": replica.host.name, "seconds": 1.9},
        subject_kind="replica",
        subject_id=replica.public_id,
        deployment_id=replica.deployment.public_id,
        host_id=replica.host.public_id,
    )


def _requests(replicas: Sequence[Replica], now: datetime, chance: random.Random) -> Iterator[Usage]:
    for _ in range(min(MOST_REQUESTS, 2 * len(replicas))):
        yield Usage(
            at=now - timedelta(seconds=chance.uniform(0, REQUESTS_S)),
            deployment_id=chance.choice(replicas).deployment_id,
            route="chat",
            status="ok",
            completion_tokens=120,
            first_token_ms=chance.uniform(40, 300),
            duration_ms=2000,
        )
