"""The first page: is anything wrong, and what to do about it."""

from django.http import HttpRequest, HttpResponse

from controlplane.fragments.overview import overview_context, overview_events
from controlplane.fragments.registry import Asked
from controlplane.web.pages import actor_of, counts_of, show


def page(request: HttpRequest) -> HttpResponse:
    """Show the whole fleet at a glance."""
    actor = actor_of(request)
    return show(
        request,
        "overview/page.html",
        **overview_context(actor, counts_of(request)),
        **overview_events(actor, Asked()),
    )
