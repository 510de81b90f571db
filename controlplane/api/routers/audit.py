"""The audit log: who did what. For admins."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import Out
from models_app.selectors.audit import audit_visible

router = Router(tags=["audit"])


class AuditFilters(PageIn):
    """Which entries."""

    by: str = Field("", max_length=64, description="A user's name.")
    action: str = Field("", max_length=60, description="`host.` means all about hosts.")
    subject: UUID | None = None
    since: datetime | None = None


class AuditOut(Out):
    """One thing that somebody did."""

    id: UUID
    at: datetime
    by: str
    via: str
    address: str
    request_id: str
    action: str
    subject_kind: str
    subject_id: UUID | None
    subject_name: str
    changes: dict[str, Any]

    @staticmethod
    def resolve_id(row: Any) -> Any:
        """The public id."""
        return row.public_id

    @staticmethod
    def resolve_by(row: Any) -> Any:
        """The name they had then."""
        return row.actor_name


class AuditPage(PageOut):
    """One page of the audit log."""

    items: list[AuditOut]


@router.get("", response=AuditPage, summary="Read the audit log")
def list_audit(request: HttpRequest, filters: Query[AuditFilters]) -> dict[str, Any]:
    """Return entries, newest first (admin)."""
    rows = audit_visible(
        actor_of(request),
        by=filters.by,
        action=filters.action,
        subject=filters.subject,
        since=filters.since,
    )
    return page_of(rows, filters, "-id")
