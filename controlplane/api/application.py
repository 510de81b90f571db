"""Puts the API together: default deny, strict input, one shape of errors, every router in one list.

Adding a resource is one file in `routers/` and one line in ROUTERS.
"""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, re_path
from ninja import NinjaAPI, Router
from ninja.errors import HttpError, ValidationError
from ninja.openapi.docs import Swagger
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from controlplane.api.authentication import SessionOrToken
from controlplane.api.described_errors import describe_errors
from controlplane.api.errors import RouteUnknownError, error_response
from controlplane.api.guard import guarded
from controlplane.api.reading import StrictParser
from controlplane.api.routers import (
    aliases,
    artifacts,
    audit,
    captures,
    chats,
    deployments,
    engines,
    events,
    fits,
    gateway_keys,
    gateway_settings,
    host_models,
    hosts,
    instance,
    me,
    metrics,
    models,
    operations,
    placements,
    replicas,
    revisions,
    tokens,
    uploads,
    usage,
    users,
)

ROUTERS: tuple[tuple[str, Router], ...] = (
    ("/me", me.router),
    ("/hosts", hosts.router),
    ("/models", models.router),
    ("/uploads", uploads.router),
    ("/artifacts", artifacts.router),
    ("/placements", placements.router),
    ("/engines", engines.router),
    ("/fits", fits.router),
    ("/deployments", deployments.router),
    ("/deployments", revisions.router),
    ("/replicas", replicas.router),
    ("/operations", operations.router),
    ("/events", events.router),
    ("/metrics", metrics.router),
    ("/chats", chats.router),
    ("/tokens", tokens.router),
    ("/hosts", host_models.router),
    ("/deployments", gateway_settings.router),
    ("/deployments", captures.router),
    ("/gateway-keys", gateway_keys.router),
    ("/aliases", aliases.router),
    ("/usage", usage.router),
    ("/settings", instance.router),
    ("/users", users.router),
    ("/audit", audit.router),
)
PAGES = {"openapi-json", "openapi-view", "api-root"}
DESCRIPTION = """Every action of Slipway's pages, for scripts. Send `Authorization: Bearer slip_…`.

Errors have one shape: `{code, detail, fields, request_id, remedy}`. Lists are paged by `cursor`.
A POST with `Idempotency-Key` does its work once. `version` guards against changing what somebody
else changed meanwhile. Long work answers 202; its `Location` tells how far it is.
"""


class Api(NinjaAPI):
    """Ninja's API with our names of operations, and with how each of them fails."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The function's own name: clients made from the schema read well."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **where: Any) -> OpenAPISchema:
        """Ninja's description, with the one shape of errors at every operation."""
        schema = super().get_openapi_schema(**where)
        describe_errors(schema)
        return schema


api = Api(
    title="Slipway",
    version="1",
    description=DESCRIPTION,
    auth=SessionOrToken(),
    parser=StrictParser(),
    docs=Swagger(settings={"persistAuthorization": False, "validatorUrl": None}),
)
for kind in (Exception, Http404, HttpError, ValidationError):  # each of which ninja has its own for
    api.add_exception_handler(kind, error_response)
api.add_decorator(guarded, mode="view")
for prefix, router in ROUTERS:
    api.add_router(prefix, router)


def api_urls() -> tuple[list[URLPattern | URLResolver], str]:
    """Return the API's addresses for `include`, with one for whatever is none of them.

    Operations refuse strangers themselves, with 401 instead of a way to the sign-in page; the
    documentation pages stay behind that.
    """
    patterns, app_name, _namespace = api.urls
    for pattern in patterns:
        is_operation = isinstance(pattern, URLPattern) and pattern.name not in PAGES
        if is_operation and pattern.callback is not None:
            login_not_required(pattern.callback)
    return [*patterns, re_path(r"^", unknown_route)], app_name


@login_not_required
def unknown_route(request: HttpRequest, **_: object) -> HttpResponse:
    """Answer that there is nothing at this address."""
    return error_response(request, RouteUnknownError())
