"""Changes of the models that lie on an Ollama host: each an operation that the hands carry out."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError, InvalidError
from models_app.domain.modelfile import Modelfile, check_modelfile, render_modelfile
from models_app.domain.ollama_names import is_slipways, namespace_of, parse_model_name
from models_app.domain.states import ArtifactState, OperationState, ReplicaState, Role
from models_app.models import Artifact, Deployment, Host, HostModel, Operation, Replica
from models_app.services.adapters import adapter_of
from models_app.services.operations import operation_begin

PULL = "pull_model"
CREATE = "create_model"
PUSH = "push_model"
COPY = "copy_model"
DELETE = "delete_model"
LOAD = "load_model"
UNLOAD = "unload_model"
KEEP_ALIVE_LIMIT_S = 7 * 24 * 3600


@transaction.atomic
def host_model_pull(actor: Actor, host: Host, *, name: str) -> Operation:
    """Begin to fetch a model on its server. Raises InvalidError, ConflictError."""
    _allow(actor, host)
    parsed = parse_model_name(name, registries=registries())
    insecure = bool(registries().get(parsed.registry))
    return _begin(actor, host, PULL, str(parsed), {"insecure": insecure})


@transaction.atomic
def host_model_create(actor: Actor, host: Host, *, name: str, modelfile: Modelfile) -> Operation:
    """Begin to make a variant of a model that lies there. Raises InvalidError, ConflictError."""
    _allow(actor, host)
    target = _new_name(host, name)
    check_modelfile(modelfile, registries=registries())
    base = str(parse_model_name(modelfile.base, registries=registries()))
    row = HostModel.objects.filter(host=host, name=base).first()
    if row is None:
        raise InvalidError(
            "HOST_MODEL_UNKNOWN",
            params={"name": base, "host": host.name},
            fields={"modelfile": "HOST_MODEL_UNKNOWN"},
        )
    asked = {"modelfile": render_modelfile(modelfile)}
    return _begin(actor, host, CREATE, target, asked, artifact=adapter_of(row, modelfile))


@transaction.atomic
def host_model_push(actor: Actor, host: Host, *, name: str, artifact: Artifact) -> Operation:
    """Begin to send a GGUF file of the model store there. Raises InvalidError, ConflictError."""
    _allow(actor, host)
    target = _new_name(host, name)
    if artifact.state != ArtifactState.READY or artifact.format != "gguf":
        raise ConflictError(
            "ARTIFACT_NOT_READY", params={"file": artifact.file_name, "state": artifact.state}
        )
    return _begin(actor, host, PUSH, target, {}, artifact=artifact)


@transaction.atomic
def host_model_copy(actor: Actor, row: HostModel, *, name: str) -> Operation:
    """Begin to give a model another name as well. Raises InvalidError, ConflictError."""
    _allow(actor, row.host)
    return _begin(actor, row.host, COPY, _new_name(row.host, name), {"source": row.name})


@transaction.atomic
def host_model_delete(actor: Actor, row: HostModel) -> Operation:
    """Begin to take a name off its server. Raises ConflictError HOST_MODEL_IN_USE, HOST_MODEL_OURS.

    The first names the deployments that need it; the second is for what Slipway itself put there.
    """
    _allow(actor, row.host)
    users = host_model_users(row)
    if users:
        raise ConflictError(
            "HOST_MODEL_IN_USE", params={"name": row.name, "deployments": ", ".join(users)}
        )
    if row.name.startswith(f"{namespace_of(settings.INSTANCE_ID)}/"):
        raise ConflictError("HOST_MODEL_OURS", params={"name": row.name})
    return _begin(actor, row.host, DELETE, row.name, {})


@transaction.atomic
def host_model_load(actor: Actor, row: HostModel, *, keep_alive_s: int) -> Operation:
    """Begin to load a model, to stay so long after each request (-1: always); also when it is."""
    _allow(actor, row.host)
    if not -1 <= keep_alive_s <= KEEP_ALIVE_LIMIT_S:
        raise InvalidError("VALUE_OUT_OF_RANGE", fields={"keep_alive_s": "VALUE_OUT_OF_RANGE"})
    return _begin(actor, row.host, LOAD, row.name, {"keep_alive_s": keep_alive_s})


@transaction.atomic
def host_model_unload(actor: Actor, row: HostModel) -> Operation:
    """Begin to give a model's memory back, once no request uses it."""
    _allow(actor, row.host)
    return _begin(actor, row.host, UNLOAD, row.name, {})


def host_model_users(row: HostModel) -> list[str]:
    """Return the names of the deployments that need this name to stay.

    Another name of the same content serves a deployment as well; a replica's own model is needed by
    its replica.
    """
    host = row.host
    live = Replica.objects.filter(host=host, served_as=row.name).exclude(state=ReplicaState.RETIRED)
    names = set(live.values_list("deployment__name", flat=True))
    same = HostModel.objects.filter(host=host, digest=row.digest, is_ours=False)
    if row.artifact_id and not row.is_ours and not same.exclude(pk=row.pk).exists():
        wanted = Deployment.objects.filter(revision__artifact_id=row.artifact_id)
        names |= set(wanted.values_list("name", flat=True))
    return sorted(names)


def _allow(actor: Actor, host: Host) -> None:
    actor.require(Role.OPERATOR)
    if host.runtime != "ollama":
        raise ConflictError("HOST_KEEPS_NO_MODELS", params={"name": host.name})


def registries() -> Mapping[str, bool]:
    """Return the hosts that names may begin with besides the default; True: asked without TLS."""
    found: Mapping[str, bool] = settings.ENV.model_registries
    return found


def _new_name(host: Host, name: str) -> str:
    """Return a name that is free there, and not one of those that Slipway gives."""
    parsed = str(parse_model_name(name))
    if is_slipways(parsed):
        raise InvalidError(
            "MODEL_NAME_INVALID", params={"name": parsed}, fields={"name": "MODEL_NAME_INVALID"}
        )
    if HostModel.objects.filter(host=host, name=parsed).exists():
        raise ConflictError("NAME_TAKEN", params={"name": parsed}, fields={"name": "NAME_TAKEN"})
    return parsed


def _begin(
    actor: Actor,
    host: Host,
    kind: str,
    name: str,
    parameters: Mapping[str, Any],
    *,
    artifact: Artifact | None = None,
) -> Operation:
    unfinished = [state for state in OperationState if not state.finished]
    running = Operation.objects.filter(host=host, title=name[:200], state__in=unfinished).first()
    if running is not None:
        raise ConflictError(
            "HOST_MODEL_BUSY", params={"name": name, "operation": str(running.public_id)}
        )
    return operation_begin(
        actor,
        kind,
        title=name,
        host=host,
        artifact=artifact,
        parameters={"name": name, **parameters},
        total_bytes=artifact.size_bytes if artifact else None,
    )
