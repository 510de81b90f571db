"""Reads of what happened."""

from uuid import UUID

from django.db.models import QuerySet

from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.models import Event
from models_app.models.base import Row


def events_visible(
    actor: Actor,
    *,
    deployment: UUID | None = None,
    host: UUID | None = None,
    subject: UUID | None = None,
    level: str | None = None,
    code: str | None = None,
) -> QuerySet[Event]:
    """Return events, newest first. Ids are public ids; `code` may end in `.` to mean a kind."""
    actor.require(Role.VIEWER)
    rows = Event.objects.all()
    asked = {"deployment_id": deployment, "host_id": host, "subject_id": subject, "level": level}
    rows = rows.filter(**{key: value for key, value in asked.items() if value})
    if code:
        rows = rows.filter(code__startswith=code) if code.endswith(".") else rows.filter(code=code)
    return rows.order_by("-id")


def history_of(actor: Actor, row: Row, *, limit: int = 50) -> list[Event]:
    """Return the newest events of an object itself."""
    return list(events_visible(actor, subject=row.public_id)[:limit])
