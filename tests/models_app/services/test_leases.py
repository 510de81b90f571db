"""Leases: one owner, a token that fences the one before, and changes that are not forgotten."""

from datetime import timedelta

import pytest
from django.utils import timezone

from models_app.domain.errors import LeaseLostError
from models_app.models import Host
from models_app.services.leases import database_time, lease_take, lease_take_as_read
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


def test_a_row_just_read_is_taken_in_one_statement() -> None:
    host = make_host(next_action_at=timezone.now())
    lease = lease_take_as_read(host, "one")
    assert lease
    assert lease_take_as_read(host, "two") is None
    lease.write(misses=1)
    host.refresh_from_db()
    assert (host.lease_owner, host.misses, host.lease_token) == ("one", 1, lease.token)


@pytest.mark.parametrize("field", ["version", "generation", "next_action_at", "lease_token"])
def test_what_moved_since_it_was_read_must_be_read_again(field: str) -> None:
    host = make_host(next_action_at=timezone.now() - timedelta(seconds=1))
    moved = database_time() if field == "next_action_at" else getattr(host, field) + 1
    Host.objects.filter(pk=host.pk).update(**{field: moved})
    assert lease_take_as_read(host, "one") is None
    assert lease_take(Host, host.pk, "one") is not None


def test_fields_are_written_as_the_row_is_given_back_also_when_a_change_came() -> None:
    host = make_host()
    for misses, asked_at, is_asked in ((1, 60.0, False), (2, 0.0, True)):
        lease = lease_take(Host, host.pk, "one")
        assert lease
        Host.objects.filter(pk=host.pk).update(next_action_at=database_time(asked_at))
        assert lease.release(database_time(30), misses=misses) is is_asked
        host.refresh_from_db()
        assert (host.misses, host.lease_until) == (misses, None)
