"""Names and labels of everything that is ours on a Docker host."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from models_app.domain.failures import FailureCode, fail
from models_app.domain.specs import ArtifactRef

INSTANCE = "dev.slipway.instance"
WORKLOAD = "dev.slipway.workload"
SPEC_HASH = "dev.slipway.spec"
LIMITS = "dev.slipway.limits"
ROLE = "dev.slipway.role"  # of what is no workload: helper, models, network, previous
MODELS = "/models"  # where the volume lies in every container
PREVIOUS = ".previous"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")


def checked(name: str) -> str:
    """Return a workload's name. Raises FailureError for what no workload is called."""
    if not NAME.fullmatch(name):
        raise fail(FailureCode.INTERNAL, reason="workload_name", name=name[:100])
    return name


def volume_name(instance: str) -> str:
    """Return the volume that holds this installation's artifacts."""
    return f"slipway-models-{_short(instance)}"


def network_name(instance: str) -> str:
    """Return the network that this installation's containers are on."""
    return f"slipway-{_short(instance)}"


def helper_name(instance: str) -> str:
    """Return the container that looks after the host and its artifacts."""
    return f"slipway-helper-{_short(instance)}"


def role_labels(instance: str, role: str) -> dict[str, str]:
    """Return the labels of something that is ours and no workload."""
    return {INSTANCE: instance, ROLE: role}


def artifact_path(artifact: ArtifactRef) -> str:
    """Return where an artifact lies inside a container."""
    return f"{MODELS}/{artifact.sha256}/{artifact.file_name}"


def is_ours(
    labels: Mapping[str, str] | None, mounts: Sequence[Mapping[str, Any]] | None, instance: str
) -> bool:
    """Return whether a container belongs to this installation.

    Labels alone prove little: an image that was made of a container of ours (docker commit) gives
    them to all that run from it. Each of ours has our volume besides, which comes from no image.
    """
    volume = volume_name(instance)
    has_volume = any(one.get("Name") == volume for one in mounts or ())
    return has_volume and (labels or {}).get(INSTANCE) == instance


def _short(instance: str) -> str:
    return re.sub(r"[^a-z0-9-]", "-", instance.lower())[:24].strip("-") or "x"
