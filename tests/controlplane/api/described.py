"""What the API says of itself: the tests walk it, so that no new operation is forgotten."""

import re
from dataclasses import dataclass
from typing import Any

from controlplane.api.application import api
from tests.controlplane.api.routes import ROUTES, Route

_FIXED = re.compile(r"llamacpp|(?<=revisions/)1")


@dataclass(frozen=True, slots=True)
class Described:
    """One operation as its description has it, with the table's way to call it."""

    route: Route
    queries: frozenset[str]
    body: frozenset[str]

    @property
    def name(self) -> str:
        """For the test's id."""
        return self.route.name


def operations() -> list[Described]:
    """Return every operation of the API."""
    schema: dict[str, Any] = api.get_openapi_schema(path_prefix="/")
    routes = {f"{r.method} {_bare(r.path)}": r for r in ROUTES}
    return [
        Described(routes[f"{method.upper()} {_bare(path)}"], _queries(told), _fields(schema, told))
        for path, methods in schema["paths"].items()
        for method, told in methods.items()
    ]


def _bare(path: str) -> str:
    return re.sub(r"{.*?}", "*", _FIXED.sub("*", path))


def _queries(told: dict[str, Any]) -> frozenset[str]:
    parameters = told.get("parameters", [])
    return frozenset(one["name"] for one in parameters if one["in"] == "query")


def _fields(schema: dict[str, Any], told: dict[str, Any]) -> frozenset[str]:
    content = told.get("requestBody", {}).get("content", {})
    return _properties(schema, content.get("application/json", {}).get("schema", {}))


def _properties(schema: dict[str, Any], part: dict[str, Any]) -> frozenset[str]:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return frozenset(schema["components"]["schemas"][name].get("properties", {}))
    either = [_properties(schema, one) for one in part.get("anyOf", [])]
    return frozenset().union(*either)
