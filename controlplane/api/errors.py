"""One shape for whatever goes wrong: `{code, detail, fields, request_id, remedy}`.

Nothing of what was sent is echoed except names that the wording needs, and no answer carries a
stack trace.
"""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja.errors import HttpError
from ninja.errors import ValidationError as InputError

from controlplane.bodies import BODY_LIMIT_BYTES
from controlplane.logs import request_id
from controlplane.wording.errors import error_text
from models_app.domain.errors import InvalidError, NotFoundError, SlipwayError, TooLargeError

log = logging.getLogger(__name__)


class MalformedError(SlipwayError):
    """The request cannot be read at all."""

    status = 400
    default_code = "MALFORMED_BODY"


class BadRequestError(SlipwayError):
    """Django refused it before any of our code saw it: its host, its headers, its address."""

    status = 400
    default_code = "BAD_REQUEST"


class MethodNotAllowedError(SlipwayError):
    """The address exists, the method does not. Params: method, allowed."""

    status = 405
    default_code = "METHOD_NOT_ALLOWED"


class RouteUnknownError(NotFoundError):
    """There is no such address."""

    default_code = "ROUTE_UNKNOWN"


def error_body(error: SlipwayError) -> dict[str, Any]:
    """Return the one shape, in the language of the request."""
    text = error_text(error)
    return {
        "code": text.code,
        "detail": text.sentence,
        "fields": {
            name: {"code": error.fields[name], "detail": detail}
            for name, detail in text.fields.items()
        },
        "request_id": request_id.get(),
        "remedy": text.remedy,
    }


def error_response(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """Answer an error of ours, of pydantic or of Django; anything else is a fault and logged."""
    known = as_slipway_error(error)
    if known is None:
        cause = error if isinstance(error, Exception) else None
        log.error("%s %s failed", request.method, request.path, exc_info=cause)
        known = SlipwayError()
    return answer(known)


def answer(error: SlipwayError) -> JsonResponse:
    """Return the response of an error, with the headers that belong to its status."""
    response = JsonResponse(error_body(error), status=error.status)
    if error.status == 401:  # noqa: PLR2004
        response["WWW-Authenticate"] = 'Bearer realm="slipway"'
    if "wait_s" in error.params:
        response["Retry-After"] = str(error.params["wait_s"])
    return response


def as_slipway_error(error: Exception | type[Exception]) -> SlipwayError | None:
    """Return the error as one of ours; None for a fault of Slipway itself."""
    match error:
        case SlipwayError():
            known: SlipwayError | None = error
        case InputError():
            known = InvalidError(fields=_fields_of(error.errors))
        case ValidationError():
            known = InvalidError(fields=_fields_of_django(error))
        case RequestDataTooBig():
            known = TooLargeError(params={"limit_bytes": BODY_LIMIT_BYTES})
        case Http404():
            known = RouteUnknownError()
        case HttpError(status_code=400):
            known = MalformedError()
        case _:
            known = None
    return known


def _fields_of(errors: list[dict[str, Any]]) -> dict[str, str]:
    return {_place(error["loc"]): _code(str(error["type"])) for error in errors}


def _place(loc: tuple[Any, ...]) -> str:
    """Return where in the input: pydantic's path without ninja's source and argument names."""
    parts = [str(part) for part in loc]
    if parts and parts[0] in {"body", "query", "path", "header"}:
        parts = parts[1:]
    if len(parts) > 1 and parts[0] in {"payload", "filters", "page"}:
        parts = parts[1:]
    return ".".join(parts)[:100]


def _code(kind: str) -> str:
    if kind == "missing":
        return "FIELD_REQUIRED"
    if kind == "extra_forbidden":
        return "FIELD_UNKNOWN"
    if kind.startswith(("greater_", "less_", "too_", "string_too_")) or "finite" in kind:
        return "VALUE_OUT_OF_RANGE"
    return "WRONG_TYPE" if kind.endswith(("_type", "_parsing")) else "VALUE_INVALID"


def _fields_of_django(error: ValidationError) -> dict[str, str]:
    named: Mapping[str, Any] = error.error_dict if hasattr(error, "error_dict") else {}
    return dict.fromkeys(named, "VALUE_INVALID")
