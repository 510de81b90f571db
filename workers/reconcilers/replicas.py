"""Drives one replica on its host: observe, plan, apply one step, record, say when to look again.

Each replica is reconciled by itself, so that a slow host costs its own replicas a slot and nobody
else's. The deployment's reconciler decides which replicas there are; this one makes them true.
"""

import dataclasses
from collections.abc import Callable
from datetime import datetime

from models_app.domain.failures import (
    ABOUT_THE_HOST,
    FailureCode,
    FailureError,
    RuntimeUnreachableError,
    fail,
)
from models_app.domain.specs import Observed, WorkloadSpec
from models_app.domain.states import HostState, PlacementState, ReplicaState
from models_app.models import Placement, Replica
from models_app.models.clock import database_now
from models_app.services.leases import Lease, database_time
from models_app.services.observed.placements import placement_ensure
from models_app.services.observed.replicas import (
    Told,
    replica_drift,
    replica_failed,
    replica_retire,
    replica_step,
)
from models_app.services.wishes import look_now
from workers.engines.base import Engine
from workers.reconcilers.base import DONE, Result, backoff_s, run
from workers.reconcilers.lost_files import is_sent_again
from workers.reconcilers.replica_drain import is_answering, note_progress
from workers.reconcilers.replica_failures import diagnose
from workers.reconcilers.replica_images import wait_for_image
from workers.reconcilers.replica_plan import Action, ReplicaView, plan
from workers.reconcilers.replica_spec import probe_of, spec_of
from workers.reconcilers.replica_watch import Watch
from workers.reconcilers.runtimes import host_facts, runtime_of
from workers.registry import engine_on
from workers.runtimes.base import Runtime

MISSED_HOST_S = 10.0
# Its host wakes it when it is back; this is for a wake that was lost. More often, the replicas of
# many silent hosts would be most of the work of the hands.
SILENT_HOST_S = 240.0
END_POLL_S = 0.3
DRAIN_POLL_S = 0.5
START_POLL_S = 0.1
RELATED = ("host", "deployment", "revision__artifact__model")


def reconcile_replica(replica_id: int) -> None:
    """Look at one replica."""
    run(Replica, replica_id, _work, related=RELATED)


def _work(replica: Replica, lease: Lease[Replica]) -> Result:
    placement = Placement.objects.filter(
        artifact=replica.revision.artifact, host=replica.host
    ).first()
    view = _view(replica, placement)
    if view.host_is_silent:
        return _doubt(replica, lease)
    try:
        with runtime_of(replica.host) as runtime:
            observed = runtime.observe(replica.workload)
            step = Step(replica, lease, runtime, observed, placement)
            if replica.state == ReplicaState.STOPPING and not replica.is_wanted:
                view = dataclasses.replace(view, is_answering=_is_answering(step))
            return _apply(step, plan(view, observed))
    except RuntimeUnreachableError:
        # One miss is the host reconciler's business; it says UNREACHABLE when there are enough.
        return Result(MISSED_HOST_S)
    except FailureError as error:
        return _failed(replica, lease, error, placement)


class Step:
    """What the actions of one pass share."""

    def __init__(
        self,
        replica: Replica,
        lease: Lease[Replica],
        runtime: Runtime,
        observed: Observed | None,
        placement: Placement | None,
    ) -> None:
        self.replica = replica
        self.lease = lease
        self.runtime = runtime
        self.observed = observed
        self.placement = placement
        self.engine: Engine = engine_on(replica.host.runtime, replica.revision.engine)

    def spec(self) -> WorkloadSpec:
        """Return what is to run. Raises FailureError for what cannot."""
        return spec_of(self.replica, self.engine, host_facts(self.replica.host))

    def remove(self, *, force: bool) -> bool:
        """End the workload, sure an instant before that the row is still ours.

        Whoever slept since it looked must not end what another has started under that name.
        """
        self.lease.renew()
        return self.runtime.remove(self.replica.workload, force=force)


def _apply(step: Step, action: Action) -> Result:
    return _DO[action](step)


def _view(replica: Replica, placement: Placement | None) -> ReplicaView:
    return ReplicaView(
        state=ReplicaState(replica.state),
        is_wanted=replica.is_wanted,
        spec_hash=replica.spec_hash,
        host_is_silent=replica.host.state in {HostState.UNREACHABLE, HostState.FAILED},
        placement=PlacementState(placement.state) if placement else None,
        stopping_s=_since(replica.stopping_at),
        drained_s=_since(replica.progress_at),
        backoff_left_s=_backoff_left(replica),
    )


def _doubt(replica: Replica, lease: Lease[Replica]) -> Result:
    if replica.state in {ReplicaState.STOPPING, ReplicaState.FAILED, ReplicaState.RETIRED}:
        return Result(SILENT_HOST_S)
    if replica.state != ReplicaState.UNKNOWN:
        told = Told("replica.unknown", "warning")
        replica_step(lease, replica, ReplicaState.UNKNOWN, told)
    return Result(SILENT_HOST_S)


def _rest(_step: Step) -> Result:
    return DONE


def _wait_backoff(step: Step) -> Result:
    return Result(_backoff_left(step.replica))


def _leave_routing(step: Step) -> Result:
    told, now = Told("replica.stopping"), database_time()
    replica_step(step.lease, step.replica, ReplicaState.STOPPING, told, stopping_at=now)
    return Result(END_POLL_S)


