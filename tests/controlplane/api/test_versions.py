"""Every operation that takes a `version` refuses a stale one, and changes nothing then."""

from typing import Any

import pytest

from models_app.models import AuditEntry, Event
from tests.controlplane.api.callers import Caller
from tests.controlplane.api.described import Described, operations
from tests.controlplane.api.routes import filled, make_world

GUARDED = [one for one in operations() if "version" in one.queries | one.body]
guarded = pytest.mark.parametrize("one", GUARDED, ids=lambda one: one.name)
STALE = 99


def call(caller: Caller, one: Described, world: dict[str, str], version: int) -> Any:
    path, body = filled(one.route.path, world), filled(one.route.body, world)
    if "version" in one.queries:
        return caller.call(one.route.method, f"{path}?version={version}", body)
    return caller.call(one.route.method, path, {**(body or {}), "version": version})


def test_there_are_such_operations() -> None:
    assert len(GUARDED) >= 22


@guarded
def test_a_stale_version_is_refused(admin: Caller, one: Described) -> None:
    world = make_world(admin.user)
    before = AuditEntry.objects.count(), Event.objects.count()
    response = call(admin, one, world, STALE)
    assert (response.status_code, response.json()["code"]) == (409, "STALE"), response.content
    assert response.json()["remedy"]
    assert (AuditEntry.objects.count(), Event.objects.count()) == before


@guarded
def test_the_version_that_was_read_is_taken_once(admin: Caller, one: Described) -> None:
    world = make_world(admin.user)
    version = admin.get("/settings")["version"] if one.route.path == "/settings" else 1
    assert call(admin, one, world, version).status_code == one.route.status
