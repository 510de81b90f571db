"""Deployments: wishes, read and changed. Their revisions are in `revisions.py`."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status
from pydantic import StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.metrics_out import SeriesOut, series_out
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.routers.revisions import PlacementRuleIn, RevisionOut
from controlplane.api.schemas import (
    In,
    Name,
    Out,
    Ref,
    ShortText,
    Version,
    VersionIn,
    VersionQuery,
    WorkedOut,
)
from models_app.domain.states import DeploymentState, Wish
from models_app.models import Deployment
from models_app.selectors.deployments import deployment_get, deployments_visible
from models_app.selectors.hosts import host_get
from models_app.selectors.language_models import artifact_get
from models_app.selectors.metrics import deployment_series, request_series
from models_app.services import deployments as services

router = Router(tags=["deployments"])


class DeploymentIn(In):
    """A wish: this artifact, on this engine, with these parameters, so many times."""

    name: Name
    artifact: Ref = Field(description="Id or sha256.")
    engine: str = Field("llamacpp", max_length=20)
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="See the engine's parameters_schema."
    )
    replicas: StrictInt = 1
    placement: PlacementRuleIn | None = None
    comment: ShortText = ""


class ScaleIn(In):
    """How many replicas there should be."""

    version: Version | None = None
    replicas: StrictInt


class DeploymentFilters(PageIn):
    """Which deployments."""

    state: DeploymentState | None = None
    host: str = Field("", max_length=100, description="Id or name.")
    search: str = Field("", max_length=100)


class ChatAddressOut(Out):
    """Where programs and people talk to it."""

    base_url: str = Field(description="For clients of the OpenAI protocol.")
    model: str = Field(description="What such clients send as `model`.")
    page: str


class DeploymentOut(WorkedOut):
    """A wish and how far it has come true."""

    name: str
    wish: Wish
    state: DeploymentState
    state_since: datetime
    replicas_wished: int
    replicas_live: int
    replicas_ready: int
    revision: RevisionOut
    chat: ChatAddressOut

    @staticmethod
    def resolve_chat(row: Any) -> Any:
        """The addresses of the gateway and of the playground."""
        return ChatAddressOut(
            base_url=f"{settings.PUBLIC_URL}/v1",
            model=row.name,
            page=f"{settings.PUBLIC_URL}/playground?deployment={row.name}",
        )


class DeploymentPage(PageOut):
    """One page of deployments."""

    items: list[DeploymentOut]


@router.get("", response=DeploymentPage, summary="List deployments")
def list_deployments(request: HttpRequest, filters: Query[DeploymentFilters]) -> dict[str, Any]:
    """Return deployments by name."""
    actor = actor_of(request)
    rows = deployments_visible(
        actor,
        state=filters.state,
        search=filters.search,
        host=host_get(actor, filters.host) if filters.host else None,
    )
    return page_of(rows, filters, "name")


@router.post("", response={202: DeploymentOut}, summary="Deploy a model")
def create_deployment(
    request: HttpRequest, payload: DeploymentIn, response: HttpResponse
) -> Status[Deployment]:
    """Wish for a deployment; read the address in `Location` until its `state` is `ready`."""
    actor = actor_of(request)
    row = services.deployment_create(
        actor,
        name=payload.name,
        engine=payload.engine,
        artifact=artifact_get(actor, payload.artifact),
        parameters=payload.parameters,
        replicas=payload.replicas,
        placement=payload.placement.as_wished() if payload.placement else {},
        comment=payload.comment,
    )
    response["Location"] = f"{request.path}/{row.public_id}"
    return Status(202, deployment_get(actor, row.public_id))


@router.get("/{deployment}", response=DeploymentOut, summary="Read a deployment")
def read_deployment(request: HttpRequest, deployment: str) -> Deployment:
    """Return one deployment by id or name."""
    return deployment_get(actor_of(request), deployment)


@router.delete("/{deployment}", response={202: DeploymentOut}, summary="Delete a deployment")
def delete_deployment(
    request: HttpRequest, deployment: str, query: Query[VersionQuery]
) -> Status[Deployment]:
    """Stop and forget it; the answer is 404 once nothing of it runs."""
    return _act(request, deployment, services.deployment_delete, query.version)


@router.post("/{deployment}/scale", response={202: DeploymentOut}, summary="Scale a deployment")
def scale_deployment(request: HttpRequest, deployment: str, payload: ScaleIn) -> Status[Deployment]:
    """Wish for another number of replicas."""
    return _act(
        request,
        deployment,
        services.deployment_scale,
        payload.version,
        replicas=payload.replicas,
    )


@router.post("/{deployment}/stop", response={202: DeploymentOut}, summary="Stop a deployment")
def stop_deployment(
    request: HttpRequest, deployment: str, payload: VersionIn | None = None
) -> Status[Deployment]:
    """Wish that nothing of it runs; revisions and history stay."""
    return _act(request, deployment, services.deployment_stop, _version(payload))


@router.post("/{deployment}/start", response={202: DeploymentOut}, summary="Start a deployment")
def start_deployment(
    request: HttpRequest, deployment: str, payload: VersionIn | None = None
) -> Status[Deployment]:
    """Wish that it runs again."""
    return _act(request, deployment, services.deployment_start, _version(payload))


@router.post("/{deployment}/retry", response={202: DeploymentOut}, summary="Retry a deployment")
def retry_deployment(
    request: HttpRequest, deployment: str, payload: VersionIn | None = None
) -> Status[Deployment]:
    """Try failed and waiting replicas again now."""
    return _act(request, deployment, services.deployment_retry, _version(payload))


@router.get("/{deployment}/metrics", response=SeriesOut, summary="Read a deployment's metrics")
def deployment_metrics(
    request: HttpRequest,
    deployment: str,
    range: str = "15m",  # noqa: A002 - the API's word
) -> SeriesOut:
    """Return tokens/s, memory, CPU, requests and time to first token: 15m, 1h, 24h or 7d."""
    actor = actor_of(request)
    row = deployment_get(actor, deployment)
    return series_out(deployment_series(actor, row, range), request_series(actor, row, range))


def _act(
    request: HttpRequest, deployment: str, service: Any, version: int | None, **wish: Any
) -> Status[Deployment]:
    actor = actor_of(request)
    row = deployment_get(actor, deployment)
    service(actor, row, version=version, **wish)
    return Status(202, deployment_get(actor, row.public_id))


def _version(payload: VersionIn | None) -> int | None:
    return payload.version if payload else None
