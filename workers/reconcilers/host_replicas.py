"""Looks at all replicas of a host together, as long as they are well.

One list of the host's workloads tells which run as they should; each of those is asked for its
health, a few in turn for their figures, and all of it is written in a statement or two. Whoever is
not well, or not ready, is the business of its own reconciler. A replica that no host's look has
answered for becomes due by itself: nothing rests on this one.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable

from models_app.domain.failures import ABOUT_THE_HOST, FailureError, RuntimeUnreachableError
from models_app.domain.specs import HostFacts, Observed, ProbeSpec, WorkloadStats
from models_app.domain.states import ReplicaState
from models_app.models import Host, Replica, ReplicaSample
from models_app.models.clock import database_now
from models_app.services.leases import Lease, database_time
from models_app.services.observed.replicas import replicas_memory, replicas_steady
from models_app.services.samples import LastSample, last_samples, replica_sample
from models_app.services.wishes import look_now
from workers.clients.engine_http import Entry, Health, ask_health, read_metrics
from workers.engines.base import Engine
from workers.reconcilers.replica_spec import probe_of
from workers.reconcilers.replica_stuck import seems_stuck
from workers.reconcilers.runtimes import host_facts
from workers.reconcilers.sampling import GATHERED
from workers.reconcilers.steady_plan import Care, SteadyView, care_of
from workers.registry import engine_on
from workers.runtimes.base import HasDoor, Runtime

TURN_S = 5.0  # others come first after this long
FIGURES_A_LOOK = 4  # of replicas at least: each takes a few calls
TURNS = 4  # looks until each was measured; `replica_stuck` must not wait longer than its gap
PROBES_S = 3.0  # of one look, for all health pages together
PROBE_S = 2.0  # of one: who needs longer is asked by its own reconciler
NEXT_LOOK_S = 30.0  # of their own, should no look at the host come
NEAR_S = 12.0  # nearer than this it is put off again
MEMORY_STEP = 0.01  # a smaller change is not worth a write


@dataclass(frozen=True, slots=True)
class Serving:
    """One replica that runs as it should, so far."""

    row: Replica
    engine: Engine
    probe: ProbeSpec


@dataclass(slots=True)
class Look:
    """One look at the replicas of a host. `take_in` speaks to the host, `conclude` does not."""

    host: Host
    rows: Sequence[Replica]
    serving: list[Serving] = field(default_factory=list)
    needy: list[Replica] = field(default_factory=list)
    figures: dict[int, WorkloadStats | None] = field(default_factory=dict)
    entry: Entry | None = None

    def take_in(self, runtime: Runtime, owned: Iterable[Observed]) -> None:
        """Compare what the host lists with the rows; take the figures of a few."""
        found = {one.name: one for one in owned}
        facts = host_facts(self.host)
        for row in _in_turn(self.rows):
            self._sort(row, found.get(row.workload), facts)
        self.entry = runtime.entry() if isinstance(runtime, HasDoor) else None
        try:
            for one in self.serving[: _turn(self.rows)]:
                self._measure(runtime, one)
        except RuntimeUnreachableError:
            return  # the list came: one workload that cannot be asked says nothing of the host

    def _sort(self, row: Replica, observed: Observed | None, facts: HostFacts) -> None:
        care = care_of(_view(row), observed)
        if care == Care.LOOK_NOW:
            self.needy.append(row)
        if care != Care.PROBE:
            return
        try:
            engine = engine_on(self.host.runtime, row.revision.engine)
            self.serving.append(Serving(row, engine, probe_of(row, engine, facts)))
        except FailureError:
            self.needy.append(row)  # its own reconciler says why

    def _measure(self, runtime: Runtime, one: Serving) -> None:
        name = one.row.workload
        try:
            observed = runtime.observe(name)  # tells more than the list: limits that were edited
            if care_of(_view(one.row), observed) != Care.PROBE:
                self._hand_over(one)
                return
            stats = runtime.stats(name)
        except FailureError as error:
            if error.failure.code in ABOUT_THE_HOST:
                raise
            self._hand_over(one)
            return
        if stats is None and one.probe.stays_loaded:
            self._hand_over(one)
            return
        self.figures[one.row.pk] = stats

    def _hand_over(self, one: Serving) -> None:
        self.serving.remove(one)
        self.needy.append(one.row)

    def conclude(self, lease: Lease[Host]) -> None:
        """Ask the engines for their health, and write what was seen."""
        until = time.monotonic() + PROBES_S
        well: list[Serving] = []
        for one in list(self.serving):
            if time.monotonic() > until:
                break
            answer = ask_health(
                one.row.address,
                one.probe.health_path,
                timeout_s=min(one.probe.probe_timeout_s, PROBE_S),
                entry=self.entry,
            )
            if answer.health == Health.OK:
                well.append(one)
            else:
                self._hand_over(one)
        self._write(lease, well)

    def _write(self, lease: Lease[Host], answered: Sequence[Serving]) -> None:
        sampled = {one.row.pk: self._sample(one) for one in answered if one.row.pk in self.figures}
        GATHERED.add([sample for sample in sampled.values() if sample is not None])
        well = [one for one in answered if sampled.get(one.row.pk, True) is not None]
        near = [one.row.pk for one in well if _is(one.row, "is_near")]
        if near:
            replicas_steady(lease, near, next_s=NEXT_LOOK_S)
        measured = self._measured(well)
        if measured:
            replicas_memory(lease, measured)
        for row in self.needy:
            look_now(row)

    def _sample(self, one: Serving) -> ReplicaSample | None:
        """Return its figures; None when its own look takes them: it seems to stand still."""
        path, text = one.probe.metrics_path, None
        if path:
            text = read_metrics(
                one.row.address, path, timeout_s=min(one.probe.probe_timeout_s, PROBE_S)
            )
        samples = one.engine.metrics(text) if text is not None else None
        stats = self.figures[one.row.pk]
        if seems_stuck(stats, samples):
            self._hand_over(one)
            return None
        return replica_sample(one.row, stats, samples, _last(one.row))

    def _measured(self, well: Sequence[Serving]) -> Mapping[int, int]:
        found: dict[int, int] = {}
        for one in well:
            stats, before = self.figures.get(one.row.pk), one.row.memory_bytes
            if stats is None:
                continue
            moved = abs(stats.memory_bytes - (before or 0))
            if before is None or moved > before * MEMORY_STEP:
                found[one.row.pk] = stats.memory_bytes
        return found


def replicas_on(host: Host) -> list[Replica]:
    """Return the live replicas of a host with everything that a look needs, in one statement."""
    near = Q(next_action_at__isnull=True) | Q(next_action_at__lt=database_time(NEAR_S))
    last = last_samples().filter(replica=OuterRef("pk"))
    rows = Replica.objects.filter(host=host).exclude(state=ReplicaState.RETIRED)
    return list(
        rows.select_related("deployment", "revision__artifact__model")
        .annotate(
            is_held=_flag(Q(lease_until__gte=database_time())),
            is_near=_flag(near),
            last_at=Subquery(last.values("at")[:1]),
            last_totals=Subquery(last.values("totals")[:1]),
        )
        .order_by("pk")
    )


def _flag(condition: Q) -> Combinable:
    return ExpressionWrapper(condition, output_field=BooleanField())


def _is(row: Replica, flag: str) -> bool:
    return bool(getattr(row, flag))


def _last(row: Replica) -> LastSample | None:
    at = getattr(row, "last_at", None)
    return LastSample(at, getattr(row, "last_totals", None) or {}) if at else None


def _in_turn(rows: Sequence[Replica]) -> list[Replica]:
    """Return the rows, beginning with others at each look."""
    if not rows:
        return []
    start = int(time.time() // TURN_S) * _turn(rows) % len(rows)
    return [*rows[start:], *rows[:start]]


def _turn(rows: Sequence[Replica]) -> int:
    """Return of how many the figures are taken in a look: of each in every fourth."""
    return max(FIGURES_A_LOOK, -(-len(rows) // TURNS))


def _view(row: Replica) -> SteadyView:
    ready_at = row.ready_at or database_now()
    return SteadyView(
        state=ReplicaState(row.state),
        is_wanted=row.is_wanted,
        is_held=_is(row, "is_held"),
        misses=row.misses,
        attempts=row.attempts,
        ready_s=(database_now() - ready_at).total_seconds(),
        external_id=row.external_id,
        spec_hash=row.spec_hash,
        address=row.address,
    )
