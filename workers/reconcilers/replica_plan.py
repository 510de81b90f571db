"""What to do about one replica: pure, from the row and what the runtime observed."""

from dataclasses import dataclass
from enum import StrEnum

from models_app.domain.specs import Observed
from models_app.domain.states import PlacementState, ReplicaState

DRAIN_LIMIT_S = 120.0  # for answers in flight to be finished, as dialogs and docs/operations.md say
STOP_GRACE_S = 10.0  # asked to end for this long, then ended


class Action(StrEnum):
    """The one next step of a replica."""

    DOUBT = "doubt"  # its host is silent: say so, touch nothing
    REST = "rest"  # nothing to do until something changes
    WAIT_BACKOFF = "wait_backoff"
    LEAVE_ROUTING = "leave_routing"  # first of all: no new request meets a closing door
    DRAIN = "drain"  # it still answers somebody
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
    drained_s: float | None = None  # since it was last seen to get on with an answer
    is_answering: bool = False
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
    if not observed.running:
        return Action.END_NOW
    if view.state != ReplicaState.STOPPING:
        return Action.LEAVE_ROUTING
    stopping_s = view.stopping_s or 0.0
    # Whoever gets on with an answer is waited for; then, or without any, it is asked to end.
    waited_s = stopping_s if view.drained_s is None else min(stopping_s, view.drained_s)
    is_patient = waited_s < STOP_GRACE_S
    if view.is_answering and is_patient and stopping_s < DRAIN_LIMIT_S:
        return Action.DRAIN
    return Action.ASK_TO_END if is_patient else Action.END_NOW


def _plan_begin(view: ReplicaView) -> Action:
    if view.state == ReplicaState.BACKOFF and view.backoff_left_s > 0:
        return Action.WAIT_BACKOFF
    if view.placement == PlacementState.FAILED:
        return Action.GIVE_UP_PLACING
    return Action.CREATE if view.placement == PlacementState.READY else Action.PLACE
