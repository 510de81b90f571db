"""Makes the replicas of a deployment what its wish says. Rows only: no host is spoken to here."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError

from models_app.domain.failures import Failure, FailureCode
from models_app.domain.names import workload_name
from models_app.domain.scheduling import Choice, choose_host
from models_app.domain.states import DeploymentState, ReplicaState, Scheduling, Wish
from models_app.models import Deployment, Replica, Revision
from models_app.selectors.fits import need_of, offers_for, predicted_bytes
from models_app.selectors.hosts import fleet_is_cut_off
from models_app.services.deployments import live_replicas, wished_revision
from models_app.services.leases import Lease
from models_app.services.observed.deployments import (
    deployment_forget,
    deployment_state_set,
    replica_add,
    replica_release,
)
from workers.reconcilers.base import DONE, Result, run
from workers.reconcilers.deployment_plan import (
    Action,
    Add,
    Desired,
    End,
    Release,
    ReplicaSeen,
    derive_state,
    plan,
)

NO_ROOM_S = 10.0  # until it is looked for again; a host that frees memory also asks
SETTLING_S = 15.0  # a lost nudge of a replica costs at most this


def reconcile_deployment(deployment_id: int) -> None:
    """Look at one deployment."""
    run(Deployment, deployment_id, _work, related=("revision__artifact__model",))


def _work(deployment: Deployment, lease: Lease[Deployment]) -> Result:
    desired = Desired(Wish(deployment.wish), deployment.replicas_wished)
    revision = wished_revision(deployment)
    replicas = live_replicas(deployment)
    failure: Failure | None = None
    for action in plan(desired, [_seen(replica, revision) for replica in replicas]):
        if action == End.FORGET:
            deployment_forget(lease, deployment)
            return DONE
        failure = _apply(action, deployment, lease, desired, revision, replicas) or failure
    return _conclude(deployment, lease, desired, revision, failure)


def _apply(
    action: Action,
    deployment: Deployment,
    lease: Lease[Deployment],
    desired: Desired,
    revision: Revision,
    replicas: list[Replica],
) -> Failure | None:
    by_id = {replica.pk: replica for replica in replicas}
    if isinstance(action, Release):
        if not _must_wait(by_id[action.row_id], desired):
            replica_release(lease, by_id[action.row_id])
        return None
    if not isinstance(action, Add):
        return None
    choice = _choose(deployment, revision)
    if choice.host_id is not None:
        _add(deployment, lease, revision, action.index, choice)
        return None
    if action.instead_of is not None and action.instead_of in by_id:
        if _may_give_way(by_id[action.instead_of], choice):
            replica_release(lease, by_id[action.instead_of])
        return None
    is_making_room = any(not replica.is_wanted for replica in replicas)
    return None if is_making_room else _no_room(revision, choice)


def _must_wait(replica: Replica, desired: Desired) -> bool:
    """What may still serve is not moved or rolled while we may be cut off from most hosts.

    A person who stops or deletes a deployment means it; that is not held up.
    """
    is_ours_to_decide = desired.wish == Wish.RUNNING
    may_serve = replica.state in {ReplicaState.READY, ReplicaState.UNKNOWN}
    return is_ours_to_decide and may_serve and fleet_is_cut_off()


def _may_give_way(old: Replica, choice: Choice) -> bool:
    """An old copy gives way only where that makes the room: never when no host would take the new.

    On a host that is being drained the copy stays where it is until another host has room.
    """
    return choice.refused.get(old.host.name) == FailureCode.NOT_ENOUGH_MEMORY


def _choose(deployment: Deployment, revision: Revision) -> Choice:
    return choose_host(need_of(revision), offers_for(deployment, revision.artifact))


def _add(
    deployment: Deployment,
    lease: Lease[Deployment],
    revision: Revision,
    index: int,
    choice: Choice,
) -> None:
    fields: Mapping[str, Any] = {
        "revision": revision,
        "index": index,
        "host_id": choice.host_id,
        "workload": workload_name(deployment.name, index, revision.number),
        "reason": dict(choice.reason),
        "predicted_bytes": predicted_bytes(revision),
    }
    try:
        replica_add(lease, deployment, fields=fields)
    except IntegrityError:
        # Another worker was faster with this index: the next look sees its row.
        return


def _no_room(revision: Revision, choice: Choice) -> Failure:
    reasons = set(choice.refused.values())
    params = {**choice.reason, "needed_bytes": predicted_bytes(revision)}
    for code in (FailureCode.NOT_ENOUGH_MEMORY, FailureCode.MEMORY_UNKNOWN):
        if str(code) in reasons:
            return Failure(code, params)
    return Failure(FailureCode.NO_HOST, params)


def _conclude(
    deployment: Deployment,
    lease: Lease[Deployment],
    desired: Desired,
    revision: Revision,
    failure: Failure | None,
) -> Result:
    replicas = live_replicas(deployment)
    seen = [_seen(replica, revision) for replica in replicas]
    state = derive_state(desired, seen, has_room=failure is None)
    deployment_state_set(
        lease,
        deployment,
        state,
        failure=failure or _worst_failure(state, replicas),
        generation=deployment.generation,
    )
    if failure:
        return Result(NO_ROOM_S)
    is_settled = state in {DeploymentState.READY, DeploymentState.STOPPED}
    return DONE if is_settled else Result(SETTLING_S)


def _worst_failure(state: DeploymentState, replicas: list[Replica]) -> Failure | None:
    if state not in {DeploymentState.FAILED, DeploymentState.DEGRADED}:
        return None
    for replica in replicas:
        if replica.failure_code and replica.state in {ReplicaState.FAILED, ReplicaState.BACKOFF}:
            return Failure(
                FailureCode(replica.failure_code),
                replica.failure_params,
                tuple(replica.failure_evidence),
            )
    return None


def _seen(replica: Replica, revision: Revision) -> ReplicaSeen:
    may_stay = replica.host.scheduling != Scheduling.DRAINING
    return ReplicaSeen(
        row_id=replica.pk,
        index=replica.index,
        state=ReplicaState(replica.state),
        is_wanted=replica.is_wanted,
        is_current=replica.revision_id == revision.pk and may_stay,
    )
