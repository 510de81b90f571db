"""Engines: what can serve models, and which parameters each takes."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from controlplane.api.authentication import actor_of
from controlplane.api.schemas import Out
from models_app.selectors.deployments import engine_get, engines_visible
from models_app.selectors.instance import shows_test_engines

router = Router(tags=["engines"])


class EngineOut(Out):
    """An engine of the catalogue."""

    key: str
    label: str
    description: str
    version: str
    formats: list[str]
    runtimes: list[str]
    accelerators: list[str]
    licence: str
    parameters_schema: dict[str, Any]


class EnginesOut(Out):
    """The whole catalogue."""

    items: list[EngineOut]


@router.get("", response=EnginesOut, summary="List engines")
def list_engines(request: HttpRequest) -> dict[str, Any]:
    """Return the engines that the workers can run."""
    rows = engines_visible(actor_of(request), for_tests=shows_test_engines())
    return {"items": [row.manifest for row in rows]}


@router.get("/{engine}", response=EngineOut, summary="Read an engine")
def read_engine(request: HttpRequest, engine: str) -> dict[str, Any]:
    """Return one engine with the JSON schema of its parameters."""
    manifest: dict[str, Any] = engine_get(actor_of(request), engine).manifest
    return manifest