def _is_answering(step: Step) -> bool:
    if step.observed is None:
        return False
    try:
        probe = step.engine.probe(step.spec())
    except FailureError:  # an engine or parameters of another time: it can be ended all the same
        return False
    return is_answering(step.runtime, step.engine, probe, step.observed)


def _drain(step: Step) -> Result:
    note_progress(step.lease, step.replica, step.runtime.stats(step.replica.workload))
    return Result(DRAIN_POLL_S)


def _ask_to_end(step: Step) -> Result:
    return _end(step, force=False)


def _end_now(step: Step) -> Result:
    if step.replica.is_wanted:  # a failed one whose engine is still there
        step.remove(force=True)
        return Result(END_POLL_S)
    return _end(step, force=True)


def _end(step: Step, *, force: bool) -> Result:
    if step.remove(force=force):
        return _retire(step)
    return Result(END_POLL_S)


def _retire(step: Step) -> Result:
    if step.replica.state != ReplicaState.STOPPING:
        replica_step(step.lease, step.replica, ReplicaState.STOPPING)
    replica_retire(step.lease, step.replica)
    return DONE


def _place(step: Step) -> Result:
    replica = step.replica
    if replica.state not in {ReplicaState.PLACING, ReplicaState.BACKOFF}:
        replica_step(step.lease, replica, ReplicaState.PLACING, Told("replica.placing"))
    placement_ensure(artifact=replica.revision.artifact, host=replica.host)
    return DONE  # the placement wakes its replicas when it is ready or has failed


def _give_up_placing(step: Step) -> Result:
    placement = step.placement
    code = FailureCode(placement.failure_code) if placement else FailureCode.INTERNAL
    raise fail(code, **(placement.failure_params if placement else {}))


def _create(step: Step) -> Result:
    replica = step.replica
    spec = step.spec()
    waits = wait_for_image(step.runtime, spec, replica, step.lease)
    if waits is not None:
        return waits
    # Written before the call: whoever finds the workload later knows what was meant by it.
    replica_step(
        step.lease,
        replica,
        ReplicaState.STARTING,
        Told("replica.starting"),
        spec_hash=spec.fingerprint(),
        slots=spec.slots,
        started_at=database_time(),
        progress_at=database_time(),
        ready_at=None,
        address="",
        external_id="",
        activity=0.0,
        misses=0,
        restarts=replica.restarts + (1 if replica.external_id else 0),
    )
    step.runtime.create(spec)
    return Result(START_POLL_S)


def _replace(step: Step) -> Result:
    """What runs under the name is not what was started: end it, and start what is wished."""
    step.remove(force=True)
    return Result(END_POLL_S)


def _watch(step: Step) -> Result:
    replica, observed = step.replica, step.observed
    if observed is None:
        return Result(START_POLL_S)
    if replica.state in {ReplicaState.PENDING, ReplicaState.PLACING}:
        replica_step(
            step.lease,
            replica,
            ReplicaState.STARTING,
            Told("replica.adopted"),
            spec_hash=observed.spec_hash,
            progress_at=database_time(),
        )
    if observed.drift:
        _put_right(step, observed)
    probe = probe_of(replica, step.engine, host_facts(replica.host))
    return Watch(step.runtime, step.engine, replica, step.lease, probe).look(observed)


def _put_right(step: Step, observed: Observed) -> None:
    """Undo what somebody changed by hand, and tell of it: it is adopted as it was wished."""
    step.runtime.create(step.spec())
    now = step.runtime.observe(step.replica.workload)
    is_right = now is None or not now.drift
    drift = ", ".join(observed.drift)
    replica_drift(step.lease, step.replica, drift, observed.external_id, is_right=is_right)


def _diagnose(step: Step) -> Result:
    raise diagnose(step.runtime, step.engine, step.replica, step.observed)


def _failed(
    replica: Replica, lease: Lease[Replica], error: FailureError, placement: Placement | None
) -> Result:
    if error.failure.code in ABOUT_THE_HOST:
        look_now(replica.host)  # it is the host reconciler that says so, and nothing is concluded
        return Result(MISSED_HOST_S)
    may_retry = error.failure.retry or is_sent_again(placement, error.failure.code)
    retry_s = backoff_s(replica.attempts + 1) if may_retry else None
    replica_failed(lease, replica, error.failure, retry_s=retry_s)
    return Result(END_POLL_S)  # first told, then cleared away: a crash between loses neither


def _since(moment: datetime | None) -> float | None:
    return None if moment is None else (database_now() - moment).total_seconds()


def _backoff_left(replica: Replica) -> float:
    if replica.state != ReplicaState.BACKOFF:
        return 0.0
    return backoff_s(replica.attempts) - (_since(replica.state_since) or 0.0)


_DO: dict[Action, Callable[[Step], Result]] = {
    Action.DOUBT: _rest,  # handled before any runtime was opened
    Action.REST: _rest,
    Action.WAIT_BACKOFF: _wait_backoff,
    Action.LEAVE_ROUTING: _leave_routing,
    Action.DRAIN: _drain,
    Action.ASK_TO_END: _ask_to_end,
    Action.END_NOW: _end_now,
    Action.RETIRE: _retire,
    Action.PLACE: _place,
    Action.GIVE_UP_PLACING: _give_up_placing,
    Action.CREATE: _create,
    Action.REPLACE: _replace,
    Action.DIAGNOSE: _diagnose,
    Action.WATCH: _watch,
}
