"""Series have every step of their range, gaps as None, and sums over replicas."""

from datetime import timedelta

import pytest
from django.utils import timezone

from models_app.models import HostSample, ReplicaSample, Usage, User
from models_app.selectors import metrics
from models_app.selectors.time_buckets import SPANS
from tests import factories
from tests.factories import MIB, actor_of


def seconds_ago(seconds: float):  # type: ignore[no-untyped-def]
    return timezone.now() - timedelta(seconds=seconds)


def sample(replica, ago: float, tokens: float | None, **fields):  # type: ignore[no-untyped-def]
    values = {"cpu_percent": 1.0, "memory_bytes": 10 * MIB, **fields}
    return ReplicaSample.objects.create(
        replica=replica, at=seconds_ago(ago), tokens_per_s=tokens, **values
    )


@pytest.mark.parametrize("key", list(SPANS))
def test_a_series_without_samples_is_all_gaps_over_its_whole_range(charlie: User, key: str) -> None:
    series = metrics.host_series(actor_of(charlie), factories.make_host(), key)
    span = SPANS[key]
    assert series.times[-1] - series.times[0] in (span.seconds, span.seconds + span.step_s)
    assert all(
        then - now == span.step_s for now, then in zip(series.times, series.times[1:], strict=False)
    )
    assert all(value is None for values in series.values.values() for value in values)
    assert series.latest("cpu_percent") is None


def test_a_host_sample_lies_in_its_step(charlie: User) -> None:
    host = factories.make_host()
    at = seconds_ago(300)
    for cpu in (10.0, 20.0):
        HostSample.objects.create(
            host=host, at=at, cpu_percent=cpu, memory_used_bytes=5, disk_used_bytes=7
        )
    series = metrics.host_series(actor_of(charlie), host)
    place = series.times.index(int(at.timestamp()) // 10 * 10)
    assert series.values["cpu_percent"][place] == 15.0
    assert series.values["cpu_percent"][place + 1] is None
    assert series.latest("disk_used_bytes") == 7


def test_a_deployment_adds_its_replicas_up(charlie: User) -> None:
    deployment = factories.make_deployment()
    one, two = (factories.make_replica(deployment) for _ in range(2))
    for replica in (one, two):
        sample(replica, 100, 5.0)
    sample(one, 100, 15.0)  # within the same step: the mean of its replica
    series = metrics.deployment_series(actor_of(charlie), deployment)
    known = [v for v in series.values["tokens_per_s"] if v is not None]
    assert sum(known) in (15.0, 20.0, 25.0)  # 10 + 5, unless the step's edge fell between them
    alone = metrics.replica_series(actor_of(charlie), two)
    assert alone.latest("tokens_per_s") == 5.0
    assert alone.latest("prompt_tokens_per_s") is None


def test_now_is_the_last_seconds_only(charlie: User) -> None:
    actor, replica = actor_of(charlie), factories.make_replica()
    assert metrics.fleet_tokens_now(actor) is None
    sample(replica, 60, 99.0)
    assert metrics.tokens_now(actor, [replica.pk]) == {}
    sample(replica, 4, 10.0)
    sample(replica, 1, 20.0)
    other = factories.make_replica()
    sample(other, 1, 7.0)
    assert metrics.tokens_now(actor, [replica.pk]) == {replica.pk: 15.0}
    assert metrics.fleet_tokens_now(actor) == 22.0


def test_requests_and_first_tokens_are_taken_from_usage(charlie: User) -> None:
    actor, deployment = actor_of(charlie), factories.make_deployment()
    rows = [("ok", 100.0), ("ok", 200.0), ("cancelled", 300.0), ("ENGINE_EXITED", None)]
    for status, first in rows:
        Usage.objects.create(
            at=seconds_ago(120),
            deployment=deployment,
            route="chat",
            status=status,
            first_token_ms=first,
            completion_tokens=10,
            duration_ms=500,
        )
    latency = metrics.latency_of(actor, deployment)
    assert (latency.answers, latency.p50, latency.p95) == (3, 200.0, 300.0)
    series = metrics.request_series(actor, deployment)
    assert sum(v or 0 for v in series.values["requests_per_min"]) == 4
    assert sum(v or 0 for v in series.values["errors_per_min"]) == 1
    fleet = metrics.fleet_requests(actor)
    assert sum(v or 0 for v in fleet.values["requests"]) == 4
    assert sum(v or 0 for v in fleet.values["completion_tokens"]) == 40


def test_percentiles_of_nothing_and_of_one() -> None:
    assert metrics.percentile([], 50) is None
    assert metrics.percentile([7.0], 95) == 7.0
    assert metrics.percentile(list(map(float, range(1, 101))), 95) == 96.0
