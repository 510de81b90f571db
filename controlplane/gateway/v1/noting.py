"""What is written down of a request, whichever way it was answered."""

import uuid

from django.utils import timezone

from controlplane.gateway.meter import Figures
from controlplane.gateway.v1.spoken import Spoken
from models_app.domain.gateway import GatewayKeyFacts
from models_app.domain.routes import DeploymentRoute
from models_app.services.usage import UsageRecord


def record_of(  # noqa: PLR0913 - each something to write down
    request_id: uuid.UUID,
    figures: Figures,
    *,
    key: GatewayKeyFacts,
    spoken: Spoken,
    route: DeploymentRoute,
    replica_id: int | None,
    status: str = "ok",
    alias: str = "",
) -> UsageRecord:
    """Return the record of a request that is over."""
    return UsageRecord(
        at=timezone.now(),
        deployment_id=route.row_id,
        replica_id=replica_id,
        user_id=None,
        route=spoken.route.value,
        status=status,
        prompt_tokens=figures.prompt_tokens,
        completion_tokens=figures.completion_tokens,
        first_token_ms=figures.first_token_ms,
        duration_ms=figures.duration_ms,
        key_id=key.row_id,
        alias=alias,
        cached_tokens=figures.cached_tokens,
        tokens_per_s=figures.tokens_per_s,
        request_id=request_id,
    )
