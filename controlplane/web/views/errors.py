"""Error pages: what happened and what to do, in the product's own look, without a stack trace."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.logs import request_id


def _page(request: HttpRequest, name: str, status: int) -> HttpResponse:
    return render(request, f"errors/{name}.html", {"request_id": request_id.get()}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return _page(request, "400", 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: signed in, and not allowed."""
    return _page(request, "403", 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return _page(request, "404", 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500. Renders without the database, which may be what failed."""
    return _page(request, "500", 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form was older than the session, or came from elsewhere."""
    return _page(request, "csrf", 403)
