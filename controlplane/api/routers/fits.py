"""Whether a wish would fit, on each host, before anything is saved."""

from typing import Any

from django.http import HttpRequest
from ninja import Field, Router

from controlplane.api.authentication import actor_of
from controlplane.api.schemas import In, Out, Ref
from controlplane.wording.failures import reason_text
from models_app.domain.sizing import Fit
from models_app.selectors.deployments import engine_get
from models_app.selectors.fits import HostFit, fit_on_hosts
from models_app.selectors.language_models import artifact_get

router = Router(tags=["deployments"])


class FitIn(In):
    """What one replica would be."""

    artifact: Ref = Field(description="Id or sha256.")
    engine: str = Field("llamacpp", max_length=20)
    parameters: dict[str, Any] = Field(default_factory=dict)


class RefusalOut(Out):
    """Why a host would not take it, memory apart."""

    code: str
    detail: str


class HostFitOut(Out):
    """What one host says to it. Null figures are unknown, never zero."""

    host: str
    fit: Fit
    needed_bytes: int | None
    available_bytes: int | None
    left_bytes: int | None = Field(description="Negative: so much is short.")
    refusal: RefusalOut | None


class FitsOut(Out):
    """What every host says to it."""

    items: list[HostFitOut]


@router.post("", response=FitsOut, summary="Check whether a model fits")
def check_fit(request: HttpRequest, payload: FitIn) -> FitsOut:
    """Return for each host whether one replica fits, with the figures. Nothing is saved."""
    actor = actor_of(request)
    found = fit_on_hosts(
        actor,
        artifact=artifact_get(actor, payload.artifact),
        engine=engine_get(actor, payload.engine).key,
        parameters=payload.parameters,
    )
    return FitsOut(items=[_out(one) for one in found])


def _out(one: HostFit) -> HostFitOut:
    refusal = one.refusal
    return HostFitOut(
        host=one.host.name,
        fit=one.verdict.fit,
        needed_bytes=one.verdict.needed_bytes,
        available_bytes=one.verdict.available_bytes,
        left_bytes=one.verdict.left_bytes,
        refusal=RefusalOut(code=refusal, detail=reason_text(refusal)) if refusal else None,
    )
