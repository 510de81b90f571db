"""Which replicas a deployment should have next: pure, one step at a time.

Rolling to a new revision goes replica by replica: one more than wished is started where there is
room, and only when it serves does an old one go. A new one that does not become healthy stops the
roll; the old ones keep serving. The same steps empty a host that is being drained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from models_app.domain.states import DeploymentState, ReplicaState, Wish

SERVING = {ReplicaState.READY}
IN_TROUBLE = {ReplicaState.BACKOFF, ReplicaState.FAILED}
ON_THE_WAY = {ReplicaState.PENDING, ReplicaState.PLACING, ReplicaState.STARTING}


@dataclass(frozen=True, slots=True)
class ReplicaSeen:
    """A live replica. `is_current`: of the wished revision, on a host where it may stay."""

    row_id: int
    index: int
    state: ReplicaState
    is_wanted: bool
    is_current: bool


@dataclass(frozen=True, slots=True)
class Desired:
    """What is wished for now."""

    wish: Wish
    replicas: int


@dataclass(frozen=True, slots=True)
class Add:
    """Create a replica of this index. `instead_of`: release that one first if there is no room."""

    index: int
    instead_of: int | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Stop wanting a replica."""

    row_id: int


class End(StrEnum):
    """Nothing is left to stop."""

    FORGET = "forget"


Action = Add | Release | End


def plan(desired: Desired, replicas: Sequence[ReplicaSeen]) -> list[Action]:
    """Return the next steps; none when everything is as wished or must first show its health."""
    wanted = [replica for replica in replicas if replica.is_wanted]
    if desired.wish == Wish.DELETED and not replicas:
        return [End.FORGET]
    if desired.wish != Wish.RUNNING:
        return [Release(replica.row_id) for replica in wanted]
    current = [replica for replica in wanted if replica.is_current]
    old = [replica for replica in wanted if not replica.is_current]
    if len(current) > desired.replicas:
        return _shrink(current, desired.replicas)
    if not old:
        return _grow(desired.replicas - len(current), replicas)
    return _roll(desired.replicas, current, old, replicas)


def derive_state(
    desired: Desired, replicas: Sequence[ReplicaSeen], *, has_room: bool
) -> DeploymentState:
    """Return how far the wish has come true."""
    if desired.wish == Wish.DELETED:
        return DeploymentState.DELETING
    if desired.wish == Wish.STOPPED or desired.replicas == 0:
        return DeploymentState.STOPPING if replicas else DeploymentState.STOPPED
    wanted = [replica for replica in replicas if replica.is_wanted]
    serving = [replica for replica in wanted if replica.state in SERVING]
    is_complete = len(wanted) == desired.replicas and all(r.is_current for r in wanted)
    if is_complete and len(serving) == desired.replicas:
        return DeploymentState.READY
    return _derive_unfinished({r.state for r in wanted}, serves=bool(serving), has_room=has_room)


def _derive_unfinished(
    states: set[ReplicaState], *, serves: bool, has_room: bool
) -> DeploymentState:
    ill = {ReplicaState.UNHEALTHY, ReplicaState.UNKNOWN}
    is_in_trouble = bool(states & IN_TROUBLE) or not has_room
    if serves:
        return DeploymentState.DEGRADED if is_in_trouble or states & ill else _DEPLOYING
    if is_in_trouble and not (states & ON_THE_WAY and has_room):
        return DeploymentState.FAILED
    if states & ill:
        only_unknown = ReplicaState.UNKNOWN in states
        return DeploymentState.UNKNOWN if only_unknown else DeploymentState.DEGRADED
    return _DEPLOYING


_DEPLOYING = DeploymentState.DEPLOYING


def _shrink(current: Sequence[ReplicaSeen], wished: int) -> list[Action]:
    by_worth = sorted(current, key=lambda r: (r.state not in SERVING, r.index))
    return [Release(replica.row_id) for replica in by_worth[wished:]]


def _grow(missing: int, live: Sequence[ReplicaSeen]) -> list[Action]:
    free = _free_indexes(live)
    return [Add(next(free)) for _ in range(missing)]


def _roll(
    wished: int,
    current: Sequence[ReplicaSeen],
    old: Sequence[ReplicaSeen],
    live: Sequence[ReplicaSeen],
) -> list[Action]:
    useless = [r for r in old if r.state in IN_TROUBLE | {ReplicaState.PENDING}]
    if useless:
        return [Release(replica.row_id) for replica in useless]
    if any(replica.state not in SERVING for replica in current):
        return []  # first it shows that it serves; a failed one stops the roll here
    leaving = sorted(old, key=lambda r: (r.state in SERVING, r.index))
    if len(current) + len(old) > wished:
        return [Release(leaving[0].row_id)]
    return [Add(next(_free_indexes(live)), instead_of=leaving[0].row_id)]


def _free_indexes(live: Sequence[ReplicaSeen]) -> "_Indexes":
    return _Indexes({replica.index for replica in live})


class _Indexes:
    """Counts up through the indexes that no live replica has."""

    def __init__(self, taken: set[int]) -> None:
        self._taken = taken
        self._next = 0

    def __next__(self) -> int:
        while self._next in self._taken:
            self._next += 1
        self._next += 1
        return self._next - 1
