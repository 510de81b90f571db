"""What every view does: find out who asks, paint a page, answer an action."""

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from controlplane.actors import actor_of_request
from controlplane.fragments.registry import viewer_context
from controlplane.templatetags.parts import UNDO
from controlplane.wording.states import state_word
from models_app.domain.actors import Actor
from models_app.domain.errors import NotSignedInError
from models_app.models import User
from models_app.selectors.overview import FleetCounts, fleet_counts


def signed_in(request: HttpRequest) -> User:
    """Return the user of a request that passed the sign-in check."""
    user = request.user
    if not isinstance(user, User):
        raise NotSignedInError
    return user


def actor_of(request: HttpRequest) -> Actor:
    """Return who asks, for selectors and services."""
    return actor_of_request(request)


def counts_of(request: HttpRequest) -> FleetCounts:
    """Return the fleet's counts, read once per request: side bar and chips share them."""
    found: FleetCounts | None = getattr(request, "fleet_counts", None)
    if found is None:
        found = fleet_counts(actor_of(request))
        request.fleet_counts = found  # type: ignore[attr-defined]  # kept for this request
    return found


def state_chips(
    counts: FleetCounts, kind: str, states: Iterable[str]
) -> list[tuple[str, str, int]]:
    """Return the filters of a list by state, with how many each leaves: (key, word, count)."""
    numbers = [(state, counts.of(kind, state)) for state in states]
    return [(str(state), str(state_word(state).word), n) for state, n in numbers if n]


def show(request: HttpRequest, template: str, /, status: int = 200, **context: Any) -> HttpResponse:
    """Paint a page with what templates may ask about the person who looks at it."""
    everything = viewer_context(actor_of(request)) | context
    response = render(request, template, everything, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx asks, and not the browser itself."""
    return request.headers.get("HX-Request") == "true"


def acted(
    request: HttpRequest,
    text: str,
    *,
    to: str,
    undo: str = "",
    moves: bool = False,
    level: str = "success",
) -> HttpResponse:
    """Answer a change that was made: a toast on the page, or a redirect that carries it.

    `to` is the page of the object; with `moves` the browser goes there in any case. `undo` is the
    address whose POST takes the change back; `level` is success, warning or error.
    """
    if is_htmx(request) and not moves:
        return told(HttpResponse(status=204), text, level=level, undo=undo, repaint=True)
    tags = f"{UNDO}{undo}" if undo else ""
    messages.add_message(request, _LEVELS[level], text, extra_tags=tags)
    if is_htmx(request):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = to
        return response
    return HttpResponseRedirect(to)


_LEVELS = {"success": messages.SUCCESS, "warning": messages.WARNING, "error": messages.ERROR}


def told(
    response: HttpResponse,
    text: str,
    *,
    level: str = "success",
    undo: str = "",
    repaint: bool = False,
) -> HttpResponse:
    """Add a toast to an htmx answer; `repaint` also reads the live parts of the page again."""
    events: dict[str, Any] = {"slipway:toast": {"text": text, "level": level, "undo": undo}}
    if repaint:
        events["slipway:repaint"] = {}
    response["HX-Trigger"] = json.dumps(events)
    return response
