"""Events: what happened to deployments, hosts, models and operations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import Out
from models_app.selectors.deployments import deployment_get
from models_app.selectors.events import events_visible
from models_app.selectors.hosts import host_get

router = Router(tags=["events"])


class EventFilters(PageIn):
    """Which events."""

    deployment: str = Field("", max_length=100, description="Id or name.")
    host: str = Field("", max_length=100, description="Id or name.")
    subject: UUID | None = None
    level: str = Field("", max_length=7, description="info, good, warning or bad")
    code: str = Field("", max_length=60, description="`replica.` means all about replicas.")


class EventOut(Out):
    """One line of an object's history: a code and its figures."""

    id: UUID
    at: datetime
    code: str
    level: str
    params: dict[str, Any]
    evidence: list[str]
    subject_kind: str
    subject_id: UUID
    deployment_id: UUID | None
    host_id: UUID | None

    @staticmethod
    def resolve_id(row: Any) -> Any:
        """The public id."""
        return row.public_id


class EventPage(PageOut):
    """One page of events."""

    items: list[EventOut]


@router.get("", response=EventPage, summary="List events")
def list_events(request: HttpRequest, filters: Query[EventFilters]) -> dict[str, Any]:
    """Return events, newest first."""
    actor = actor_of(request)
    rows = events_visible(
        actor,
        deployment=(
            deployment_get(actor, filters.deployment).public_id if filters.deployment else None
        ),
        host=host_get(actor, filters.host).public_id if filters.host else None,
        subject=filters.subject,
        level=filters.level,
        code=filters.code,
    )
    return page_of(rows, filters, "-id")
