"""A walk over every operation: who may call it, who may not, and what comes back."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.api.application import api
from models_app.domain.states import Role
from models_app.models import User
from tests.conftest import browser_of
from tests.controlplane.api.callers import BASE, Caller, caller_of
from tests.controlplane.api.routes import ROUTES, Route, filled, make_world
from tests.factories import make_user

QUERY_BUDGET = 12  # of a read, with finding the token and its user

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda r: r.name)
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def call(caller: Caller, route: Route, world: dict[str, str]):  # type: ignore[no-untyped-def]
    return caller.call(route.method, filled(route.path, world), filled(route.body, world))


def test_the_table_names_every_operation_of_the_api() -> None:
    paths = api.get_openapi_schema(path_prefix="/")["paths"]
    real = {
        f"{method.upper()} {re.sub(r'{.*?}', '*', path)}"
        for path, methods in paths.items()
        for method in methods
    }
    ours = {f"{r.method} {re.sub(r'{.*?}|llamacpp|(?<=revisions/)1', '*', r.path)}" for r in ROUTES}
    assert ours == real


@every_route
def test_a_stranger_is_refused_before_anything_is_read(db: None, route: Route) -> None:
    client = Client()
    path = BASE + re.sub(r"{.*?}", UNKNOWN, route.path)
    for headers in ({}, {"Authorization": "Bearer slip_abc_def"}, {"Authorization": "Basic eA=="}):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = client.generic(route.method, path, b"{", headers=headers)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert set(response.json()) == {"code", "detail", "fields", "request_id", "remedy"}
        assert len(queries) <= 1


@every_route
@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_is_its_own_and_no_more(db: None, route: Route, role: Role) -> None:
    make_user("root", Role.ADMIN)
    user = make_user("somebody", role)
    world = make_world(user)
    response = call(caller_of(user), route, world)
    expected = route.status if role.allows(route.role) else route.refused
    assert response.status_code == expected, response.content
    if not role.allows(route.role):
        assert response.json()["code"] in {"NOT_ALLOWED", "NOT_FOUND"}


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.role != Role.VIEWER], ids=lambda r: r.name
)
def test_a_token_narrower_than_its_user_may_do_less(alice: User, route: Route) -> None:
    response = call(caller_of(alice, Role.VIEWER), route, make_world(alice))
    assert response.status_code == route.refused


@every_route
def test_a_browser_needs_its_csrf_token_to_change_anything(alice: User, route: Route) -> None:
    path = BASE + re.sub(r"{.*?}", UNKNOWN, route.path)
    browser = browser_of(alice)
    response = browser.generic(route.method, path, b"{}", content_type="application/json")
    if route.method == "GET":
        assert response.status_code in {200, 404}
    else:
        assert response.status_code == 403
        assert response.json()["code"] == "CSRF_FAILED"


@every_route
def test_what_is_not_there_is_told_as_such(admin: Caller, route: Route) -> None:
    if "{" not in route.path:
        return
    path = re.sub(r"{.*?}", UNKNOWN, route.path)
    response = admin.call(route.method, path, filled(route.body, dict.fromkeys(WORLD, UNKNOWN)))
    assert response.status_code == 404
    body = response.json()
    assert body["code"] in {"NOT_FOUND", "UPLOAD_UNKNOWN"}
    assert body["remedy"]


WORLD = ("host", "artifact", "free_artifact", "deployment", "model")


@pytest.mark.parametrize("path", ["/chats/{chat}", "/tokens/{token}", "/users/{me}"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_anothers_own_does_not_exist_for_others(
    alice: User, operator: Caller, path: str, method: str
) -> None:
    world = make_world(alice)
    response = operator.call(method, path.format(**world), {} if method == "PATCH" else None)
    assert response.status_code in {403, 404, 405}
    if method == "GET":
        assert response.status_code == 404


def test_lists_of_ones_own_hold_nothing_of_others(alice: User, operator: Caller) -> None:
    make_world(alice)
    assert operator.get("/chats")["items"] == []
    assert {t["user"] for t in operator.get("/tokens")["items"]} == {"bob"}
    assert [u["name"] for u in operator.get("/users")["items"]] == ["bob"]
    assert operator.call("GET", "/tokens?everybodys=true").status_code == 403


def test_an_admin_does_not_read_kept_chats(viewer: Caller, admin: Caller) -> None:
    chat = viewer.post("/chats", {"title": "Mine", "content": {"messages": ["x"]}}).json()["id"]
    assert admin.call("GET", f"/chats/{chat}").status_code == 404
    assert admin.get("/chats")["items"] == []


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "GET"], ids=lambda r: r.name)
def test_a_read_costs_the_same_however_many_rows_there_are(viewer: Caller, route: Route) -> None:
    world = make_world(viewer.user)
    counts = []
    for _ in range(2):
        call(viewer, route, world)
        if route.role != Role.VIEWER:
            return
        with CaptureQueriesContext(connection) as queries:
            call(viewer, route, world)
        counts.append(len(queries))
        for _ in range(3):
            _more()
    assert counts[0] == counts[1] <= QUERY_BUDGET


def _more() -> None:
    from tests import factories

    replica = factories.make_replica()
    factories.make_placement(replica.revision.artifact, replica.host)
    factories.make_artifact(replica.revision.artifact.model)
    factories.make_operation(
        model=replica.revision.artifact.model, artifact=replica.revision.artifact
    )
    factories.make_event(replica, "replica.ready")
    factories.make_revision(replica.deployment)
    make_user()
