"""What the command palette can jump to and do: objects by name, and their verbs."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext

from controlplane.web.pages import actor_of
from models_app.domain.actors import Actor
from models_app.domain.states import Role, Wish
from models_app.selectors.names import NamedRow, named_rows

LIMIT = 500  # of each kind; whoever has more searches in the list


def items(request: HttpRequest) -> JsonResponse:
    """Return every entry for this person."""
    actor = actor_of(request)
    rows = named_rows(actor, limit=LIMIT)
    entries = [*_places(actor), *(entry for row in rows for entry in _entries(actor, row))]
    return JsonResponse({"items": entries})


def _places(actor: Actor) -> list[dict[str, Any]]:
    may = actor.role.allows
    offered = (
        (Role.OPERATOR, gettext("Deploy model"), "web:deployment-new", "plus"),
        (Role.OPERATOR, gettext("Import model"), "web:model-import", "plus"),
        (Role.ADMIN, gettext("Add host"), "web:host-new", "plus"),
        (Role.ADMIN, gettext("Add user"), "web:user-new", "plus"),
    )
    return [
        {"label": label, "url": reverse(route), "icon": icon}
        for role, label, route, icon in offered
        if may(role)
    ]


_ROUTES = {
    "deployment": ("web:deployment", "deployments"),
    "host": ("web:host", "hosts"),
    "model": ("web:model", "models"),
}


def _entries(actor: Actor, row: NamedRow) -> list[dict[str, Any]]:
    words = {
        "deployment": gettext("Deployment"),
        "host": gettext("Host"),
        "model": gettext("Model"),
    }
    route, icon = _ROUTES[row.kind]
    url = reverse(route, args=[row.name])
    found = [{"label": row.title or row.name, "hint": words[row.kind], "url": url, "icon": icon}]
    if row.kind != "deployment":
        return found
    logs = reverse("web:deployment-logs", args=[row.name])
    found.append(_verb(gettext("Logs of {name}"), row, logs, "table"))
    if actor.role.allows(Role.OPERATOR):
        found.append(_change(row))
    return found


def _verb(pattern: str, row: NamedRow, url: str, icon: str) -> dict[str, Any]:
    return {"label": pattern.format(name=row.name), "url": url, "icon": icon}


def _change(row: NamedRow) -> dict[str, Any]:
    if row.state == Wish.STOPPED:
        url = reverse("web:deployment-start", args=[row.name])
        return _verb(gettext("Start {name}"), row, url, "play") | {"method": "post"}
    url = reverse("web:deployment-stop", args=[row.name])
    return _verb(gettext("Stop {name}"), row, url, "stop") | {"method": "post"}
