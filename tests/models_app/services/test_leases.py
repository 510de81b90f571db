"""Leases: one owner, a token that fences the one before, and changes that are not forgotten."""

from datetime import timedelta

import pytest
from django.utils import timezone

from models_app.domain.errors import LeaseLostError
from models_app.models import Host
from models_app.services.leases import database_time, lease_take
from tests.factories import make_host

pytestmark = pytest.mark.django_db


def test_a_held_row_is_not_taken_again() -> None:
    host = make_host()
    assert lease_take(Host, host.pk, "one") is not None
    assert lease_take(Host, host.pk, "two") is None


def test_the_token_grows_and_the_owner_before_can_no_longer_write() -> None:
    host = make_host()
    first = lease_take(Host, host.pk, "one", seconds=-1)  # run out already: it slept
    second = lease_take(Host, host.pk, "two")
    assert first
    assert second
    assert second.token == first.token + 1
    second.write(misses=2)
    with pytest.raises(LeaseLostError):
        first.write(misses=9)
    assert first.release(None) is False
    host.refresh_from_db()
    assert (host.misses, host.lease_owner) == (2, "two")


def test_release_says_when_to_look_again() -> None:
    host = make_host()
    lease = lease_take(Host, host.pk, "one")
    assert lease
    assert lease.release(database_time(60)) is False
    host.refresh_from_db()
    assert host.lease_until is None
    assert host.next_action_at is not None
    assert host.next_action_at > timezone.now() + timedelta(seconds=50)


def test_a_change_that_came_while_the_lease_was_held_is_looked_at_at_once() -> None:
    host = make_host()
    lease = lease_take(Host, host.pk, "one")
    assert lease
    Host.objects.filter(pk=host.pk).update(next_action_at=database_time())
    assert lease.release(None) is True
    host.refresh_from_db()
    assert host.next_action_at is not None


def test_a_row_whose_worker_died_becomes_due_when_its_lease_runs_out() -> None:
    host = make_host()
    lease_take(Host, host.pk, "one", seconds=30)
    host.refresh_from_db()
    assert host.next_action_at == host.lease_until
