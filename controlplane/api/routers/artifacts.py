"""Artifacts: the files of models, by their content."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.routers.operations import OperationOut, operation_location
from controlplane.api.schemas import RowOut, VersionQuery
from models_app.domain.states import ArtifactState
from models_app.models import Artifact, Operation
from models_app.selectors.language_models import artifact_get, artifacts_visible, model_get
from models_app.selectors.operations import operation_get
from models_app.services import language_models as services

router = Router(tags=["artifacts"])


class ArtifactFilters(PageIn):
    """Which artifacts."""

    model: str = Field("", max_length=100, description="Id or name.")
    state: ArtifactState | None = None
    format: str = Field("", max_length=20)


class ArtifactOut(RowOut):
    """One file of a model."""

    model: str
    state: ArtifactState
    format: str
    quantization: str
    file_name: str
    size_bytes: int | None
    sha256: str | None
    facts: dict[str, Any]
    deployments: int
    placements: int

    @staticmethod
    def resolve_model(row: Any) -> Any:
        """The model's name."""
        return row.model.name

    @staticmethod
    def resolve_deployments(row: Any) -> Any:
        """How many deployments serve it now."""
        return row.deployments_count

    @staticmethod
    def resolve_placements(row: Any) -> Any:
        """On how many hosts it lies, or will."""
        return row.placements_count


class ArtifactPage(PageOut):
    """One page of artifacts."""

    items: list[ArtifactOut]


@router.get("", response=ArtifactPage, summary="List artifacts")
def list_artifacts(request: HttpRequest, filters: Query[ArtifactFilters]) -> dict[str, Any]:
    """Return artifacts, oldest first."""
    actor = actor_of(request)
    model = model_get(actor, filters.model) if filters.model else None
    rows = artifacts_visible(actor, model=model, state=filters.state, format=filters.format)
    return page_of(rows, filters, "id")


@router.get("/{artifact}", response=ArtifactOut, summary="Read an artifact")
def read_artifact(request: HttpRequest, artifact: str) -> Artifact:
    """Return one artifact by id or sha256."""
    return artifact_get(actor_of(request), artifact)


@router.post("/{artifact}/verify", response={202: OperationOut}, summary="Verify an artifact")
def verify_artifact(
    request: HttpRequest, artifact: str, response: HttpResponse
) -> Status[Operation]:
    """Begin to read the whole file again and compare its sha256."""
    actor = actor_of(request)
    row = services.artifact_verify(actor, artifact_get(actor, artifact))
    response["Location"] = operation_location(row)
    return Status(202, operation_get(actor, row.public_id))


@router.delete("/{artifact}", response={202: OperationOut}, summary="Delete an artifact")
def delete_artifact(
    request: HttpRequest, artifact: str, query: Query[VersionQuery], response: HttpResponse
) -> Status[Operation]:
    """Delete one artifact here and on every host; one that is used is refused."""
    actor = actor_of(request)
    row = services.artifact_delete(actor, artifact_get(actor, artifact), version=query.version)
    response["Location"] = operation_location(row)
    return Status(202, operation_get(actor, row.public_id))
