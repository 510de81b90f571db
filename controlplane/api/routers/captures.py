"""Kept prompts of a deployment, for admins: off unless turned on, sampled and redacted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router, Status
from pydantic import StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import In, Out
from models_app.domain.captures import RANGES
from models_app.models import Capture
from models_app.selectors.captures import captured_visible, running_on
from models_app.selectors.deployments import deployment_get
from models_app.services import captures as services

router = Router(tags=["gateway"])


def _field(name: str, usual: int, told: str) -> Any:
    least, most = RANGES[name]
    return Field(usual, ge=least, le=most, description=told)


class CaptureIn(In):
    """How much is kept, and for how long."""

    percent: StrictInt = _field("percent", 10, "Share of the requests.")
    hours: StrictInt = _field("hours", 1, "It turns itself off after.")
    keep_days: StrictInt = _field("keep_days", 7, "Requests go after.")


class CaptureOut(Out):
    """Whether prompts are kept now; everybody may know."""

    running: bool
    percent: int | None = None
    until: datetime | None = None
    keep_days: int | None = None
    started_at: datetime | None = None
    started_by: str = ""


class CapturedOut(Out):
    """One request and its answer as text, secrets taken out as far as they look like some."""

    id: UUID
    at: datetime
    delete_at: datetime
    caller: str
    path: str
    status: str
    question: str
    answer: str
    redacted: int

    @staticmethod
    def resolve_id(row: Any) -> Any:
        """The public id."""
        return row.public_id


class CapturedPage(PageOut):
    """One page of them."""

    items: list[CapturedOut]


@router.get("/{deployment}/capture", response=CaptureOut, summary="Read whether prompts are kept")
def read_capture(request: HttpRequest, deployment: str) -> CaptureOut:
    """Return the capture that runs, if one does."""
    return _out(running_on(deployment_get(actor_of(request), deployment)))


@router.put("/{deployment}/capture", response=CaptureOut, summary="Keep a sample of prompts")
def start_capture(request: HttpRequest, deployment: str, payload: CaptureIn) -> CaptureOut:
    """Have a share of a deployment's requests kept (admin); everybody is told on its pages."""
    actor = actor_of(request)
    row = deployment_get(actor, deployment)
    return _out(services.capture_start(actor, row, **payload.model_dump()))


@router.delete("/{deployment}/capture", response={204: None}, summary="Keep prompts no longer")
def stop_capture(request: HttpRequest, deployment: str) -> Status[None]:
    """Turn it off (admin); what was kept stays until it is deleted or expires."""
    actor = actor_of(request)
    services.capture_stop(actor, deployment_get(actor, deployment))
    return Status(204, None)


@router.get("/{deployment}/captured", response=CapturedPage, summary="List kept prompts")
def list_captured(request: HttpRequest, deployment: str, page: Query[PageIn]) -> dict[str, Any]:
    """Return kept requests, newest first (admin); reading them leaves an audit row."""
    actor = actor_of(request)
    row = deployment_get(actor, deployment)
    found = page_of(captured_visible(actor, row), page, "-id")
    services.captured_read(actor, row)
    return found


@router.delete("/{deployment}/captured", response={204: None}, summary="Delete kept prompts")
def delete_captured(request: HttpRequest, deployment: str) -> Status[None]:
    """Delete everything that was kept of a deployment (admin)."""
    actor = actor_of(request)
    services.captured_delete(actor, deployment_get(actor, deployment))
    return Status(204, None)


def _out(row: Capture | None) -> CaptureOut:
    if row is None:
        return CaptureOut(running=False)
    return CaptureOut(
        running=True,
        percent=row.percent,
        until=row.until,
        keep_days=row.keep_days,
        started_at=row.started_at,
        started_by=row.started_by.name if row.started_by else "",
    )
