"""Time series: rates from growing counters, minutes from raw rows, and an end to everything."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from models_app.domain.specs import EngineSamples, HostUsage, WorkloadStats
from models_app.models import HostSample, ReplicaSample
from models_app.services.samples import (
    MINUTE,
    RAW,
    host_sample_add,
    replica_sample_add,
    samples_roll_up,
)
from tests.factories import make_host, make_replica

pytestmark = pytest.mark.django_db

STATS = WorkloadStats(cpu_percent=50.0, memory_bytes=1 << 28, activity=1.0)


def totals(completion: float) -> EngineSamples:
    return EngineSamples(prompt_tokens_total=10.0, completion_tokens_total=completion)


def test_a_rate_is_the_difference_over_the_time_between() -> None:
    replica = make_replica()
    replica_sample_add(replica, STATS, totals(100))
    ReplicaSample.objects.update(at=timezone.now() - timedelta(seconds=10))
    replica_sample_add(replica, STATS, totals(300))
    last = ReplicaSample.objects.latest("at")
    assert last.tokens_per_s == pytest.approx(20.0, rel=0.05)
    assert last.prompt_tokens_per_s == 0.0


def test_a_counter_that_fell_means_a_restart_not_a_negative_rate() -> None:
    replica = make_replica()
    replica_sample_add(replica, STATS, totals(100))
    replica_sample_add(replica, STATS, totals(5))
    assert ReplicaSample.objects.latest("pk").tokens_per_s is None


def test_what_went_over_the_network_becomes_a_rate_where_the_host_tells_it() -> None:
    replica = make_replica()
    replica_sample_add(replica, network(1_000, 5_000), None)
    ReplicaSample.objects.update(at=timezone.now() - timedelta(seconds=10))
    replica_sample_add(replica, network(3_000, 45_000), None)
    last = ReplicaSample.objects.latest("at")
    assert last.network_received_per_s == pytest.approx(200, rel=0.05)
    assert last.network_sent_per_s == pytest.approx(4_000, rel=0.05)
    replica_sample_add(replica, STATS, totals(1))  # a runtime that cannot tell
    assert ReplicaSample.objects.latest("at").network_received_per_s is None


def network(received: int, sent: int) -> WorkloadStats:
    return replace(STATS, network_received_bytes=received, network_sent_bytes=sent)


def test_minutes_are_made_once_and_old_rows_go() -> None:
    host = make_host()
    minute = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=3)
    for second, used in ((5, 100), (15, 300)):
        host_sample_add(host, HostUsage(10.0, used, 0, 0, 0))
        HostSample.objects.filter(memory_used_bytes=used).update(
            at=minute + timedelta(seconds=second)
        )
    old = HostSample.objects.create(
        host=host,
        at=timezone.now() - timedelta(hours=2),
        cpu_percent=0,
        memory_used_bytes=0,
        disk_used_bytes=0,
    )
    samples_roll_up()
    samples_roll_up()
    rolled = HostSample.objects.filter(resolution=MINUTE, at=minute)
    assert [row.memory_used_bytes for row in rolled] == [200]
    assert HostSample.objects.filter(resolution=RAW).count() == 2
    assert not HostSample.objects.filter(pk=old.pk).exists()
