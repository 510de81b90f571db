"""The exported description of the REST API is the API's own."""

import json
from typing import Any

import pytest
from django.conf import settings
from jsonschema import Draft202012Validator, ValidationError

from controlplane.api.application import api
from controlplane.settings.env import ROOT
from tests.controlplane.api.callers import Caller

EXPORT = ROOT / "docs" / "openapi.json"
COMMAND = (
    "manage.py export_openapi_schema --api controlplane.api.application.api"
    " --indent 2 --output docs/openapi.json"
)


def test_the_export_is_in_step() -> None:
    assert settings.ROOT_URLCONF == "controlplane.urls"  # the addresses come from the routes
    schema = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    assert json.loads(EXPORT.read_text()) == schema, f"run {COMMAND}"


def operations() -> list[Any]:
    """Return every operation as its id and what it promises to answer."""
    paths = json.loads(EXPORT.read_text())["paths"]
    found = [operation for methods in paths.values() for operation in methods.values()]
    return [pytest.param(one["responses"], id=one["operationId"]) for one in found]


@pytest.mark.parametrize("responses", operations())
def test_every_operation_says_how_it_fails(responses: dict[str, Any]) -> None:
    shapes = json.loads(EXPORT.read_text())["components"]
    for status in ("4XX", "5XX"):
        name = responses[status]["$ref"].removeprefix("#/components/responses/")
        content = shapes["responses"][name]["content"]
        assert content["application/json"]["schema"]["$ref"] == "#/components/schemas/ErrorOut"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/hosts", {"name": 1, "unknown": True}, 422),
        ("GET", "/nowhere", None, 404),
        ("PUT", "/me", None, 405),
    ],
)
def test_what_is_refused_has_the_promised_shape(
    admin: Caller, method: str, path: str, body: object, status: int
) -> None:
    shapes = json.loads(EXPORT.read_text())["components"]["schemas"]
    schema = {"$ref": "#/components/schemas/ErrorOut", "components": {"schemas": shapes}}
    response = admin.call(method, path, body)
    assert response.status_code == status
    Draft202012Validator(schema).validate(json.loads(response.content))
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate({"detail": "another shape"})
