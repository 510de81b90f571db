"""The models that lie on an Ollama host: listed, pulled, made, pushed, copied, loaded, deleted."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status
from pydantic import StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.routers.operations import OperationOut, operation_location
from controlplane.api.schemas import In, Out, Ref
from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError
from models_app.domain.modelfile import TEXT_LENGTH, Modelfile, parse_modelfile
from models_app.domain.ollama_names import NAME_LENGTH
from models_app.domain.variants import VARIANTS
from models_app.models import HostModel, Operation
from models_app.selectors.host_models import host_model_get, host_models_visible
from models_app.selectors.hosts import host_get
from models_app.selectors.language_models import artifact_get
from models_app.selectors.operations import operation_get
from models_app.services import host_models as services

router = Router(tags=["host models"])
ModelNameText = Annotated[
    str, Field(min_length=1, max_length=NAME_LENGTH, description="[namespace/]model[:tag]")
]


class PullIn(In):
    """A model to be fetched from its registry."""

    name: ModelNameText


class CreateIn(In):
    """A variant: a Modelfile, or one of the shipped ones of a base."""

    name: ModelNameText
    modelfile: str = Field("", max_length=TEXT_LENGTH, description="As Ollama writes it.")
    base: str = Field("", max_length=NAME_LENGTH)
    variant: str = Field("", max_length=20, description="reasoning or code; instead of modelfile.")
    adapter: str = Field(
        "",
        max_length=100,
        description="An adapter of the model store, by id or sha256; as ADAPTER in the Modelfile.",
    )


class PushIn(In):
    """A file of the model store to be sent."""

    name: ModelNameText
    artifact: Ref


class CopyIn(In):
    """Another name for the same content."""

    name: ModelNameText


class LoadIn(In):
    """How long it stays in memory after each request."""

    keep_alive_s: StrictInt = Field(300, description="Seconds; -1: always.")


class HostModelFilters(PageIn):
    """Which models of the host."""

    search: str = Field("", max_length=100)
    loaded: bool = False
    with_ours: bool = Field(default=False, description="Also what Slipway itself put there.")


class HostModelOut(Out):
    """One name on the host, as it was last seen."""

    id: UUID
    name: str
    digest: str
    size_bytes: int
    modified_at: datetime | None
    details: dict[str, Any]
    is_ours: bool
    artifact: UUID | None
    loaded_bytes: int | None
    vram_bytes: int | None
    loaded_context: int | None
    loaded_until: datetime | None
    modelfile: str
    used_by: list[str]

    @staticmethod
    def resolve_id(row: Any) -> Any:
        """Its public id."""
        return row.public_id

    @staticmethod
    def resolve_artifact(row: Any) -> Any:
        """What it was adopted as."""
        return row.artifact.public_id if row.artifact else None

    @staticmethod
    def resolve_modelfile(row: Any) -> Any:
        """What it is made of, as the server told."""
        return row.shown.get("modelfile", "")

    @staticmethod
    def resolve_used_by(row: Any) -> Any:
        """The deployments that need it."""
        return services.host_model_users(row)


class HostModelPage(PageOut):
    """One page of a host's models."""

    items: list[HostModelOut]


@router.get("/{host}/models", response=HostModelPage, summary="List a host's own models")
def list_host_models(
    request: HttpRequest, host: str, filters: Query[HostModelFilters]
) -> dict[str, Any]:
    """Return what lies on an Ollama host, by name, with what is loaded and until when."""
    actor = actor_of(request)
    rows = host_models_visible(
        actor,
        host_get(actor, host),
        search=filters.search,
        loaded=filters.loaded,
        with_ours=filters.with_ours,
    )
    return page_of(rows, filters, "name")


@router.get("/{host}/models/{uuid:model}", response=HostModelOut, summary="Read a host's own model")
def read_host_model(request: HttpRequest, host: str, model: UUID) -> HostModel:
    """Return one by id."""
    actor = actor_of(request)
    return host_model_get(actor, host_get(actor, host), model)


