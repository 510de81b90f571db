"""Reads of who did what. For admins: it holds addresses and what others did."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.models import AuditEntry


def audit_visible(
    actor: Actor,
    *,
    by: str | None = None,
    action: str | None = None,
    subject: UUID | None = None,
    since: datetime | None = None,
) -> QuerySet[AuditEntry]:
    """Return audit rows, newest first. `action` may end in `.` to mean all of a kind."""
    actor.require(Role.ADMIN)
    rows = AuditEntry.objects.all()
    if action:
        wanted = {"action__startswith" if action.endswith(".") else "action": action}
        rows = rows.filter(**wanted)
    if by:
        rows = rows.filter(actor_name=by)
    if subject:
        rows = rows.filter(subject_id=subject)
    if since:
        rows = rows.filter(at__gte=since)
    return rows.order_by("-id")
