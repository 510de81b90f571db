"""The audit log, for admins: who did what to which object, from where."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse

from controlplane.fragments.listing import listing
from controlplane.web.pages import actor_of, show
from controlplane.wording.audit import KINDS, action_text, change_text, field_word, via_text
from models_app.models import AuditEntry
from models_app.selectors.audit import audit_visible
from models_app.selectors.lookup import as_uuid

_PAGES = {
    "deployment": "web:deployment",
    "host": "web:host",
    "model": "web:model",
    "user": "web:user",
    "alias": "web:alias",
}


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One entry in words, with its changes and the address of its object."""

    entry: AuditEntry
    what: str
    via: str
    changes: list[tuple[str, str, str]]
    url: str


def page(request: HttpRequest) -> HttpResponse:
    """List what was done, newest first."""
    filters = request.GET
    action = filters.get("action", "")
    rows = audit_visible(
        actor_of(request),
        by=filters.get("by") or None,
        action=action or None,
        subject=as_uuid(filters.get("subject", "")),
    )
    found = listing(rows, filters, shown_as=lambda entries: [_line(entry) for entry in entries])
    return show(
        request, "audit/page.html", listing=found, filters=filters, kinds=list(KINDS.items())
    )


def _line(entry: AuditEntry) -> AuditLine:
    changes = [
        (field_word(field), change_text(field, before), change_text(field, after))
        for field, (before, after) in _pairs(entry.changes).items()
    ]
    route = _PAGES.get(entry.subject_kind)
    try:
        url = reverse(route, args=[entry.subject_name]) if route else ""
    except NoReverseMatch:
        url = ""
    return AuditLine(entry, action_text(entry.action), via_text(entry.via), changes, url)


def _pairs(changes: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    pair = 2
    return {
        field: (value[0], value[1])
        for field, value in changes.items()
        if isinstance(value, list) and len(value) == pair
    }
