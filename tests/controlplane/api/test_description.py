"""What the API's description says is what the API does: schemathesis makes the requests.

In process and without chance: the same requests each time. Some go to rows that exist.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from controlplane.api.application import api
from tests.controlplane.api.callers import BASE, Caller
from tests.controlplane.api.routes import make_world

pytestmark = pytest.mark.slow

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
SHAPE = {"code", "detail", "fields", "request_id", "remedy"}
FIRST_ERROR = 400
UNKNOWN = "00000000-0000-4000-8000-000000000000"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
EXAMPLES = 4
BROKER_IS_AWAY = 503  # a replica's log comes through it, and none runs here

described = schemathesis.openapi.from_dict(json.loads(json.dumps(api.get_openapi_schema())))
described.app = get_wsgi_application()
EVERY = [found.ok() for found in described.get_all_operations()]
steady = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Let requests use the test's own connection, as Django's test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def label(operation: Any) -> str:
    return f"{operation.method.upper()} {operation.path.removeprefix(BASE)}"


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("operation", EVERY, ids=label)
def test_answers_are_as_described(admin: Caller, operation: Any, mode: GenerationMode) -> None:
    world = make_world(admin.user)
    names = known_names(operation, world)

    @steady
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def ask(case: Any, is_known: bool) -> None:
        if is_known and names:
            case.path_parameters = {**case.path_parameters, **names}
        with transaction.atomic():
            response = case.call(headers={"Authorization": f"Bearer {admin.token}"})
            transaction.set_rollback(True)
        if response.status_code == BROKER_IS_AWAY and operation.path.endswith("/logs"):
            return
        case.validate_response(response, checks=CHECKS)
        if response.status_code >= FIRST_ERROR:
            assert set(response.json()) == SHAPE
        else:
            assert str(response.status_code) in operation.definition.raw["responses"]

    ask()


def known_names(operation: Any, world: dict[str, str]) -> dict[str, str]:
    """Return ids of rows that exist for the names in an operation's path."""
    words = {"key": "gateway_key", "user": "other"}
    wanted = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    if operation.path.startswith(f"{BASE}/hosts/{{host}}/models"):
        world = {**world, "host": world["ollama_host"], "model": world["host_model"]}
    return {name: world[words.get(name, name)] for name in wanted if words.get(name, name) in world}


PATHS = sorted({operation.path for operation in EVERY})


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.removeprefix(BASE))
def test_a_method_that_is_not_described_is_refused(admin: Caller, path: str) -> None:
    known = {operation.method.upper() for operation in EVERY if operation.path == path}
    place = re.sub(r"{.*?}", UNKNOWN, path.replace("{number}", "1"))
    for method in set(METHODS) - known:
        response = admin.call(method, place)
        assert response.status_code == 405, (method, response.content)
        assert known <= set(response.headers["Allow"].split(", "))
        assert response.json()["code"] == "METHOD_NOT_ALLOWED"
