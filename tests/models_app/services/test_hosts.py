"""Hosts: added once, closed, emptied, and never removed from under something that runs."""

from typing import Any

import pytest

from models_app.domain.errors import ConflictError, InvalidError, NotAllowedError
from models_app.domain.states import HostState, ReplicaState, Scheduling
from models_app.models import Event, OutboxEntry, User
from models_app.notify.workers import RECONCILE_DEPLOYMENT
from models_app.services import hosts as services
from tests.factories import GIB, actor_of, make_host, make_replica

pytestmark = pytest.mark.django_db


def test_adding_a_host_is_an_admins_business(alice: User, bob: User) -> None:
    with pytest.raises(NotAllowedError):
        services.host_add(actor_of(bob), name="shop", runtime="process")
    host = services.host_add(
        actor_of(alice), name="shop", runtime="process", labels={"site": "rome"}
    )
    assert (host.state, host.labels) == (HostState.PENDING, {"site": "rome"})
    with pytest.raises(ConflictError) as caught:
        services.host_add(actor_of(alice), name="shop-2", runtime="process")
    assert caught.value.code == "PROCESS_HOST_EXISTS"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "a/../b"}, "NAME_INVALID"),
        ({"labels": {"": "x"}}, "LABELS_INVALID"),
        ({"labels": {"a": "x" * 100}}, "LABELS_INVALID"),
        ({"memory_budget_bytes": 1}, "BUDGET_TOO_SMALL"),
        ({"connection": {"url": "http://169.254.169.254"}}, "FIELD_UNKNOWN"),
    ],
)
def test_bad_changes_are_refused(alice: User, changes: dict[str, Any], code: str) -> None:
    host = make_host()
    with pytest.raises(InvalidError) as caught:
        services.host_edit(actor_of(alice), host, version=None, **changes)
    assert caught.value.code == code


def test_editing_keeps_what_was_not_named(alice: User) -> None:
    host = make_host("shop", labels={"site": "rome"})
    services.host_edit(actor_of(alice), host, version=host.version, memory_budget_bytes=4 * GIB)
    host.refresh_from_db()
    assert (host.labels, host.memory_budget_bytes) == ({"site": "rome"}, 4 * GIB)


def test_draining_wakes_the_deployments_that_run_there(bob: User) -> None:
    replica = make_replica()
    services.host_drain(actor_of(bob), replica.host, version=None)
    replica.host.refresh_from_db()
    assert replica.host.scheduling == Scheduling.DRAINING
    assert OutboxEntry.objects.filter(
        task=RECONCILE_DEPLOYMENT, row_id=replica.deployment_id
    ).exists()
    assert Event.objects.filter(code="host.draining").exists()


def test_a_host_in_use_is_not_removed(alice: User) -> None:
    replica = make_replica()
    with pytest.raises(ConflictError) as caught:
        services.host_remove(actor_of(alice), replica.host, version=None)
    assert caught.value.code == "HOST_IN_USE"
    replica.state = ReplicaState.RETIRED
    replica.save()
    host = services.host_remove(actor_of(alice), replica.host, version=None)
    assert host.state == HostState.REMOVING
