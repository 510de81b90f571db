"""The rules of the installation: changed by admins, audited, and really obeyed."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from models_app.domain.errors import ConflictError, InvalidError, NotAllowedError
from models_app.models import ApiToken, AuditEntry, Event, HostSample, InstanceSettings, User
from models_app.selectors.instance import fetch_networks, instance_settings, shows_test_engines
from models_app.services.housekeeping import prune
from models_app.services.instance import instance_settings_edit
from models_app.services.samples import MINUTE, samples_roll_up
from models_app.services.tokens import token_create
from tests.factories import actor_of, make_event, make_host

pytestmark = pytest.mark.django_db


def edit(user: User, version: int | None = None, **changes: Any) -> InstanceSettings:
    return instance_settings_edit(actor_of(user), version=version, **changes)


def test_nothing_is_written_until_something_is_changed(alice: User) -> None:
    assert instance_settings().metrics_days == 7
    assert not InstanceSettings.objects.exists()


def test_a_change_leaves_before_and_after_and_the_rest_as_it_was(alice: User) -> None:
    edit(alice, metrics_days=14)
    edit(alice, events_days=30)
    row = instance_settings()
    assert (row.metrics_days, row.events_days, row.token_days) == (14, 30, 365)
    changes = list(AuditEntry.objects.order_by("pk").values_list("changes", flat=True))
    assert changes == [{"metrics_days": [7, 14]}, {"events_days": [90, 30]}]


def test_the_same_again_leaves_no_trace(alice: User) -> None:
    before = edit(alice, metrics_days=14).version
    assert edit(alice, metrics_days=14).version == before
    assert AuditEntry.objects.count() == 1


def test_somebody_elses_change_is_not_written_over(alice: User) -> None:
    seen = instance_settings().version
    edit(alice, version=seen, metrics_days=14)
    with pytest.raises(ConflictError) as caught:
        edit(alice, version=seen, metrics_days=3)
    assert caught.value.code == "STALE"
    assert instance_settings().metrics_days == 14


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics_days": 0},
        {"metrics_days": 31},
        {"events_days": 1},
        {"token_days": 366},
        {"metrics_days": "7"},
        {"unheard_of": 1},
        {"fetch_networks": ["0.0.0.0/0"]},
        {"fetch_networks": ["::/0"]},
        {"fetch_networks": ["8.8.8.0/24"]},
        {"fetch_networks": ["192.168.0.1/24"]},
        {"fetch_networks": ["my network"]},
        {"fetch_networks": [f"10.0.{n}.0/24" for n in range(21)]},
    ],
)
def test_what_cannot_be_is_refused_by_field(alice: User, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidError) as caught:
        edit(alice, **changes)
    assert set(caught.value.fields) == set(changes)
    assert not InstanceSettings.objects.exists()


def test_only_an_admin_sets_the_rules(bob: User) -> None:
    with pytest.raises(NotAllowedError):
        edit(bob, metrics_days=14)


def test_networks_are_joined_with_the_environments(alice: User) -> None:
    edit(alice, fetch_networks=["10.1.0.0/16", " 10.1.0.0/16 ", "fd00::/8"])
    assert fetch_networks() == ("10.1.0.0/16", "fd00::/8")


def test_measurements_and_histories_live_as_long_as_it_is_said(alice: User) -> None:
    host = make_host()
    for days in (2, 5):
        at = timezone.now() - timedelta(days=days)
        figures = {"cpu_percent": 1, "memory_used_bytes": 1, "disk_used_bytes": 1}
        HostSample.objects.create(host=host, resolution=MINUTE, at=at, **figures)
        event = make_event(host)
        Event.objects.filter(pk=event.pk).update(at=timezone.now() - timedelta(days=10 * days))
    edit(alice, metrics_days=3, events_days=30)
    samples_roll_up()
    prune()
    assert (HostSample.objects.count(), Event.objects.count()) == (1, 1)


def test_a_token_lives_no_longer_than_it_may(alice: User) -> None:
    edit(alice, token_days=30)
    with pytest.raises(InvalidError):
        token_create(actor_of(alice), name="script", scopes=["read"], days=31)
    token_create(actor_of(alice), name="script", scopes=["read"])
    expires = ApiToken.objects.get().expires_at
    assert expires is not None
    assert expires <= timezone.now() + timedelta(days=30)


def test_engines_that_pretend_are_offered_when_asked_for(alice: User) -> None:
    assert not shows_test_engines()
    edit(alice, shows_test_engines=True)
    assert shows_test_engines()
