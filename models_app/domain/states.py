"""Every state machine of Slipway, each written once.

A state is a stored string; a machine is the table of the steps it may take. Services write one
through `services/steps.py`, which asks the table, and the database holds the set of names as a
check constraint. ARCHITECTURE.md draws the same tables: a test compares.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from models_app.domain.errors import ConflictError

S = TypeVar("S", bound=StrEnum)


class Role(StrEnum):
    """What a user may do: look, run things, or manage hosts, users and settings."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def allows(self, needed: "Role") -> bool:
        """Return whether this role includes what `needed` may do."""
        order = [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
        return order.index(self) >= order.index(needed)


class HostState(StrEnum):
    """Can we speak to the host?"""

    PENDING = "pending"  # never answered yet
    READY = "ready"
    UNREACHABLE = "unreachable"  # was fine, does not answer; nothing is destroyed for it
    FAILED = "failed"  # it answers and refuses; a person decides
    REMOVING = "removing"


class Scheduling(StrEnum):
    """May new replicas be put on the host?"""

    OPEN = "open"
    CORDONED = "cordoned"
    DRAINING = "draining"


class ArtifactState(StrEnum):
    """Does the model store hold the file? The row begins to exist once it was verified."""

    READY = "ready"
    CORRUPT = "corrupt"
    MISSING = "missing"
    REMOVING = "removing"


class PlacementState(StrEnum):
    """Does the host hold the artifact?"""

    PENDING = "pending"
    PLACING = "placing"
    READY = "ready"
    FAILED = "failed"
    REMOVING = "removing"


class Wish(StrEnum):
    """What the owner of a deployment wants of it."""

    RUNNING = "running"
    STOPPED = "stopped"
    DELETED = "deleted"


class DeploymentState(StrEnum):
    """How far the wish has come true; derived from the replicas."""

    PENDING = "pending"
    DEPLOYING = "deploying"
    READY = "ready"
    DEGRADED = "degraded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DELETING = "deleting"


class ReplicaState(StrEnum):
    """One running copy. RETIRED rows are history and own nothing."""

    PENDING = "pending"
    PLACING = "placing"
    STARTING = "starting"
    READY = "ready"
    UNHEALTHY = "unhealthy"  # runs, does not answer; out of the routing
    UNKNOWN = "unknown"  # its host is silent
    BACKOFF = "backoff"  # failed; next try at `next_action_at`
    FAILED = "failed"  # failed; waiting does not mend it
    STOPPING = "stopping"
    RETIRED = "retired"


class OperationState(StrEnum):
    """Long work with progress."""

    PENDING = "pending"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """Return whether nothing more will happen."""
        return self in {
            OperationState.SUCCEEDED,
            OperationState.FAILED,
            OperationState.CANCELLED,
        }


_R = ReplicaState
REPLICA_STEPS: Mapping[ReplicaState, frozenset[ReplicaState]] = {
    _R.PENDING: frozenset(
        {_R.PLACING, _R.STARTING, _R.UNKNOWN, _R.BACKOFF, _R.FAILED, _R.STOPPING}
    ),
    _R.PLACING: frozenset({_R.STARTING, _R.UNKNOWN, _R.BACKOFF, _R.FAILED, _R.STOPPING}),
    _R.STARTING: frozenset({_R.READY, _R.PLACING, _R.UNKNOWN, _R.BACKOFF, _R.FAILED, _R.STOPPING}),
    _R.READY: frozenset(
        {_R.UNHEALTHY, _R.UNKNOWN, _R.BACKOFF, _R.FAILED, _R.STOPPING, _R.STARTING}
    ),
    _R.UNHEALTHY: frozenset({_R.READY, _R.UNKNOWN, _R.BACKOFF, _R.FAILED, _R.STOPPING}),
    _R.UNKNOWN: frozenset(
        {
            _R.PENDING,
            _R.PLACING,
            _R.STARTING,
            _R.READY,
            _R.UNHEALTHY,
            _R.BACKOFF,
            _R.FAILED,
            _R.STOPPING,
        }
    ),
    _R.BACKOFF: frozenset(
        {_R.PENDING, _R.PLACING, _R.STARTING, _R.READY, _R.UNKNOWN, _R.FAILED, _R.STOPPING}
    ),
    _R.FAILED: frozenset({_R.PENDING, _R.STOPPING}),
    _R.STOPPING: frozenset({_R.RETIRED}),
    _R.RETIRED: frozenset(),
}

_O = OperationState
OPERATION_STEPS: Mapping[OperationState, frozenset[OperationState]] = {
    _O.PENDING: frozenset({_O.RUNNING, _O.CANCELLING, _O.CANCELLED, _O.FAILED}),
    _O.RUNNING: frozenset({_O.CANCELLING, _O.SUCCEEDED, _O.FAILED}),
    _O.CANCELLING: frozenset({_O.CANCELLED, _O.SUCCEEDED, _O.FAILED}),
    _O.FAILED: frozenset({_O.PENDING}),  # retry
    _O.CANCELLED: frozenset({_O.PENDING}),
    _O.SUCCEEDED: frozenset(),
}

_P = PlacementState
PLACEMENT_STEPS: Mapping[PlacementState, frozenset[PlacementState]] = {
    _P.PENDING: frozenset({_P.PLACING, _P.READY, _P.FAILED, _P.REMOVING}),
    _P.PLACING: frozenset({_P.READY, _P.FAILED, _P.REMOVING}),
    _P.READY: frozenset({_P.PENDING, _P.FAILED, _P.REMOVING}),
    _P.FAILED: frozenset({_P.PENDING, _P.READY, _P.REMOVING}),
    _P.REMOVING: frozenset({_P.FAILED}),  # the host refuses to take it off
}

_A = ArtifactState
ARTIFACT_STEPS: Mapping[ArtifactState, frozenset[ArtifactState]] = {
    _A.READY: frozenset({_A.CORRUPT, _A.MISSING, _A.REMOVING}),
    _A.CORRUPT: frozenset({_A.READY, _A.MISSING, _A.REMOVING}),
    _A.MISSING: frozenset({_A.READY, _A.CORRUPT, _A.REMOVING}),
    _A.REMOVING: frozenset({_A.READY}),  # the same file was imported again meanwhile
}

_H = HostState
HOST_STEPS: Mapping[HostState, frozenset[HostState]] = {
    _H.PENDING: frozenset({_H.READY, _H.UNREACHABLE, _H.FAILED, _H.REMOVING}),
    _H.READY: frozenset({_H.UNREACHABLE, _H.FAILED, _H.REMOVING}),
    _H.UNREACHABLE: frozenset({_H.READY, _H.FAILED, _H.REMOVING}),
    _H.FAILED: frozenset({_H.PENDING, _H.READY, _H.UNREACHABLE, _H.REMOVING}),
    _H.REMOVING: frozenset(),
}

MACHINES: Mapping[type[StrEnum], Mapping[Any, frozenset[Any]]] = {
    ReplicaState: REPLICA_STEPS,
    OperationState: OPERATION_STEPS,
    HostState: HOST_STEPS,
    PlacementState: PLACEMENT_STEPS,
    ArtifactState: ARTIFACT_STEPS,
}


def check_step(steps: Mapping[S, frozenset[S]], now: S, then: S) -> None:
    """Raise ConflictError unless `now` may become `then`; staying is always allowed."""
    if now != then and then not in steps[now]:
        raise ConflictError("STATE_FORBIDS", params={"state": str(now), "wanted": str(then)})
