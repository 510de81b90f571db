"""Placements: which artifacts lie on which hosts."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import Flag, In, Ref, VersionQuery, WorkedOut
from models_app.domain.states import PlacementState
from models_app.models import Placement
from models_app.selectors.hosts import host_get
from models_app.selectors.language_models import (
    artifact_get,
    model_get,
    placement_get,
    placements_visible,
)
from models_app.services import placements as services

router = Router(tags=["placements"])


class PlacementIn(In):
    """An artifact that should lie on a host."""

    artifact: Ref
    host: Ref


class PlacementEditIn(In):
    """Whether it stays when nothing needs it."""

    is_pinned: Flag


class PlacementFilters(PageIn):
    """Which placements."""

    artifact: str = Field("", max_length=100, description="Id or sha256.")
    model: str = Field("", max_length=100, description="Id or name.")
    host: str = Field("", max_length=100, description="Id or name.")
    state: PlacementState | None = None


class PlacementOut(WorkedOut):
    """One artifact on one host, with its progress."""

    artifact: UUID
    model: str
    file_name: str
    host: str
    state: PlacementState
    done_bytes: int
    total_bytes: int | None
    bytes_per_s: float | None
    is_pinned: bool

    @staticmethod
    def resolve_artifact(row: Any) -> Any:
        """The artifact's id."""
        return row.artifact.public_id

    @staticmethod
    def resolve_model(row: Any) -> Any:
        """The model's name."""
        return row.artifact.model.name

    @staticmethod
    def resolve_file_name(row: Any) -> Any:
        """The artifact's file."""
        return row.artifact.file_name

    @staticmethod
    def resolve_host(row: Any) -> Any:
        """The host's name."""
        return row.host.name


class PlacementPage(PageOut):
    """One page of placements."""

    items: list[PlacementOut]


@router.get("", response=PlacementPage, summary="List placements")
def list_placements(request: HttpRequest, filters: Query[PlacementFilters]) -> dict[str, Any]:
    """Return placements, oldest first."""
    actor = actor_of(request)
    rows = placements_visible(
        actor,
        artifact=artifact_get(actor, filters.artifact) if filters.artifact else None,
        model=model_get(actor, filters.model) if filters.model else None,
        host=host_get(actor, filters.host) if filters.host else None,
        state=filters.state,
    )
    return page_of(rows, filters, "id")


@router.post("", response={202: PlacementOut}, summary="Place an artifact on a host")
def request_placement(
    request: HttpRequest, payload: PlacementIn, response: HttpResponse
) -> Status[Placement]:
    """Ask for an artifact on a host ahead of time; the placement that exists is returned."""
    actor = actor_of(request)
    row = services.placement_request(
        actor, artifact=artifact_get(actor, payload.artifact), host=host_get(actor, payload.host)
    )
    response["Location"] = f"{request.path}/{row.public_id}"
    return Status(202, placement_get(actor, row.public_id))


@router.get("/{placement}", response=PlacementOut, summary="Read a placement")
def read_placement(request: HttpRequest, placement: str) -> Placement:
    """Return one placement by id."""
    return placement_get(actor_of(request), placement)


@router.patch("/{placement}", response=PlacementOut, summary="Pin a placement")
def pin_placement(request: HttpRequest, placement: str, payload: PlacementEditIn) -> Placement:
    """Keep the artifact there even when nothing needs it, or no longer."""
    actor = actor_of(request)
    row = placement_get(actor, placement)
    services.placement_pin(actor, row, pinned=payload.is_pinned)
    return placement_get(actor, row.public_id)


@router.delete("/{placement}", response={202: PlacementOut}, summary="Remove a placement")
def remove_placement(
    request: HttpRequest, placement: str, query: Query[VersionQuery]
) -> Status[Placement]:
    """Take the artifact off the host; the model store keeps it."""
    actor = actor_of(request)
    row = placement_get(actor, placement)
    services.placement_remove(actor, row, version=query.version)
    return Status(202, placement_get(actor, row.public_id))
