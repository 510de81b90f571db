"""Brings a model file into the store: describe, fetch, read its header, hash, adopt, record.

Nothing is remembered but what lies on the disk and in the row. A step that is repeated after a
kill finds the part file, goes on behind its last byte, and ends in the same artifact.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings

from models_app.domain.failures import FailureCode, fail
from models_app.domain.gguf import GgufError, facts, file_format, read_header
from models_app.domain.names import safe_file_name
from models_app.domain.specs import Transfer
from models_app.domain.store import ModelStore
from models_app.domain.uploads import UploadFolder
from models_app.models import Operation
from models_app.selectors.instance import fetch_networks
from models_app.services.artifacts import ArtifactContent, artifact_record, deploy_imported
from models_app.services.leases import Lease
from models_app.services.observed.operations import operation_progress
from workers.reconcilers.operations.hashing import hash_with_progress
from workers.registry import source as source_of
from workers.sources.base import Description, Source

SLICE_S = 2.0  # of fetching per step: how often progress shows, and how much a kill costs


class ImportWork:
    """See `Work`."""

    pause_s = 0.0

    def step(self, operation: Operation, lease: Lease[Operation]) -> Mapping[str, Any] | None:
        """Fetch a slice; when the file is whole, check and record it."""
        source = source_of(
            operation.parameters["source"],
            uploads=settings.PATHS.uploads,
            networks=fetch_networks(),
        )
        description = _describe(operation, lease, source)
        place = _adopted(operation, description)
        if place is None:
            transfer = _fetch(operation, lease, source, description)
            if not transfer.finished:
                return None
            _inspect(part_path(operation), description.file_name)
            sha256 = _verified(operation, lease, description, transfer)
            place = _store().adopt(part_path(operation), sha256, _file_name(description))
        sha256, header = place.parent.name, read_header(place)
        content = ArtifactContent(
            file_name=place.name,
            size_bytes=place.stat().st_size,
            sha256=sha256,
            format=file_format(header),
            facts=asdict(facts(header)),
        )
        artifact = artifact_record(lease, operation, content)
        deployment = deploy_imported(operation, artifact)
        self.clean_up(operation)
        return {
            "artifact": str(artifact.public_id),
            "sha256": sha256,
            "deployment": deployment.name if deployment else None,
        }

    def clean_up(self, operation: Operation) -> None:
        """Remove the half file, and what is known of an upload: it is in the store, or unwanted."""
        part_path(operation).unlink(missing_ok=True)
        upload = str(operation.parameters["reference"].get("upload", ""))
        if operation.parameters["source"] == "upload":
            UploadFolder(settings.PATHS.uploads).forget_hash(upload)


def part_path(operation: Operation) -> Path:
    """Return where an operation's half file lies."""
    folder: Path = settings.PATHS.uploads
    return folder / f"import-{operation.public_id}.part"


def _store() -> ModelStore:
    return ModelStore(settings.PATHS.models)


def _file_name(description: Description) -> str:
    return safe_file_name(description.file_name)


def _adopted(operation: Operation, description: Description) -> Path | None:
    """Return where the file lies in the store, when a try that was killed got as far as that."""
    sha256 = operation.result.get("verified", "")
    place = _store().path_of(sha256, _file_name(description)) if sha256 else None
    return place if place and place.exists() else None


def _verified(
    operation: Operation, lease: Lease[Operation], description: Description, transfer: Transfer
) -> str:
    """Return the sha256 of the part, held to what was promised, and written down.

    Once the part has moved nobody could fetch an upload again: a repeated step must know of it.
    """
    part = part_path(operation)
    sha256 = transfer.sha256 or hash_with_progress(part, lease, operation)
    if description.sha256 and description.sha256 != sha256:
        part.unlink()
        raise fail(FailureCode.CHECKSUM, wanted=description.sha256, got=sha256)
    known = {**operation.result, "verified": sha256}
    operation_progress(lease, operation, phase="verifying", result=known)
    return sha256


def _describe(operation: Operation, lease: Lease[Operation], source: Source) -> Description:
    """Ask once and keep the answer: a source that changes on the way must be noticed."""
    kept = operation.result.get("description")
    if kept:
        return Description(**kept)
    description = source.describe(operation.parameters["reference"])
    operation_progress(
        lease,
        operation,
        phase="fetching",
        total_bytes=description.size_bytes,
        result={"description": asdict(description)},
    )
    return description


def _fetch(
    operation: Operation, lease: Lease[Operation], source: Source, description: Description
) -> Transfer:
    began, before = time.monotonic(), operation.done_bytes
    transfer = source.fetch(
        operation.parameters["reference"],
        description,
        part_path(operation),
        seconds=SLICE_S,
    )
    elapsed = max(time.monotonic() - began, 0.001)
    operation_progress(
        lease,
        operation,
        phase="fetching",
        done_bytes=transfer.done_bytes,
        total_bytes=transfer.total_bytes or description.size_bytes,
        bytes_per_s=max(transfer.done_bytes - before, 0) / elapsed,
    )
    return transfer


def _inspect(part: Path, file_name: str) -> None:
    """Read the header before anything else touches the file. Raises FailureError."""
    try:
        facts(read_header(part))
    except GgufError as error:
        part.unlink()
        figures = {"file": safe_file_name(file_name), "fault": error.reason.value, **error.params}
        raise fail(error.failure_code, **figures) from None
