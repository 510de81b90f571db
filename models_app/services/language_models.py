"""Changes of models and artifacts: imported, described, checked, deleted."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError, InvalidError
from models_app.domain.names import check_name
from models_app.domain.states import ArtifactState, OperationState, ReplicaState, Role
from models_app.models import Artifact, Deployment, LanguageModel, Operation
from models_app.selectors.operations import UNFINISHED
from models_app.services.imports import import_check
from models_app.services.operations import operation_begin
from models_app.services.records import audit, before_and_after, changed, hold, lock_version
from models_app.services.steps import step
from models_app.services.wishes import look_now

SOURCES = {"file", "url", "upload", "bundled"}
IMPORT = "import"
VERIFY = "verify"
REMOVE_ARTIFACT = "remove_artifact"
EDITABLE = {"title", "description", "licence"}


@transaction.atomic
def model_import(  # noqa: PLR0913 - what a person says of a model that is not here yet
    actor: Actor,
    *,
    name: str,
    source: str,
    reference: Mapping[str, Any],
    title: str = "",
    licence: str = "",
    description: str = "",
    then_deploy: Mapping[str, Any] | None = None,
) -> Operation:
    """Begin to bring a model file into the store; the artifact appears when it is verified.

    A model of that name that exists gets one more artifact. `then_deploy` holds the arguments of a
    deployment that is wished for as soon as the artifact is ready.
    """
    actor.require(Role.ADMIN if source == "file" else Role.OPERATOR)
    check_name(name)
    if source not in SOURCES:
        raise InvalidError("SOURCE_UNKNOWN", fields={"source": "SOURCE_UNKNOWN"})
    reference = import_check(actor, source, reference)
    said = {"title": (title or name)[:200], "licence": licence, "description": description}
    model = _model_of(actor, name, source_kind=source, **said)
    hold(model)
    _check_not_importing(model, reference)
    return operation_begin(
        actor,
        IMPORT,
        title=model.title,
        model=model,
        parameters={
            "source": source,
            "reference": dict(reference),
            "then_deploy": dict(then_deploy) if then_deploy else None,
        },
    )


@transaction.atomic
def model_edit(
    actor: Actor, model: LanguageModel, *, version: int | None, **changes: str
) -> LanguageModel:
    """Change what people say of a model: title, description, licence."""
    actor.require(Role.OPERATOR)
    unknown = set(changes) - EDITABLE
    if unknown:
        raise InvalidError("FIELD_UNKNOWN", fields=dict.fromkeys(unknown, "FIELD_UNKNOWN"))
    return _edit(actor, model, version, changes)


@transaction.atomic
def model_delete(actor: Actor, model: LanguageModel, *, version: int | None) -> None:
    """Delete a model with all its artifacts. Raises ConflictError MODEL_IN_USE, naming by what."""
    actor.require(Role.OPERATOR)
    hold(model, version)
    _check_unused(model)
    artifacts = list(model.artifacts.all())
    if not artifacts:
        lock_version(model, version)
        audit(actor, "model.delete", model)
        changed(model)
        model.delete()
        return
    _edit(actor, model, version, {})
    for artifact in artifacts:
        _remove(actor, artifact, with_model=True)
    audit(actor, "model.delete", model, {"artifacts": [len(artifacts), 0]})


@transaction.atomic
def artifact_delete(actor: Actor, artifact: Artifact, *, version: int | None) -> Operation:
    """Delete one artifact from the store and from every host. Raises ConflictError."""
    actor.require(Role.OPERATOR)
    hold(artifact, version)
    _check_unused(artifact.model, artifact)
    return _remove(actor, artifact, with_model=False)


@transaction.atomic
def artifact_verify(actor: Actor, artifact: Artifact) -> Operation:
    """Begin to read the whole file again and compare its sha256.

    Raises ConflictError ARTIFACT_ON_HOSTS for one that lies on hosts only.
    """
    actor.require(Role.OPERATOR)
    if artifact.format == "ollama":
        raise ConflictError("ARTIFACT_ON_HOSTS", params={"file": artifact.file_name})
    return operation_begin(
        actor,
        VERIFY,
        title=artifact.file_name,
        model=artifact.model,
        artifact=artifact,
        parameters={},
        total_bytes=artifact.size_bytes,
    )


def model_users(model: LanguageModel, artifact: Artifact | None = None) -> list[str]:
    """Return the names of deployments that want this model (or just this artifact) to exist."""
    wanted = {"revision__artifact": artifact} if artifact else {"revision__artifact__model": model}
    running = {f"replicas__{key}": value for key, value in wanted.items()}
    names = set(Deployment.objects.filter(**wanted).values_list("name", flat=True))
    live = Deployment.objects.filter(**running).exclude(replicas__state=ReplicaState.RETIRED)
    return sorted(names | set(live.values_list("name", flat=True)))


def _model_of(actor: Actor, name: str, **facts: str) -> LanguageModel:
    existing = LanguageModel.objects.filter(name=name).first()
    if existing:
        return existing
    try:
        with transaction.atomic():
            model = LanguageModel.objects.create(name=name, **facts)
    except IntegrityError:
        return LanguageModel.objects.get(name=name)
    audit(actor, "model.add", model)
    changed(model)
    return model


def _check_not_importing(model: LanguageModel, reference: Mapping[str, Any]) -> None:
    alive = [OperationState.PENDING, OperationState.RUNNING, OperationState.CANCELLING]
    for operation in model.operations.filter(kind=IMPORT, state__in=alive):
        if operation.parameters.get("reference") == dict(reference):
            raise ConflictError(
                "IMPORT_RUNNING",
                params={"name": model.name, "operation": str(operation.public_id)},
            )


def _edit(
    actor: Actor, model: LanguageModel, version: int | None, changes: Mapping[str, Any]
) -> LanguageModel:
    lock_version(model, version)
    before = before_and_after(model, changes)
    for key, value in changes.items():
        setattr(model, key, value)
    model.save()
    audit(actor, "model.edit", model, before)
    changed(model)
    return model


def _remove(actor: Actor, artifact: Artifact, *, with_model: bool) -> Operation:
    """Begin to remove it; asked again, return the operation that does it already."""
    hold(artifact)
    running = artifact.operations.filter(kind=REMOVE_ARTIFACT, state__in=UNFINISHED).first()
    if running and running.parameters.get("with_model") == with_model:
        return running
    artifact.state = step(artifact, ArtifactState.REMOVING)
    artifact.version += 1
    artifact.save()
    for placement in artifact.placements.all():
        look_now(placement)
    changed(artifact)
    return operation_begin(
        actor,
        REMOVE_ARTIFACT,
        title=artifact.file_name,
        model=artifact.model,
        artifact=artifact,
        parameters={"with_model": with_model},
    )


def _check_unused(model: LanguageModel, artifact: Artifact | None = None) -> None:
    users = model_users(model, artifact)
    if users:
        raise ConflictError(
            "MODEL_IN_USE", params={"name": model.name, "deployments": ", ".join(users)}
        )
