"""What the hands found in a model file, written as rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from models_app.domain.actors import SYSTEM, Actor
from models_app.domain.errors import ConflictError
from models_app.domain.gguf import ADAPTER_FORMAT
from models_app.domain.states import ArtifactState, Role
from models_app.domain.tiers import tier_of
from models_app.models import Artifact, Deployment, LanguageModel, Operation
from models_app.services.deployments import deployment_create
from models_app.services.leases import Lease
from models_app.services.records import changed, event
from models_app.services.steps import step_one


@dataclass(frozen=True, slots=True)
class ArtifactContent:
    """A verified file in the store."""

    file_name: str
    size_bytes: int
    sha256: str
    format: str
    facts: Mapping[str, Any]


@transaction.atomic
def artifact_record(
    lease: Lease[Operation], operation: Operation, content: ArtifactContent
) -> Artifact:
    """Write the row of an imported file; the row that exists for this content is returned."""
    lease.renew()
    model = operation.model
    if model is None:
        raise ConflictError("MODEL_GONE", params={"title": operation.title})
    artifact, created = Artifact.objects.get_or_create(
        sha256=content.sha256,
        defaults={
            "model": model,
            "format": content.format,
            "quantization": content.facts.get("quantization") or "",
            "file_name": content.file_name,
            "size_bytes": content.size_bytes,
            "facts": dict(content.facts),
        },
    )
    if step_one(artifact, ArtifactState.READY):
        artifact.refresh_from_db()
    Operation.objects.filter(pk=operation.pk).update(artifact=artifact)
    if created:
        if content.format != ADAPTER_FORMAT:  # its figures are not the model's
            _fill_facts(model, content.facts)
        params = {"file": artifact.file_name, "bytes": artifact.size_bytes, "model": model.name}
        event(artifact, "artifact.imported", level="good", params=params)
    changed(model)
    return artifact


def deploy_imported(operation: Operation, artifact: Artifact) -> Deployment | None:
    """Wish for the deployment that the import was begun for, once; None when there is none."""
    wanted = operation.parameters.get("then_deploy")
    if not wanted:
        return None
    user = operation.actor
    actor = Actor(user.pk, user.name, Role(user.role), "system") if user else SYSTEM
    existing = Deployment.objects.filter(name=wanted["name"]).first()
    return existing or deployment_create(actor, artifact=artifact, **wanted)


@transaction.atomic
def artifact_state_set(lease: Lease[Operation], artifact: Artifact, state: ArtifactState) -> None:
    """Write what a check found the store's file to be."""
    lease.renew()
    if not step_one(artifact, state):
        return
    artifact.refresh_from_db()
    level = "good" if state == ArtifactState.READY else "bad"
    event(artifact, f"artifact.{state}", level=level, params={"file": artifact.file_name})
    changed(artifact)


@transaction.atomic
def artifact_forget(lease: Lease[Operation], operation: Operation, artifact: Artifact) -> None:
    """The file is gone from everywhere: so is its row, and the model's when that was asked for."""
    lease.renew()
    model = artifact.model
    changed(artifact)
    artifact.delete()
    if operation.parameters.get("with_model") and not model.artifacts.exists():
        model.delete()


def _fill_facts(model: LanguageModel, facts: Mapping[str, Any]) -> None:
    """Take over what the file knows and people have not said."""
    model.family = model.family or facts.get("architecture") or ""
    model.parameters = model.parameters or facts.get("parameters")
    model.context_length = model.context_length or facts.get("context_length")
    model.licence = model.licence or facts.get("licence") or ""
    model.tier = tier_of(model.parameters) or ""
    model.save()
