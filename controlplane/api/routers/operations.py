"""Operations: long work with its progress."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from ninja import Field, Query, Router, Status

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import WorkedOut
from models_app.domain.states import OperationState
from models_app.models import Operation
from models_app.selectors.hosts import host_get
from models_app.selectors.language_models import model_get
from models_app.selectors.operations import operation_get, operations_visible
from models_app.services import operations as services

router = Router(tags=["operations"])


class OperationFilters(PageIn):
    """Which operations."""

    state: OperationState | None = None
    unfinished: bool = False
    kind: str = Field("", max_length=30)
    model: str = Field("", max_length=100, description="Id or name.")
    host: str = Field("", max_length=100, description="Id or name.")
    search: str = Field("", max_length=100)


class OperationOut(WorkedOut):
    """One piece of long work."""

    kind: str
    title: str
    state: OperationState
    phase: str
    done_bytes: int
    total_bytes: int | None
    bytes_per_s: float | None
    started_at: datetime | None
    finished_at: datetime | None
    by: str | None
    model: str | None
    artifact: UUID | None
    host: str | None
    result: dict[str, Any]

    @staticmethod
    def resolve_by(row: Any) -> Any:
        """Who began it; null is Slipway itself, or somebody who has gone."""
        return row.actor.name if row.actor else None

    @staticmethod
    def resolve_model(row: Any) -> Any:
        """The model's name."""
        return row.model.name if row.model else None

    @staticmethod
    def resolve_artifact(row: Any) -> Any:
        """The artifact's id: of an import, what came out of it."""
        return row.artifact.public_id if row.artifact else None

    @staticmethod
    def resolve_host(row: Any) -> Any:
        """The host's name."""
        return row.host.name if row.host else None


class OperationPage(PageOut):
    """One page of operations."""

    items: list[OperationOut]


def operation_location(row: Operation) -> str:
    """Return where an operation is read."""
    return reverse("api-1:read_operation", args=[row.public_id])


@router.get("", response=OperationPage, summary="List operations")
def list_operations(request: HttpRequest, filters: Query[OperationFilters]) -> dict[str, Any]:
    """Return operations, newest first."""
    actor = actor_of(request)
    rows = operations_visible(
        actor,
        state="unfinished" if filters.unfinished else filters.state,
        kind=filters.kind,
        search=filters.search,
        model=model_get(actor, filters.model) if filters.model else None,
        host=host_get(actor, filters.host) if filters.host else None,
    )
    return page_of(rows, filters, "-id")


@router.get("/{operation}", response=OperationOut, summary="Read an operation")
def read_operation(request: HttpRequest, operation: str) -> Operation:
    """Return one operation; ask again every second or so to watch it."""
    return operation_get(actor_of(request), operation)


@router.post("/{operation}/cancel", response={202: OperationOut}, summary="Cancel an operation")
def cancel_operation(request: HttpRequest, operation: str) -> Status[Operation]:
    """Ask it to stop; what it had made half is taken away."""
    actor = actor_of(request)
    row = services.operation_cancel(actor, operation_get(actor, operation))
    return Status(202, operation_get(actor, row.public_id))


@router.post("/{operation}/retry", response={202: OperationOut}, summary="Retry an operation")
def retry_operation(request: HttpRequest, operation: str) -> Status[Operation]:
    """Begin a failed or cancelled operation again; a download goes on where it stopped."""
    actor = actor_of(request)
    row = services.operation_retry(actor, operation_get(actor, operation))
    return Status(202, operation_get(actor, row.public_id))
