"""Changes of a deployment's wish. Each takes effect through the reconcilers, never here."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError, InvalidError, NotFoundError
from models_app.domain.gateway import as_values, limits_of, timeouts_of
from models_app.domain.label_rules import is_selector
from models_app.domain.names import check_name
from models_app.domain.scheduling import Apart, Policy
from models_app.domain.states import ArtifactState, ReplicaState, Role, Wish
from models_app.models import Artifact, Deployment, Host, Replica, Revision
from models_app.services.leases import database_time
from models_app.services.model_names import model_name_claim
from models_app.services.parameters import parameters_check, parameters_check_hosts
from models_app.services.records import (
    audit,
    before_and_after,
    changed,
    event,
    hold,
    lock_version,
)
from models_app.services.steps import step_all
from models_app.services.wishes import look_now, wish

REPLICAS_LIMIT = 64
PLACEMENT_KEYS = {"hosts", "selector", "policy", "apart"}
PLACEMENT_CHOICES: Mapping[str, type[StrEnum]] = {"policy": Policy, "apart": Apart}


@dataclass(frozen=True, slots=True)
class RevisionContent:
    """What a revision wishes for."""

    engine: str
    artifact: Artifact
    parameters: Mapping[str, Any]
    placement: Mapping[str, Any]
    comment: str = ""


@transaction.atomic
def deployment_create(  # noqa: PLR0913 - each a field of the form
    actor: Actor,
    *,
    name: str,
    engine: str,
    artifact: Artifact,
    parameters: Mapping[str, Any] | None = None,
    replicas: int = 1,
    placement: Mapping[str, Any] | None = None,
    comment: str = "",
) -> Deployment:
    """Wish for a new deployment. Raises ConflictError NAME_TAKEN (an alias's too), InvalidError."""
    actor.require(Role.OPERATOR)
    check_name(name)
    _check_replicas(replicas)
    model_name_claim(name)
    deployment = Deployment.objects.create(name=name, replicas_wished=replicas)
    content = RevisionContent(engine, artifact, parameters or {}, placement or {}, comment)
    deployment.revision = _revision_add(actor, deployment, content)
    deployment.save(update_fields=["revision"])
    audit(actor, "deployment.create", deployment, {"revision": [None, 1]})
    event(
        deployment,
        "deployment.created",
        params={"by": actor.name, "model": artifact.model.name, "engine": engine},
    )
    changed(deployment)
    look_now(deployment)
    return deployment


@transaction.atomic
def deployment_revise(  # noqa: PLR0913 - each a field of the form
    actor: Actor,
    deployment: Deployment,
    *,
    version: int | None,
    engine: str | None = None,
    artifact: Artifact | None = None,
    parameters: Mapping[str, Any] | None = None,
    placement: Mapping[str, Any] | None = None,
    comment: str = "",
) -> Revision:
    """Wish for a new revision; what is None stays. Running copies roll over to it one by one."""
    actor.require(Role.OPERATOR)
    hold(deployment, version)
    _check_alive(deployment)
    now = wished_revision(deployment)
    content = RevisionContent(
        engine or now.engine,
        artifact or now.artifact,
        now.parameters if parameters is None else parameters,
        now.placement if placement is None else placement,
        comment,
    )
    revision = _revision_add(actor, deployment, content)
    _choose(actor, deployment, "deployment.revise", version, revision)
    event(
        deployment,
        "deployment.revised",
        params={"by": actor.name, "revision": revision.number},
    )
    return revision


@transaction.atomic
def deployment_roll_back(
    actor: Actor, deployment: Deployment, *, version: int | None, number: int
) -> Revision:
    """Wish for an older revision again. Raises NotFoundError REVISION_UNKNOWN."""
    actor.require(Role.OPERATOR)
    hold(deployment, version)
    _check_alive(deployment)
    revision = deployment.revisions.select_related("artifact").filter(number=number).first()
    if revision is None:
        raise NotFoundError("REVISION_UNKNOWN", params={"number": number})
    _choose(actor, deployment, "deployment.roll_back", version, revision)
    event(
        deployment,
        "deployment.rolled_back",
        params={"by": actor.name, "revision": revision.number},
    )
    return revision


@transaction.atomic
def deployment_scale(
    actor: Actor, deployment: Deployment, *, version: int | None, replicas: int
) -> Deployment:
    """Wish for another number of replicas; the same number changes nothing."""
    actor.require(Role.OPERATOR)
    hold(deployment, version)
    _check_alive(deployment)
    _check_replicas(replicas)
    before = deployment.replicas_wished
    if replicas == before:
        return deployment
    wish(
        actor,
        deployment,
        "deployment.scale",
        version=version,
        changes={"replicas_wished": replicas},
    )
    event(
        deployment,
        "deployment.scaled",
        params={"by": actor.name, "before": before, "after": replicas},
    )
    return deployment


@transaction.atomic
def deployment_stop(actor: Actor, deployment: Deployment, *, version: int | None) -> Deployment:
    """Wish that nothing of it runs; its revisions and history stay."""
    return _set_wish(actor, deployment, Wish.STOPPED, "stop", version)


@transaction.atomic
def deployment_start(actor: Actor, deployment: Deployment, *, version: int | None) -> Deployment:
    """Wish that it runs again."""
    return _set_wish(actor, deployment, Wish.RUNNING, "start", version)


@transaction.atomic
def deployment_retry(actor: Actor, deployment: Deployment, *, version: int | None) -> Deployment:
    """Try failed and waiting replicas again now, with their backoff back at zero."""
    actor.require(Role.OPERATOR)
    hold(deployment, version)
    _check_alive(deployment)
    waiting = deployment.replicas.filter(state__in=[ReplicaState.FAILED, ReplicaState.BACKOFF])
    rows = list(waiting)
    since = database_time()
    step_all(waiting, ReplicaState.PENDING, state_since=since, attempts=0, failure_code="")
    for replica in rows:
        look_now(replica)
    wish(actor, deployment, "deployment.retry", version=version, changes={"failure_code": ""})
    event(deployment, "deployment.retried", params={"by": actor.name})
    return deployment


@transaction.atomic
def deployment_gateway(
    actor: Actor,
    deployment: Deployment,
    *,
    version: int | None,
    limits: Mapping[str, Any],
    timeouts: Mapping[str, Any],
) -> Deployment:
    """Say how much may be asked of it through the gateway, and how long it may take.

    Gateways follow within seconds; nothing that runs is touched.
    """
    actor.require(Role.OPERATOR)
    hold(deployment, version)
    _check_alive(deployment)
    timeouts_of(timeouts)
    checked = {"limits": as_values(limits_of(limits)), "timeouts": dict(timeouts)}
    lock_version(deployment, version)
    difference = before_and_after(deployment, checked)
    for column, value in checked.items():
        setattr(deployment, column, value)
    deployment.save(update_fields=[*checked, "updated_at"])
    audit(actor, "deployment.gateway", deployment, difference)
    changed(deployment)
    return deployment


@transaction.atomic
def deployment_delete(actor: Actor, deployment: Deployment, *, version: int | None) -> Deployment:
    """Wish that it did not exist. The row goes once nothing of it runs anywhere."""
    actor.require(Role.OPERATOR)
    hold(deployment, version)
    if deployment.wish == Wish.DELETED:
        return deployment
    wish(actor, deployment, "deployment.delete", version=version, changes={"wish": Wish.DELETED})
    event(deployment, "deployment.deleted", params={"by": actor.name})
    return deployment


def wished_revision(deployment: Deployment) -> Revision:
    """Return the revision wished for; every deployment outside its own creation has one."""
    revision = deployment.revision
    if revision is None:
        raise ConflictError("STATE_FORBIDS", params={"state": "creating", "wanted": "any"})
    return revision


def live_replicas(deployment: Deployment) -> list[Replica]:
    """Return the replicas that are not history."""
    rows = deployment.replicas.exclude(state=ReplicaState.RETIRED)
    return list(rows.select_related("host", "revision", "revision__artifact", "deployment"))


def _choose(
    actor: Actor, deployment: Deployment, action: str, version: int | None, revision: Revision
) -> None:
    before = wished_revision(deployment)
    wish(
        actor,
        deployment,
        action,
        version=version,
        changes={"revision": revision, "failure_code": ""},
        noted={"revision": [before.number, revision.number]},
    )


def _set_wish(
    actor: Actor, deployment: Deployment, to: Wish, verb: str, version: int | None
) -> Deployment:
    actor.require(Role.OPERATOR)
    hold(deployment, version)
    _check_alive(deployment)
    if deployment.wish == to:
        return deployment
    wish(actor, deployment, f"deployment.{verb}", version=version, changes={"wish": to})
    past = {"stop": "deployment.stopped", "start": "deployment.started"}[verb]
    event(deployment, past, params={"by": actor.name})
    return deployment


def _revision_add(actor: Actor, deployment: Deployment, content: RevisionContent) -> Revision:
    artifact = content.artifact
    hold(artifact)
    if artifact.state != ArtifactState.READY:
        raise ConflictError(
            "ARTIFACT_NOT_READY", params={"file": artifact.file_name, "state": artifact.state}
        )
    checked = parameters_check(content.engine, artifact, content.parameters)
    _check_placement(content.placement)
    parameters_check_hosts(content.engine, checked, content.placement.get("hosts", []))
    last = deployment.revisions.order_by("-number").values_list("number", flat=True).first()
    return Revision.objects.create(
        deployment=deployment,
        number=(last or 0) + 1,
        engine=content.engine,
        artifact=artifact,
        parameters=checked,
        placement=dict(content.placement),
        comment=content.comment[:200],
        created_by_id=actor.user_id,
    )


def _check_alive(deployment: Deployment) -> None:
    if deployment.wish == Wish.DELETED:
        raise ConflictError("BEING_DELETED", params={"name": deployment.name})


def _check_replicas(replicas: int) -> None:
    if not 0 <= replicas <= REPLICAS_LIMIT:
        raise InvalidError(
            "REPLICAS_OUT_OF_RANGE",
            params={"limit": REPLICAS_LIMIT},
            fields={"replicas": "VALUE_OUT_OF_RANGE"},
        )


def _check_placement(placement: Mapping[str, Any]) -> None:
    """Raise InvalidError unless every key is known and every host named exists."""
    is_known = not set(placement) - PLACEMENT_KEYS and all(
        placement[key] in set(choices)
        for key, choices in PLACEMENT_CHOICES.items()
        if key in placement
    )
    if not is_known:
        raise InvalidError("PLACEMENT_INVALID", fields={"placement": "VALUE_INVALID"})
    names = placement.get("hosts", [])
    selector = placement.get("selector", {})
    is_sound = (
        isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and is_selector(selector)
    )
    if not is_sound:
        raise InvalidError("PLACEMENT_INVALID", fields={"placement": "VALUE_INVALID"})
    known = set(Host.objects.filter(name__in=names).values_list("name", flat=True))
    missing = sorted(set(names) - known)
    if missing:
        raise InvalidError(
            "HOST_UNKNOWN",
            params={"names": ", ".join(missing)},
            fields={"placement.hosts": "HOST_UNKNOWN"},
        )
