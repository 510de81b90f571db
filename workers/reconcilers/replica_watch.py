"""Watches a running workload: is it still loading, does it serve, has it fallen silent?

Started is not ready: ready means that the health page is fine and one token was really made.
"""

from typing import Any

from models_app.domain.failures import Failure, FailureCode, FailureError
from models_app.domain.specs import EngineSamples, Observed, ProbeSpec, WorkloadStats
from models_app.domain.states import ReplicaState
from models_app.models import Replica
from models_app.models.clock import database_now
from models_app.services.leases import Lease, database_time
from models_app.services.observed.replicas import Told, replica_step
from models_app.services.records import failure_fields
from models_app.services.samples import replica_sample_add
from workers.clients.engine_http import (
    Answer,
    Entry,
    Health,
    ask_for_one_token,
    ask_health,
    read_answer,
    read_metrics,
)
from workers.engines.base import Engine, TellsDefaults
from workers.reconcilers.base import Result
from workers.reconcilers.replica_failures import give_up
from workers.reconcilers.replica_prepare import Prepared, filled, prepare
from workers.reconcilers.replica_stuck import STUCK_RESTART_S, STUCK_S, replica_stuck_s
from workers.reconcilers.steady_plan import GOOD_TIME_S
from workers.runtimes.base import HasDoor, Runtime

LOOK_STARTING_S = 0.2
LOOK_READY_S = 10.0  # its host's look comes more often, and answers for whoever is well
LOOK_ILL_S = 2.5
MISSES_TO_UNHEALTHY = 3
MISSES_TO_RESTART = 6
READINESS_TRIES = 5
# CPU seconds or log bytes, in each second without progress: less is no sign of it. A server that
# answers "not yet" to our own probes uses half as much.
ACTIVITY_STEP = 0.01


