"""What the gateway allows a deployment: limits and timeouts. No revision: nothing restarts."""

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router
from pydantic import StrictFloat, StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.routers.gateway_keys import LimitsIn, LimitsOut
from controlplane.api.schemas import In, Out, Version
from models_app.domain.gateway import Limits, Timeouts
from models_app.models import Deployment
from models_app.selectors.deployments import deployment_get
from models_app.services.deployments import deployment_gateway

router = Router(tags=["gateway"])

Seconds = StrictInt | StrictFloat


class TimeoutsIn(In):
    """Seconds that an engine may take; what is left out is the default."""

    connect_s: Seconds | None = None
    first_token_s: Seconds | None = None
    idle_s: Seconds | None = None


class TimeoutsOut(Out):
    """Seconds that an engine may take."""

    connect_s: float
    first_token_s: float
    idle_s: float


class GatewaySettingsIn(In):
    """Both are replaced as a whole."""

    version: Version | None = None
    limits: LimitsIn = Field(default_factory=LimitsIn)
    timeouts: TimeoutsIn = Field(default_factory=TimeoutsIn)


class GatewaySettingsOut(Out):
    """What holds now."""

    version: int
    limits: LimitsOut
    timeouts: TimeoutsOut


@router.get(
    "/{deployment}/gateway",
    response=GatewaySettingsOut,
    summary="Read a deployment's gateway settings",
)
def read_gateway_settings(request: HttpRequest, deployment: str) -> GatewaySettingsOut:
    """Return limits and timeouts."""
    return _out(deployment_get(actor_of(request), deployment))


@router.put(
    "/{deployment}/gateway",
    response=GatewaySettingsOut,
    summary="Change a deployment's gateway settings",
)
def edit_gateway_settings(
    request: HttpRequest, deployment: str, payload: GatewaySettingsIn
) -> GatewaySettingsOut:
    """Set limits and timeouts (operator). Gateways follow within seconds."""
    actor = actor_of(request)
    row = deployment_gateway(
        actor,
        deployment_get(actor, deployment),
        version=payload.version,
        limits=_said(payload.limits),
        timeouts=_said(payload.timeouts),
    )
    return _out(row)


def _said(payload: In) -> dict[str, Any]:
    return payload.model_dump(exclude_none=True)


def _out(row: Deployment) -> GatewaySettingsOut:
    return GatewaySettingsOut(
        version=row.version,
        limits=LimitsOut(**asdict(Limits(**row.limits))),
        timeouts=TimeoutsOut(**asdict(Timeouts(**row.timeouts))),
    )
