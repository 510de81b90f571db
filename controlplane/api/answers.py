"""Middleware of the API: whatever leaves `/api/` has the API's shape, also what Django refused."""

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from controlplane.api.errors import (
    BadRequestError,
    MethodNotAllowedError,
    RouteUnknownError,
    answer,
)
from controlplane.bodies import BODY_LIMIT_BYTES
from models_app.domain.errors import NotAllowedError, SlipwayError, TooLargeError

PREFIX = "/api/"
FIRST_ERROR, SERVER_ERROR = 400, 500


class ApiAnswersMiddleware:
    """Puts every error under `/api/` into the one shape, and forbids keeping answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on; replace an error page that is not JSON."""
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        response = self.get_response(request) if _is_sound(request) else answer(BadRequestError())
        if response.status_code >= FIRST_ERROR and not _is_json(response):
            response = _in_shape(request, response)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _is_sound(request: HttpRequest) -> bool:
    """Return whether the address holds nothing that a database refuses, and the host is ours."""
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return "\0" not in request.path_info and "%00" not in request.META.get("QUERY_STRING", "")


def _is_json(response: HttpResponse) -> bool:
    return response.headers.get("Content-Type", "").startswith("application/json")


def _in_shape(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    allowed = ", ".join(sorted(response.headers.get("Allow", "").split(", ")))
    errors: dict[int, SlipwayError] = {
        403: NotAllowedError("CSRF_FAILED"),
        404: RouteUnknownError(),
        405: MethodNotAllowedError(
            params={"method": (request.method or "")[:20], "allowed": allowed}
        ),
        413: TooLargeError(params={"limit_bytes": BODY_LIMIT_BYTES}),
    }
    ours = SlipwayError() if response.status_code >= SERVER_ERROR else BadRequestError()
    shaped = answer(errors.get(response.status_code, ours))
    if allowed:
        shaped["Allow"] = allowed
    return shaped
