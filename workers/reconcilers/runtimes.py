"""Opens the runtime of a host row: the one place where rows and settings meet the runtimes."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.conf import settings

from models_app.domain.specs import ArtifactFacts, ArtifactRef, GpuFacts, HostFacts
from models_app.models import Artifact, Host
from models_app.services.sealing import unseal
from workers.registry import open_runtime
from workers.runtimes.base import Runtime


def runtime_of(host: Host) -> Runtime:
    """Return the runtime that drives a host; use it as a context manager.

    Raises FailureError SECRET_UNREADABLE, RUNTIME_UNSUPPORTED.
    """
    return open_reached(
        host.runtime,
        connection=host.connection,
        secret=unseal(host, "secret"),
        identity=host.identity,
    )


def open_reached(
    runtime: str,
    *,
    connection: Mapping[str, Any],
    secret: Mapping[str, str],
    identity: Mapping[str, str],
) -> Runtime:
    """Return a runtime by how it is reached, for a host that may have no row yet."""
    return open_runtime(
        runtime,
        connection=connection,
        secret=secret,
        identity=identity,
        workloads=settings.PATHS.workloads,
        models=settings.PATHS.models,
        instance=settings.INSTANCE_ID,
    )


def host_facts(host: Host) -> HostFacts:
    """Return the facts of a host row as the engines read them."""
    stored: dict[str, Any] = dict(host.facts)
    stored["gpus"] = tuple(GpuFacts(**gpu) for gpu in stored.get("gpus", ()))
    stored["cpu_flags"] = tuple(stored.get("cpu_flags", ()))
    stored["warnings"] = tuple(stored.get("warnings", ()))
    return HostFacts(**stored)


def artifact_ref(artifact: Artifact) -> ArtifactRef:
    """Return an artifact row as the runtimes and engines name it."""
    return ArtifactRef(
        public_id=str(artifact.public_id),
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        format=artifact.format,
        file_name=artifact.file_name,
    )


def artifact_facts(artifact: Artifact) -> ArtifactFacts:
    """Return what an artifact says of itself; keys this version does not know are left out."""
    known = asdict(ArtifactFacts())
    return ArtifactFacts(**{k: v for k, v in artifact.facts.items() if k in known})
