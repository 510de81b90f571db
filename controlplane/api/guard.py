"""What every operation passes through before it reads its input: who asks, known queries, once."""

from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse
from ninja.operation import Operation

from controlplane.api.authentication import authenticate
from controlplane.api.errors import error_response
from controlplane.api.idempotency import HEADER, run_once
from models_app.domain.errors import InvalidError


class Run(Protocol):
    """`Operation.run`: the keywords are the parts of the path."""

    def __call__(self, request: HttpRequest, /, **path: Any) -> HttpResponse:
        """Answer the request."""
        ...


def guarded(run: Run) -> Run:
    """Wrap `Operation.run`. Whatever goes wrong is answered in the one shape."""
    operation = getattr(run, "__self__", None)
    if not isinstance(operation, Operation):
        raise TypeError("guards the operation itself, so it must be the first decorator")
    known = _query_names(operation)
    is_secret = getattr(operation.view_func, "shows_secret", False)

    def guarding(request: HttpRequest, /, **path: Any) -> HttpResponse:
        try:
            actor = authenticate(request)
            _check_queries(request, known)
            if request.method == "POST" and HEADER in request.headers:
                return run_once(request, actor, lambda: run(request, **path), is_secret=is_secret)
            return run(request, **path)
        except Exception as error:  # noqa: BLE001 - answered in the one shape, and logged there
            return error_response(request, error)

    return guarding


def _check_queries(request: HttpRequest, known: frozenset[str]) -> None:
    """Raise InvalidError for a query that is not known: a mistyped filter must not show all."""
    unknown = sorted(set(request.GET) - known)
    if unknown:
        raise InvalidError(fields={name[:100]: "FIELD_UNKNOWN" for name in unknown})


def _query_names(operation: Operation) -> frozenset[str]:
    names: set[str] = set()
    for model in operation.models:
        if model.__ninja_param_source__ == "query":
            names |= set(getattr(model, "__ninja_flatten_map__", {}))
    return frozenset(names)