class Watch:
    """One look at a running workload. `look` raises FailureError when it must end."""

    def __init__(
        self,
        runtime: Runtime,
        engine: Engine,
        replica: Replica,
        lease: Lease[Replica],
        probe: ProbeSpec,
    ) -> None:
        self.runtime = runtime
        self.engine = engine
        self.replica = replica
        self.lease = lease
        self.probe = probe

    def look(self, observed: Observed) -> Result:
        """Look once, record what was seen, and say when to look again."""
        stats = self.runtime.stats(self.replica.workload)
        self._note_running(observed, stats)
        if observed.address is None:
            return self._check_progress(stats)
        answer = ask_health(
            observed.address,
            self.probe.health_path,
            timeout_s=self.probe.probe_timeout_s,
            entry=self._entry(),
        )
        if self.replica.state in {ReplicaState.READY, ReplicaState.UNHEALTHY}:
            return self._check_alive(observed, answer, stats)
        return self._check_ready(observed, answer, stats)

    # --- starting ----------------------------------------------------------------------------

    def _check_ready(
        self, observed: Observed, answer: Answer, stats: WorkloadStats | None
    ) -> Result:
        address = observed.address or ""
        if answer.health != Health.OK:
            return self._check_progress(stats)
        prepared = self._prepare(observed)
        if prepared.answer is not None:
            return self._count_failed_try(prepared.answer)
        if not prepared.done:
            return self._check_progress(stats)
        body = filled(self.probe.completion_body, self._served_as(observed))
        answer = ask_for_one_token(address, self.probe.completion_path, body, self._entry())
        if answer.health != Health.OK:
            return self._count_failed_try(answer)
        answer, defaults = self._request_defaults(observed)
        if answer.health != Health.OK:
            return self._count_failed_try(answer)
        now = database_now()
        started = self.replica.started_at or now
        replica_step(
            self.lease,
            self.replica,
            ReplicaState.READY,
            Told("replica.ready", "good", {"seconds": (now - started).total_seconds()}),
            address=address,
            served_as=observed.served_as,
            request_defaults=defaults,
            ready_at=database_time(),
            misses=0,
            **failure_fields(None),
        )
        self._sample(address, stats)
        return Result(LOOK_READY_S)

    def _request_defaults(self, observed: Observed) -> tuple[Answer, dict[str, float]]:
        if not isinstance(self.engine, TellsDefaults):
            return Answer(Health.OK), {}
        step = self.engine.defaults_step
        body = filled(step.body, self._served_as(observed))
        answer, text = read_answer(observed.address or "", step.path, body, self._entry())
        is_good = answer.health == Health.OK
        return answer, dict(self.engine.request_defaults(text)) if is_good else {}

    def _check_progress(self, stats: WorkloadStats | None) -> Result:
        """A slow start is fine as long as something moves: age alone kills nothing."""
        activity = stats.activity if stats else 0.0
        since = self.replica.progress_at or self.replica.started_at or self.replica.updated_at
        stalled_s = (database_now() - since).total_seconds()
        if activity > self.replica.activity + ACTIVITY_STEP * max(1.0, stalled_s):
            self.lease.write(activity=activity, progress_at=database_time())
            return Result(LOOK_STARTING_S)
        if stalled_s > self.probe.startup_stall_s:
            raise self._give_up(FailureCode.STARTUP_STALLED, seconds=round(stalled_s))
        return Result(LOOK_STARTING_S)

    def _count_failed_try(self, answer: Answer) -> Result:
        tries = self.replica.misses + 1
        if tries >= READINESS_TRIES:
            raise self._explained(answer)
        self.lease.write(misses=tries)
        return Result(LOOK_STARTING_S * 2**tries)

    # --- serving -----------------------------------------------------------------------------

    def _check_alive(
        self, observed: Observed, answer: Answer, stats: WorkloadStats | None
    ) -> Result:
        address = observed.address or ""
        if answer.health == Health.OK:
            if stats is None and self.probe.stays_loaded:
                self._prepare(observed)  # its server was started again, or made room for another
            seconds = replica_stuck_s(self.replica, stats, self._sample(address, stats))
            if seconds > STUCK_S:
                return self._count_stuck(seconds)
            self._recover(address)
            return Result(LOOK_READY_S)
        misses = self.replica.misses + 1
        if misses >= MISSES_TO_RESTART:
            raise self._give_up(FailureCode.HEALTH_LOST, misses=misses, answer=answer.text)
        is_ill_now = misses == MISSES_TO_UNHEALTHY
        replica_step(
            self.lease,
            self.replica,
            ReplicaState.UNHEALTHY
            if misses >= MISSES_TO_UNHEALTHY
            else ReplicaState(self.replica.state),
            Told("replica.unhealthy", "warning", {"answer": answer.text}) if is_ill_now else None,
            misses=misses,
        )
        return Result(LOOK_ILL_S)

    def _count_stuck(self, seconds: float) -> Result:
        """Its health page is fine and its requests stand still: no more are sent there."""
        if seconds > STUCK_RESTART_S:
            raise self._give_up(FailureCode.ENGINE_STUCK, seconds=round(seconds))
        if self.replica.state != ReplicaState.UNHEALTHY:
            told = Told("replica.stuck", "warning", {"seconds": seconds})
            replica_step(self.lease, self.replica, ReplicaState.UNHEALTHY, told)
        return Result(LOOK_READY_S)

    def _recover(self, address: str) -> None:
        replica = self.replica
        if replica.state == ReplicaState.UNHEALTHY:
            told = Told("replica.recovered", "good")
            replica_step(self.lease, replica, ReplicaState.READY, told, misses=0, address=address)
        elif replica.misses or replica.address != address:
            replica_step(self.lease, replica, ReplicaState.READY, misses=0, address=address)
        good_s = (database_now() - (replica.ready_at or database_now())).total_seconds()
        if replica.attempts and good_s > GOOD_TIME_S:
            self.lease.write(attempts=0)

    # --- both --------------------------------------------------------------------------------

    def _note_running(self, observed: Observed, stats: WorkloadStats | None) -> None:
        fields: dict[str, Any] = {}
        if observed.external_id != self.replica.external_id:
            fields["external_id"] = observed.external_id
        if stats and stats.memory_bytes != self.replica.memory_bytes:
            fields["memory_bytes"] = stats.memory_bytes
            fields["peak_bytes"] = max(stats.memory_bytes, self.replica.peak_bytes or 0)
        if self.replica.state == ReplicaState.UNKNOWN:
            fields["progress_at"] = database_time()
            replica_step(self.lease, self.replica, ReplicaState.STARTING, **fields)
        elif fields:
            self.lease.write(**fields)
            for name, value in fields.items():
                setattr(self.replica, name, value)

    def _sample(self, address: str, stats: WorkloadStats | None) -> EngineSamples | None:
        samples = None
        if self.probe.metrics_path:
            text = read_metrics(
                address, self.probe.metrics_path, timeout_s=self.probe.probe_timeout_s
            )
            samples = self.engine.metrics(text) if text is not None else None
        replica_sample_add(self.replica, stats, samples)
        return samples

    def _prepare(self, observed: Observed) -> Prepared:
        served_as = self._served_as(observed)
        address = observed.address or ""
        return prepare(self.replica, self.probe, address, served_as, self._entry())

    def _entry(self) -> Entry | None:
        return self.runtime.entry() if isinstance(self.runtime, HasDoor) else None

    def _served_as(self, observed: Observed) -> str:
        return observed.served_as or self.replica.deployment.name

    def _explained(self, answer: Answer) -> FailureError:
        """Return the failure that the engine's own answer tells of, and end the workload."""
        problem = self.engine.explain((answer.text,), None)
        error = self._give_up(FailureCode.READINESS_FAILED, answer=answer.text)
        if problem is None:
            return error
        lines = (*error.failure.evidence, answer.text)
        return FailureError(Failure(FailureCode(problem.code), dict(problem.params), lines))

    def _give_up(self, code: FailureCode, **params: Any) -> FailureError:
        return give_up(self.runtime, self.replica, code, **params)
