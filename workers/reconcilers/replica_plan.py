"""What to do about one replica: pure, from the row and what the runtime observed."""

from dataclasses import dataclass
from enum import StrEnum

from models_app.domain.specs import Observed
from models_app.domain.states import PlacementState, ReplicaState

STOP_GRACE_S = 8.0  # drained and asked to end for this long, then ended


class Action(StrEnum):
    """The one next step of a replica."""

    DOUBT = "doubt"  # its host is silent: say so, touch nothing
    REST = "rest"  # nothing to do until something changes
    WAIT_BACKOFF = "wait_backoff"
    ASK_TO_END = "ask_to_end"
    END_NOW = "end_now"
    RETIRE = "retire"
    PLACE = "place"  # the artifact is not on the host yet
    GIVE_UP_PLACING = "give_up_placing"
    CREATE = "create"
    REPLACE = "replace"  # what runs under its name is not what was started
    DIAGNOSE = "diagnose"  # it ended by itself
    WATCH = "watch"  # it runs: starting, ready or ill


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """What the plan needs of a replica's row. Seconds are since the row entered that condition."""

    state: ReplicaState
    is_wanted: bool
    spec_hash: str
    host_is_silent: bool
    placement: PlacementState | None
    stopping_s: float | None = None
    backoff_left_s: float = 0.0


_WAS_RUNNING = {
    ReplicaState.STARTING,
    ReplicaState.READY,
    ReplicaState.UNHEALTHY,
    ReplicaState.UNKNOWN,
}


def plan(view: ReplicaView, observed: Observed | None) -> Action:
    """Return the next step. `observed` is ignored while the host is silent: nobody looked."""
    if view.state == ReplicaState.RETIRED:
        return Action.REST
    if view.host_is_silent:
        return Action.DOUBT
    if not view.is_wanted:
        return _plan_end(view, observed)
    if view.state == ReplicaState.FAILED:
        return Action.END_NOW if observed else Action.REST
    return _plan_run(view, observed)


def _plan_run(view: ReplicaView, observed: Observed | None) -> Action:
    if observed and view.state == ReplicaState.BACKOFF:
        return Action.END_NOW  # it ended or was given up, and the failure is recorded
    if observed and observed.running:
        is_other = bool(view.spec_hash) and observed.spec_hash != view.spec_hash
        return Action.REPLACE if is_other else Action.WATCH
    if observed and view.state in _WAS_RUNNING:
        return Action.DIAGNOSE
    return _plan_begin(view)


def _plan_end(view: ReplicaView, observed: Observed | None) -> Action:
    if observed is None:
        return Action.RETIRE
    is_patient = observed.running and (view.stopping_s or 0.0) < STOP_GRACE_S
    return Action.ASK_TO_END if is_patient else Action.END_NOW


def _plan_begin(view: ReplicaView) -> Action:
    if view.state == ReplicaState.BACKOFF and view.backoff_left_s > 0:
        return Action.WAIT_BACKOFF
    if view.placement == PlacementState.FAILED:
        return Action.GIVE_UP_PLACING
    return Action.CREATE if view.placement == PlacementState.READY else Action.PLACE
