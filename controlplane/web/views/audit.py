"""The audit log, for admins: who did what to which object, from where."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse

from controlplane.fragments.listing import listing
from controlplane.fragments.revisions import value_text
from controlplane.web.pages import actor_of, show
from controlplane.wording.formats import UNKNOWN
from models_app.models import AuditEntry
from models_app.selectors.audit import audit_visible
from models_app.selectors.lookup import as_uuid

KINDS = (
    "deployment.",
    "host.",
    "model.",
    "artifact.",
    "operation.",
    "user.",
    "token.",
    "settings.",
    "gateway_key.",
    "alias.",
    "capture.",
    "sign_in",
)
_PAGES = {
    "deployment": "web:deployment",
    "host": "web:host",
    "model": "web:model",
    "user": "web:user",
}


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One entry with its changes as text and the address of its object."""

    entry: AuditEntry
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
    kinds = [(kind, kind.rstrip(".").replace("_", " ")) for kind in KINDS]
    return show(request, "audit/page.html", listing=found, filters=filters, kinds=kinds)


def _line(entry: AuditEntry) -> AuditLine:
    changes = [
        (field, _text(before), _text(after))
        for field, (before, after) in _pairs(entry.changes).items()
    ]
    route = _PAGES.get(entry.subject_kind)
    try:
        url = reverse(route, args=[entry.subject_name]) if route else ""
    except NoReverseMatch:
        url = ""
    return AuditLine(entry, changes, url)


def _pairs(changes: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    pair = 2
    return {
        field: (value[0], value[1])
        for field, value in changes.items()
        if isinstance(value, list) and len(value) == pair
    }


def _text(value: Any) -> str:
    return UNKNOWN if value is None else value_text(value)
