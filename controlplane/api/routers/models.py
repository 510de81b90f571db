"""Language models: what there is to serve, imported, described, deleted."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.routers.artifacts import ArtifactOut
from controlplane.api.routers.operations import OperationOut, operation_location
from controlplane.api.schemas import (
    In,
    LongText,
    Name,
    Out,
    RowOut,
    ShortText,
    Version,
    VersionQuery,
)
from models_app.domain.errors import InvalidError
from models_app.models import LanguageModel, Operation
from models_app.selectors.language_models import model_get, models_visible
from models_app.selectors.operations import operation_get, operations_visible
from models_app.services import language_models as services

router = Router(tags=["models"])


class ImportIn(In):
    """Where a model comes from, and what it is called here.

    `reference` by source: url `{"url", "sha256"?}`, file `{"path"}` (a path on the server; admin),
    upload `{"upload", "file_name"}` (see uploads), bundled `{"key"}`.
    """

    name: Name
    source: ShortText
    reference: dict[str, Any]
    title: ShortText = ""
    licence: str = Field("", max_length=100)
    description: LongText = ""


class ModelEditIn(In):
    """What people say of a model; what is left out stays."""

    version: Version | None = None
    title: ShortText | None = None
    description: LongText | None = None
    licence: str | None = Field(None, max_length=100)


class ModelFilters(PageIn):
    """Which models."""

    search: str = Field("", max_length=100)
    tier: str = Field("", max_length=10, description="micro, small or medium")
    family: str = Field("", max_length=60)


class ModelOut(RowOut):
    """A model with its artifacts. Null is unknown, never zero."""

    name: str
    title: str
    description: str
    family: str
    parameters: int | None
    tier: str
    context_length: int | None
    licence: str
    source_kind: str
    source_reference: dict[str, Any]
    artifacts: list[ArtifactOut]
    deployments: int

    @staticmethod
    def resolve_artifacts(row: Any) -> Any:
        """As prefetched by the selector."""
        return list(row.artifacts.all())

    @staticmethod
    def resolve_deployments(row: Any) -> Any:
        """How many deployments serve it now."""
        return row.deployments_count


class ModelPage(PageOut):
    """One page of models."""

    items: list[ModelOut]


class RemovalOut(Out):
    """What deleting set in motion: one operation per artifact."""

    operations: list[OperationOut]


@router.get("", response=ModelPage, summary="List models")
def list_models(request: HttpRequest, filters: Query[ModelFilters]) -> dict[str, Any]:
    """Return models by name."""
    rows = models_visible(
        actor_of(request), search=filters.search, tier=filters.tier, family=filters.family
    )
    return page_of(rows, filters, "name")


@router.post("", response={202: OperationOut}, summary="Import a model")
def import_model(
    request: HttpRequest, payload: ImportIn, response: HttpResponse
) -> Status[Operation]:
    """Begin to bring a model file into the store; watch the operation in `Location`.

    A model of that name that exists gets one more artifact.
    """
    actor = actor_of(request)
    row = services.model_import(actor, **payload.model_dump())
    response["Location"] = operation_location(row)
    return Status(202, operation_get(actor, row.public_id))


@router.get("/{model}", response=ModelOut, summary="Read a model")
def read_model(request: HttpRequest, model: str) -> LanguageModel:
    """Return one model by id or name."""
    return model_get(actor_of(request), model)


@router.patch("/{model}", response=ModelOut, summary="Edit a model")
def edit_model(request: HttpRequest, model: str, payload: ModelEditIn) -> LanguageModel:
    """Change title, description or licence."""
    actor = actor_of(request)
    changes = payload.model_dump(exclude_unset=True, exclude={"version"})
    empty = [field for field, value in changes.items() if value is None]
    if empty:
        raise InvalidError(fields=dict.fromkeys(empty, "WRONG_TYPE"))
    row = services.model_edit(actor, model_get(actor, model), version=payload.version, **changes)
    return model_get(actor, row.public_id)


@router.delete("/{model}", response={202: RemovalOut}, summary="Delete a model")
def delete_model(
    request: HttpRequest, model: str, query: Query[VersionQuery]
) -> Status[dict[str, Any]]:
    """Delete a model with its artifacts, here and on every host; one that is used is refused."""
    actor = actor_of(request)
    row = model_get(actor, model)
    removing = operations_visible(
        actor, state="unfinished", kind=services.REMOVE_ARTIFACT, model=row
    )
    services.model_delete(actor, row, version=query.version)
    return Status(202, {"operations": list(removing) if row.pk else []})
