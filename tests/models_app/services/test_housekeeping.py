"""What has outlived its use goes, what has not stays, and audit entries stay for ever."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from models_app.domain.states import OperationState, Role
from models_app.models import (
    AuditEntry,
    Event,
    Host,
    HostSample,
    Operation,
    Replica,
    ReplicaSample,
    User,
)
from models_app.services import housekeeping
from models_app.services.housekeeping import prune
from models_app.services.samples import MINUTE, RAW, samples_roll_up
from tests.factories import make_replica, make_user

pytestmark = pytest.mark.django_db


def finished(days: float, state: str = "succeeded") -> Operation:
    at = timezone.now() - timedelta(days=days)
    return Operation.objects.create(kind="import", title="a", state=state, finished_at=at)


def left(*rows: Any) -> list[bool]:
    return [type(row)._default_manager.filter(pk=row.pk).exists() for row in rows]


@pytest.mark.parametrize("state", [state for state in OperationState if state.finished])
def test_operations_go_thirty_days_after_their_end(state: str) -> None:
    old, new = finished(31, state), finished(29, state)
    prune()
    assert left(old, new) == [False, True]


def test_operations_under_way_stay_however_old() -> None:
    running = Operation.objects.create(kind="import", title="a", state="running")
    Operation.objects.update(created_at=timezone.now() - timedelta(days=900))
    prune()
    assert left(running) == [True]


def test_a_table_that_has_grown_is_emptied_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "OPERATIONS_AT_ONCE", 2)
    rows = [finished(days) for days in (33, 32, 31)]
    prune()
    assert left(*rows) == [False, False, True]
    prune()
    assert left(*rows) == [False, False, False]


def test_events_and_retired_replicas_go_live_ones_stay() -> None:
    one_replica = make_replica()
    long_ago = timezone.now() - timedelta(days=400)
    event = Event.objects.create(code="x", subject_kind="host", subject_id=one_replica.public_id)
    Event.objects.update(at=long_ago)
    Replica.objects.update(state_since=long_ago)
    prune()
    assert left(event, one_replica) == [False, True]
    Replica.objects.update(state="retired")
    prune()
    assert left(one_replica) == [False]


def test_audit_entries_stay_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = AuditEntry.objects.create(actor_name="a", via="page", action="host.add")
    later = timezone.now() + timedelta(days=9000)
    monkeypatch.setattr(timezone, "now", lambda: later)
    prune()
    assert left(entry) == [True]


def test_the_database_refuses_to_change_or_delete_an_audit_entry() -> None:
    if connection.vendor == "sqlite":  # the tests took this one away, to empty tables
        kept = import_module("models_app.migrations.0012_kept_records")
        with connection.cursor() as cursor:
            cursor.execute(kept.SQLITE[1])
    entry = AuditEntry.objects.create(actor_name="a", via="page", action="host.add")
    changes: list[dict[str, Any]] = [{"actor_name": "b"}, {"changes": {}}, {"at": timezone.now()}]
    for change in changes:
        with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
            AuditEntry.objects.filter(pk=entry.pk).update(**change)
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
        entry.delete()
    assert left(entry) == [True]


def test_a_user_may_go_and_the_entry_keeps_the_name() -> None:
    user = make_user("dora", Role.VIEWER)
    entry = AuditEntry.objects.create(actor=user, actor_name="dora", via="page", action="sign_in")
    User.objects.filter(pk=user.pk).delete()
    entry.refresh_from_db()
    assert (entry.actor, entry.actor_name) == (None, "dora")


def test_a_minute_has_one_sample_and_rolling_up_again_changes_nothing() -> None:
    host = Host.objects.create(name="here", runtime="process")
    at = (timezone.now() - timedelta(minutes=5)).replace(second=10, microsecond=0)
    HostSample.objects.create(host=host, resolution=RAW, at=at, cpu_percent=40.0)
    samples_roll_up()
    minute = HostSample.objects.get(resolution=MINUTE)
    with pytest.raises(IntegrityError), transaction.atomic():
        HostSample.objects.create(host=host, resolution=MINUTE, at=minute.at)
    # Another worker, which had read before the row was written.
    HostSample.objects.bulk_create(
        [HostSample(host=host, resolution=MINUTE, at=minute.at)], ignore_conflicts=True
    )
    assert HostSample.objects.get(resolution=MINUTE).cpu_percent == 40.0


def test_raw_samples_may_meet() -> None:
    one_replica = make_replica()
    at = timezone.now()
    for _ in range(2):
        ReplicaSample.objects.create(replica=one_replica, resolution=RAW, at=at)
    assert ReplicaSample.objects.count() == 2
