"""One live part of a page, painted again over http: after an action, or while cut off."""

from django.http import HttpRequest, HttpResponse

from controlplane.fragments.painting import paint_named
from controlplane.web.pages import actor_of


def part(request: HttpRequest, name: str) -> HttpResponse:
    """Return the fragment `name` of `?id=` and `?query=`."""
    asked_id, query = request.GET.get("id", ""), request.GET.get("query", "")
    return HttpResponse(paint_named(name, actor_of(request), id=asked_id, query=query))