@router.post("/{host}/models/pull", response={202: OperationOut}, summary="Pull a model there")
def pull_host_model(
    request: HttpRequest, host: str, payload: PullIn, response: HttpResponse
) -> Status[Operation]:
    """Fetch a model on the server; the operation's `result` has each layer."""
    actor = actor_of(request)
    begun = services.host_model_pull(actor, host_get(actor, host), name=payload.name)
    return _begun(request, response, begun)


@router.post("/{host}/models/create", response={202: OperationOut}, summary="Make a variant")
def create_host_model(
    request: HttpRequest, host: str, payload: CreateIn, response: HttpResponse
) -> Status[Operation]:
    """Make a model FROM one that lies there, by a Modelfile or as a shipped variant."""
    actor = actor_of(request)
    begun = services.host_model_create(
        actor, host_get(actor, host), name=payload.name, modelfile=_modelfile(actor, payload)
    )
    return _begun(request, response, begun)


@router.post("/{host}/models/push", response={202: OperationOut}, summary="Send a file there")
def push_host_model(
    request: HttpRequest, host: str, payload: PushIn, response: HttpResponse
) -> Status[Operation]:
    """Send a GGUF of the model store to the server and make a model of it."""
    actor = actor_of(request)
    begun = services.host_model_push(
        actor,
        host_get(actor, host),
        name=payload.name,
        artifact=artifact_get(actor, payload.artifact),
    )
    return _begun(request, response, begun)


@router.post(
    "/{host}/models/{uuid:model}/copy", response={202: OperationOut}, summary="Copy a model"
)
def copy_host_model(
    request: HttpRequest, host: str, model: UUID, payload: CopyIn, response: HttpResponse
) -> Status[Operation]:
    """Give a model another name as well."""
    row = _row(request, host, model)
    begun = services.host_model_copy(actor_of(request), row, name=payload.name)
    return _begun(request, response, begun)


@router.post(
    "/{host}/models/{uuid:model}/load", response={202: OperationOut}, summary="Load a model"
)
def load_host_model(
    request: HttpRequest, host: str, model: UUID, payload: LoadIn, response: HttpResponse
) -> Status[Operation]:
    """Bring a model into memory, or change how long it stays there."""
    row = _row(request, host, model)
    begun = services.host_model_load(actor_of(request), row, keep_alive_s=payload.keep_alive_s)
    return _begun(request, response, begun)


@router.post(
    "/{host}/models/{uuid:model}/unload", response={202: OperationOut}, summary="Unload a model"
)
def unload_host_model(
    request: HttpRequest, host: str, model: UUID, response: HttpResponse
) -> Status[Operation]:
    """Give a model's memory back once no request uses it."""
    row = _row(request, host, model)
    return _begun(request, response, services.host_model_unload(actor_of(request), row))


@router.delete(
    "/{host}/models/{uuid:model}", response={202: OperationOut}, summary="Delete a model"
)
def delete_host_model(
    request: HttpRequest, host: str, model: UUID, response: HttpResponse
) -> Status[Operation]:
    """Take a name off the server. 409 names the deployments that need it."""
    row = _row(request, host, model)
    return _begun(request, response, services.host_model_delete(actor_of(request), row))


def _row(request: HttpRequest, host: str, model: UUID) -> HostModel:
    actor = actor_of(request)
    return host_model_get(actor, host_get(actor, host), model)


def _modelfile(actor: Actor, payload: CreateIn) -> Modelfile:
    found = _without_adapter(payload)
    if not payload.adapter:
        return found
    adapter = artifact_get(actor, payload.adapter)
    return replace(found, adapters=(*found.adapters, f"sha256:{adapter.sha256}"))


def _without_adapter(payload: CreateIn) -> Modelfile:
    if payload.adapter and payload.base and not payload.variant and not payload.modelfile:
        return Modelfile(base=payload.base)
    if not payload.variant:
        return parse_modelfile(payload.modelfile, registries=services.registries())
    if payload.variant not in VARIANTS or payload.modelfile:
        raise InvalidError(fields={"variant": "VALUE_INVALID"})
    return VARIANTS[payload.variant].of(payload.base)


def _begun(request: HttpRequest, response: HttpResponse, operation: Operation) -> Status[Operation]:
    response["Location"] = operation_location(operation)
    return Status(202, operation_get(actor_of(request), operation.public_id))
