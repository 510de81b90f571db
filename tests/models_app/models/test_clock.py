"""The database's clock counts, however wrong the clock of this machine is."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from models_app.models import Host, clock
from models_app.models.clock import database_now
from models_app.services.leases import database_time
from tests.factories import make_host

pytestmark = pytest.mark.django_db
NEAR = timedelta(seconds=5)


def written_now() -> datetime:
    host = make_host()
    Host.objects.filter(pk=host.pk).update(last_seen_at=database_time())
    host.refresh_from_db()
    assert host.last_seen_at
    return host.last_seen_at


def test_it_is_the_moment_that_the_database_writes() -> None:
    assert abs(database_now() - written_now()) < NEAR
    assert abs(database_now() - written_now()) < NEAR  # also when it is not asked again


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_of_ours_that_is_wrong_changes_nothing(
    minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file is read and written by one machine: there, its clock is the only one.
    off = timedelta(minutes=minutes if connection.vendor == "sqlite" else 0)
    right = timezone.now
    monkeypatch.setattr(clock, "_asked", None)
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(minutes=minutes))
    assert abs(database_now() - off - written_now()) < NEAR
