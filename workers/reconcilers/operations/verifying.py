"""Reads an artifact of the store again and compares its sha256: finds what the disk has spoiled."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from models_app.domain.failures import FailureCode, fail
from models_app.domain.states import ArtifactState
from models_app.domain.store import ModelStore
from models_app.models import Operation
from models_app.services.artifacts import artifact_state_set
from models_app.services.leases import Lease
from workers.reconcilers.operations.hashing import hash_with_progress


class VerifyWork:
    """See `Work`."""

    pause_s = 0.0

    def step(self, operation: Operation, lease: Lease[Operation]) -> Mapping[str, Any] | None:
        """Read the whole file; write what it is worth."""
        artifact = operation.artifact
        if artifact is None:
            raise fail(FailureCode.ARTIFACT_MISSING, file=operation.title)
        path = ModelStore(settings.PATHS.models).path_of(artifact.sha256, artifact.file_name)
        if not path.is_file():
            artifact_state_set(lease, artifact, ArtifactState.MISSING)
            raise fail(FailureCode.ARTIFACT_MISSING, file=artifact.file_name)
        got = hash_with_progress(path, lease, operation)
        if got != artifact.sha256:
            artifact_state_set(lease, artifact, ArtifactState.CORRUPT)
            raise fail(
                FailureCode.CHECKSUM, file=artifact.file_name, wanted=artifact.sha256, got=got
            )
        artifact_state_set(lease, artifact, ArtifactState.READY)
        return {"sha256": got}

    def clean_up(self, operation: Operation) -> None:
        """Nothing was made."""
