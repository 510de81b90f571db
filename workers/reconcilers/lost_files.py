"""A model's file that a host held and holds no more: a volume removed, a disk made anew.

Nobody needs to import anything for it: what the store still has is sent there once more.
"""

from django.conf import settings

from models_app.domain.failures import FailureCode
from models_app.domain.states import ArtifactState, PlacementState
from models_app.domain.store import ModelStore
from models_app.models import Artifact, Placement
from models_app.services.observed.placements import placement_lost


def is_sent_again(placement: Placement | None, code: FailureCode) -> bool:
    """Return whether the failure is of a file that is now being sent to its host once more."""
    is_lost = code == FailureCode.ARTIFACT_MISSING and placement is not None
    if not is_lost or placement is None or placement.state != PlacementState.READY:
        return False
    return _is_in_store(placement.artifact) and placement_lost(placement)


def _is_in_store(artifact: Artifact) -> bool:
    path = ModelStore(settings.PATHS.models).path_of(artifact.sha256, artifact.file_name)
    try:
        has_its_size = path.stat().st_size == artifact.size_bytes
    except OSError:
        return False
    return has_its_size and artifact.state == ArtifactState.READY
