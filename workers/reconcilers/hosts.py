"""Looks at hosts: what they are, how full, how our replicas there are, and what is not wanted.

A silent host is UNREACHABLE after three misses and nothing is destroyed for it. Orphans (our
label, no row that wants them) are removed only when they were positively seen and have run for a
while: a row that is just being written must not lose its engine.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from models_app.domain.failures import (
    FailureCode,
    FailureError,
    RuntimeUnreachableError,
    fail,
)
from models_app.domain.identities import check_identity
from models_app.domain.specs import HELPER_PULLING, HELPER_WARNINGS, HostUsage, Observed
from models_app.domain.states import HostState, ReplicaState
from models_app.models import Host, Replica
from models_app.models.clock import database_now
from models_app.selectors.hosts import fleet_is_cut_off, host_of_engine
from models_app.services.leases import Lease
from models_app.services.observed.hosts import (
    host_missed,
    host_refused,
    host_seen,
    host_still_there,
)
from models_app.services.observed.placements import placements_release_unneeded
from models_app.services.records import event
from models_app.services.samples import host_sample
from workers.reconcilers.base import Result, run
from workers.reconcilers.host_leaving import has_replicas, leave_and_forget
from workers.reconcilers.host_models import look_at_models
from workers.reconcilers.host_replicas import Look, replicas_on
from workers.reconcilers.runtimes import runtime_of
from workers.reconcilers.sampling import GATHERED
from workers.runtimes.base import Runtime

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
LOOK_EVERY_LOST_S = 10.0
MISSES_ALLOWED = 3
FACTS_EVERY = timedelta(minutes=10)
ORPHAN_GRACE_S = 60.0
STRAYS_KEPT = 1000
HOLD_COPIES = frozenset({"docker"})  # elsewhere an artifact's file is the store's, or the server's

_first_seen: dict[str, float] = {}  # stray workload -> when


def reconcile_host(host_id: int) -> None:
    """Look at one host."""
    run(Host, host_id, _work, related=())


def _work(host: Host, lease: Lease[Host]) -> Result:
    if host.state == HostState.REMOVING and not has_replicas(host):
        return leave_and_forget(host, lease)
    try:
        with runtime_of(host, probing=True) as runtime:
            look = Look(host, replicas_on(host))  # before the list: what is not in it is an orphan
            seen = _look(host, lease, runtime)
            look_at_models(host, lease, runtime)
            owned = list(runtime.list_owned())
            _remove_orphans(lease, look, runtime, owned)
            look.take_in(runtime, owned)
    except RuntimeUnreachableError as error:
        failure = error.failure(host=host.name)
        host_missed(lease, host, failure, misses_allowed=MISSES_ALLOWED)
        return Result(LOOK_EVERY_LOST_S)
    except FailureError as error:
        host_refused(lease, host, error.failure)
        return Result(LOOK_EVERY_LOST_S)
    look.conclude(lease)
    return Result(LOOK_EVERY_S, seen)


def _look(host: Host, lease: Lease[Host], runtime: Runtime) -> Mapping[str, Any]:
    """Look at the machine itself; return what is written as the row is given back."""
    is_new = host.state != HostState.READY or not host.facts
    is_old = host.observed_generation != host.generation or _facts_are_old(host)
    is_leaving = host.state == HostState.REMOVING
    usage = None if is_new or is_old else runtime.usage()
    has_changed = usage is not None and _knows_another_share(host, usage)
    facts = runtime.facts() if (usage is None or has_changed) and not is_leaving else None
    if facts:
        check_identity(host.identity, facts.identity)
        _check_its_only_row(host, facts.engine_id)
    usage = usage or runtime.usage()
    GATHERED.add([host_sample(host, usage)])
    seen = None if facts else host_still_there(host, usage)
    if seen is not None:
        return seen
    host_seen(lease, host, facts=facts, usage=usage)
    if facts:
        lease.write(observed_generation=host.generation)
        if host.runtime in HOLD_COPIES and not fleet_is_cut_off():
            placements_release_unneeded(host)
    return {}


def _knows_another_share(host: Host, usage: HostUsage) -> bool:
    """Return whether its helper came, or fell ill, since the facts were read."""
    told = set(host.facts.get("warnings", ())) & HELPER_WARNINGS
    if usage.disk_free_bytes is None and host.runtime in HOLD_COPIES:
        return not told or HELPER_PULLING in told
    return bool(told)


def _check_its_only_row(host: Host, engine_id: str) -> None:
    """Raise FailureError HOST_TWICE where another row drives this engine: it was there first.

    They would share a helper, a volume and a memory budget, and removing one would rob the other.
    """
    other = host_of_engine(engine_id, besides=host.pk)
    is_new_here = host.facts.get("engine_id") != engine_id
    if other is not None and (is_new_here or other.pk < host.pk):
        raise fail(FailureCode.HOST_TWICE, host=other.name)


def _facts_are_old(host: Host) -> bool:
    # Facts change rarely; look again once per window, at the pass that crosses it.
    seen = host.last_seen_at
    if seen is None:
        return True
    window = FACTS_EVERY.total_seconds()
    shift = host.pk * 61 % window  # not all hosts in the same pass
    before, now = seen.timestamp() + shift, database_now().timestamp() + shift
    return before // window != now // window


def _remove_orphans(
    lease: Lease[Host], look: Look, runtime: Runtime, owned: Sequence[Observed]
) -> None:
    host, wanted = look.host, {row.workload for row in look.rows}
    strays = [one for one in owned if one.name not in wanted and _astray_s(one) > ORPHAN_GRACE_S]
    if not strays or fleet_is_cut_off():
        return
    live = Replica.objects.filter(host=host).exclude(state=ReplicaState.RETIRED)
    for workload in strays:
        lease.renew()  # whoever slept since it looked must not end what is wanted by now
        if live.filter(workload=workload.name).exists() or _is_doubtful(host, workload):
            continue
        log.warning("removing orphan %s on %s", workload.name, host.name)
        runtime.remove(workload.name, force=_astray_s(workload) > 2 * ORPHAN_GRACE_S)
        event(host, "host.orphan_removed", level="warning", params={"workload": workload.name})


def _is_doubtful(host: Host, workload: Observed) -> bool:
    """Return whether it may be a stranger's that copied ours: not of its name, and never seen."""
    rows = Replica.objects.filter(host=host, external_id=workload.external_id)
    return "renamed" in workload.drift and not rows.exists()


def _astray_s(workload: Observed) -> float:
    """Return for how long it may have run: by its host's clock, or by ours since it was first seen.

    The longer of both: a clock that runs ahead must not keep what nobody wants.
    """
    now = time.monotonic()
    while len(_first_seen) >= STRAYS_KEPT:
        _first_seen.pop(next(iter(_first_seen)))
    seen_s = now - _first_seen.setdefault(workload.external_id, now)
    return max(database_now().timestamp() - (workload.started_at or 0.0), seen_s)
