"""What is one person's own does not exist for another: not to read, change or delete."""

from typing import Any

import pytest

from models_app.models import AuditEntry, User
from tests.controlplane.api.callers import Caller
from tests.controlplane.api.routes import ROUTES, Route, filled, make_world

OWN = ("{chat}", "{token}", "{upload}", "{gateway_key}", "{me}")
TO_OWN = [route for route in ROUTES if any(part in route.path for part in OWN)]


@pytest.mark.parametrize("route", TO_OWN, ids=lambda r: r.name)
def test_anothers_own_is_not_found(alice: User, operator: Caller, route: Route) -> None:
    world = make_world(alice)
    before = AuditEntry.objects.count()
    response: Any = operator.call(
        route.method, filled(route.path, world), filled(route.body, world)
    )
    assert response.status_code == 404, response.content
    assert response.json()["code"] in {"NOT_FOUND", "UPLOAD_UNKNOWN"}
    assert AuditEntry.objects.count() == before
