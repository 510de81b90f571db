"""One look at a host answers for all replicas that are well there, and calls for the others."""

import os
import signal
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from models_app.domain.states import ReplicaState
from models_app.models import Deployment, Host, Replica, ReplicaSample
from models_app.services.leases import database_time, lease_take
from models_app.services.observed.replicas import replicas_memory, replicas_steady
from tests.factories import make_host, make_replica
from tests.workers.reconcilers.driving import settle
from workers.reconcilers import hosts
from workers.reconcilers.host_replicas import NEAR_S, NEXT_LOOK_S
from workers.reconcilers.hosts import reconcile_host

pytestmark = [pytest.mark.django_db]
QUERIES = 5
SAMPLES = 2  # statements that write the figures; with many hosts they are shared


@pytest.fixture
def ready(chat: Deployment) -> Replica:
    settle(lambda: Deployment.objects.get().state == "ready")
    return Replica.objects.get()


def due_in_s(row: Replica) -> float:
    row.refresh_from_db()
    assert row.next_action_at is not None
    return (row.next_action_at - timezone.now()).total_seconds()


def due(row: Replica, seconds: float) -> None:
    Replica.objects.filter(pk=row.pk).update(next_action_at=database_time(seconds))


@pytest.mark.slow
def test_who_is_well_needs_no_look_of_its_own(ready: Replica, here: Host) -> None:
    for seconds in (-1.0, NEAR_S / 2):
        due(ready, seconds)
        reconcile_host(here.pk)
        assert due_in_s(ready) > NEXT_LOOK_S / 2
    assert ready.lease_token == Replica.objects.get().lease_token
    assert ReplicaSample.objects.filter(memory_bytes__gt=0).exists()
    assert (ready.memory_bytes or 0) > 0


@pytest.mark.slow
def test_a_steady_look_asks_the_database_five_times(
    ready: Replica, here: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "FACTS_EVERY", timedelta(days=3650))  # no window ends meanwhile
    due(ready, NEAR_S / 2)
    reconcile_host(here.pk)
    due(ready, NEAR_S / 2)  # so that it is put off in this look as well
    with CaptureQueriesContext(
        connection,
    ) as asked:
        reconcile_host(here.pk)
    plain = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "PRAGMA")
    found = [one["sql"] for one in asked if not one["sql"].startswith(plain)]
    memory = [sql for sql in found if "peak_bytes" in sql and sql.startswith("UPDATE")]
    assert len(found) - len(memory) <= QUERIES + SAMPLES, found


@pytest.mark.slow
def test_a_dead_engine_is_called_for_at_once(ready: Replica, here: Host) -> None:
    due(ready, 60)
    pid = int(ready.external_id.split(":")[0])
    os.killpg(os.getpgid(pid), signal.SIGKILL)
    reconcile_host(here.pk)
    assert due_in_s(ready) <= 0
    assert ready.state == ReplicaState.READY  # what it means is for its own reconciler to say


@pytest.mark.slow
def test_one_that_hangs_is_called_for_and_judged_by_its_own_look(
    ready: Replica, here: Host
) -> None:
    due(ready, 60)
    group = os.getpgid(int(ready.external_id.split(":")[0]))
    os.killpg(group, signal.SIGSTOP)
    try:
        reconcile_host(here.pk)
        assert due_in_s(ready) <= 0
        assert ready.misses == 0
    finally:
        os.killpg(group, signal.SIGCONT)


def test_only_who_holds_the_host_may_put_its_replicas_off() -> None:
    host = make_host()
    soon = timezone.now() + timedelta(seconds=5)
    row = make_replica(host=host, next_action_at=soon, memory_bytes=None, peak_bytes=None)
    asleep = lease_take(Host, host.pk, "one", seconds=-1)
    awake = lease_take(Host, host.pk, "two")
    assert asleep
    assert awake
    replicas_steady(asleep, [row.pk], next_s=300)
    replicas_memory(asleep, {row.pk: 1 << 20})
    assert due_in_s(row) < 10
    assert not row.memory_bytes
    replicas_steady(awake, [row.pk], next_s=300)
    replicas_memory(awake, {row.pk: 1 << 20})
    replicas_memory(awake, {row.pk: 1 << 10})
    assert due_in_s(row) > 200
    assert (row.memory_bytes, row.peak_bytes) == (1 << 10, 1 << 20)


@pytest.mark.parametrize(
    "fields", [{"is_wanted": False}, {"misses": 2}, {"state": ReplicaState.STOPPING}]
)
def test_what_changed_since_it_was_read_is_not_put_off(fields: dict[str, object]) -> None:
    host = make_host()
    row = make_replica(host=host, next_action_at=timezone.now())
    lease = lease_take(Host, host.pk, "one")
    assert lease
    Replica.objects.filter(pk=row.pk).update(**fields)
    replicas_steady(lease, [row.pk], next_s=300)
    assert due_in_s(row) <= 0


def test_who_is_worked_on_is_not_put_off() -> None:
    host = make_host()
    row = make_replica(host=host)
    assert lease_take(Replica, row.pk, "its own", seconds=40)
    lease = lease_take(Host, host.pk, "one")
    assert lease
    replicas_steady(lease, [row.pk], next_s=300)
    assert due_in_s(row) < 60
