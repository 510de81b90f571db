"""Figures of the whole fleet at this moment. Those of one object are below its own address."""

from django.http import HttpRequest
from ninja import Field, Router

from controlplane.api.authentication import actor_of
from controlplane.api.metrics_out import SeriesOut, series_out
from controlplane.api.schemas import Out
from models_app.selectors.metrics import fleet_requests, fleet_tokens_now
from models_app.selectors.overview import fleet_counts

router = Router(tags=["metrics"])


class FleetOut(Out):
    """What there is, by kind and state, and what it does now."""

    counts: dict[str, dict[str, int]]
    tokens_per_s: float | None = Field(description="Null when nothing was measured just now.")
    requests: SeriesOut


@router.get("", response=FleetOut, summary="Read the fleet's figures")
def fleet_metrics(request: HttpRequest) -> FleetOut:
    """Return counts by state, tokens per second now, and requests per minute of late."""
    actor = actor_of(request)
    counts = fleet_counts(actor).by_state
    return FleetOut(
        counts={kind: dict(states) for kind, states in counts.items()},
        tokens_per_s=fleet_tokens_now(actor),
        requests=series_out(fleet_requests(actor)),
    )
