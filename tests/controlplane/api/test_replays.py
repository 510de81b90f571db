"""Every POST with an `Idempotency-Key` is done once; every change leaves a line in the audit."""

import pytest

from models_app.models import AuditEntry, Event, Operation
from tests.controlplane.api.callers import Caller
from tests.controlplane.api.routes import ROUTES, Route, filled, make_world

POSTS = [route for route in ROUTES if route.method == "POST"]
SECRETS = {"POST /tokens", "POST /gateway-keys", "POST /users/{other}/sign-in-link"}
# What changes nothing that others see: questions, one's own chats, bytes on their way in.
UNTOLD = ("/fits", "/chats", "/uploads", "/hosts/{host}/check", "/me")
NO_CHANGE = ("/uncordon", "/start")  # of what is open, and runs, in this world
CHANGES = [
    route
    for route in ROUTES
    if route.method != "GET"
    and not route.path.startswith(UNTOLD)
    and not route.path.endswith(NO_CHANGE)
]


@pytest.mark.parametrize("route", POSTS, ids=lambda r: r.name)
def test_sent_twice_with_a_key_it_is_done_once(admin: Caller, route: Route) -> None:
    world = make_world(admin.user)
    path, body = filled(route.path, world), filled(route.body, world)
    first = admin.post(path, body, Idempotency_Key="k1")
    assert first.status_code == route.status, first.content
    before = [model.objects.count() for model in (AuditEntry, Event, Operation)]
    again = admin.post(path, body, Idempotency_Key="k1")
    assert [model.objects.count() for model in (AuditEntry, Event, Operation)] == before
    if route.name in SECRETS:
        assert (again.status_code, again.json()["code"]) == (409, "SECRET_SHOWN_ONCE")
        return
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers.get("Location") == first.headers.get("Location")


@pytest.mark.parametrize("route", CHANGES, ids=lambda r: r.name)
def test_a_change_is_in_the_audit_with_who_and_by_which_way(admin: Caller, route: Route) -> None:
    world = make_world(admin.user)
    newest = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
    response = admin.call(route.method, filled(route.path, world), filled(route.body, world))
    assert response.status_code == route.status, response.content
    entries = AuditEntry.objects.filter(id__gt=newest)
    assert {(e.actor_name, e.via) for e in entries} == {("alice", "api")}


@pytest.mark.parametrize("route", [r for r in ROUTES if r.status == 202], ids=lambda r: r.name)
def test_long_work_answers_with_where_to_look(admin: Caller, route: Route) -> None:
    world = make_world(admin.user)
    response = admin.call(route.method, filled(route.path, world), filled(route.body, world))
    assert response.status_code == 202, response.content
    if place := response.headers.get("Location"):
        assert {"id", "state"} <= set(admin.get(place)) or "/revisions/" in place
    elif route.path == "/models/{free_model}":  # an operation for each artifact: it has none
        assert response.json() == {"operations": []}
    else:
        thing = "/".join(filled(route.path, world).split("/")[:3])
        assert {"id", "state", "next_action_at"} <= set(admin.get(thing))
