"""Takes an artifact off every host, then out of the store, then its rows."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from models_app.domain.store import ModelStore
from models_app.models import Operation
from models_app.services.artifacts import artifact_forget
from models_app.services.leases import Lease
from models_app.services.wishes import look_now


class RemoveArtifactWork:
    """See `Work`."""

    pause_s = 0.0

    def step(self, operation: Operation, lease: Lease[Operation]) -> Mapping[str, Any] | None:
        """Wait until no host holds it (an unreachable one holds it back), then forget it."""
        artifact = operation.artifact
        if artifact is None:  # an earlier step got this far and was killed before it could say so
            return {}
        placements = list(artifact.placements.all())
        for placement in placements:
            look_now(placement)
        if placements:
            return None
        ModelStore(settings.PATHS.models).remove(artifact.sha256)
        artifact_forget(lease, operation, artifact)
        return {}

    def clean_up(self, operation: Operation) -> None:
        """Nothing was made; what is gone stays gone."""
