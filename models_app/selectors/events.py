"""Reads of what happened."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.models import (
    Artifact,
    Deployment,
    Event,
    Host,
    LanguageModel,
    Operation,
    Replica,
)
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


def names_of(actor: Actor, events: Iterable[Event]) -> dict[UUID, str]:
    """Return today's names of the objects that events tell of, in one query."""
    actor.require(Role.VIEWER)
    asked: dict[str, set[UUID]] = defaultdict(set)
    for event in events:
        asked[event.subject_kind].add(event.subject_id)
        asked["deployment"] |= {event.deployment_id} if event.deployment_id else set()
        asked["host"] |= {event.host_id} if event.host_id else set()
    kinds = [
        model.objects.filter(public_id__in=asked[kind]).order_by().values_list("public_id", column)
        for kind, (model, column) in _NAMED.items()
        if asked[kind]
    ]
    return dict(kinds[0].union(*kinds[1:], all=True)) if kinds else {}


_NAMED: Mapping[str, tuple[Any, str]] = {
    "deployment": (Deployment, "name"),
    "host": (Host, "name"),
    "model": (LanguageModel, "name"),
    "artifact": (Artifact, "file_name"),
    "operation": (Operation, "title"),
    "replica": (Replica, "workload"),
}
