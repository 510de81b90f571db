"""Looks at hosts: what they are, how full, and whether something of ours runs there unwanted.

A silent host is UNREACHABLE after three misses and nothing is destroyed for it. Orphans (our
label, no row that wants them) are removed only when they were positively seen and have run for a
while: a row that is just being written must not lose its engine.
"""

import logging
import time
from datetime import timedelta

from django.utils import timezone

from models_app.domain.failures import FailureError, RuntimeUnreachableError
from models_app.domain.identities import check_identity
from models_app.domain.states import HostState, ReplicaState
from models_app.models import Host, Replica
from models_app.selectors.hosts import fleet_is_cut_off
from models_app.services.leases import Lease
from models_app.services.observed.hosts import host_forget, host_missed, host_refused, host_seen
from models_app.services.observed.placements import placements_release_unneeded
from models_app.services.records import event
from models_app.services.samples import host_sample_add
from workers.reconcilers.base import DONE, Result, run
from workers.reconcilers.host_models import look_at_models
from workers.reconcilers.runtimes import runtime_of
from workers.runtimes.base import Runtime

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
LOOK_EVERY_LOST_S = 10.0
MISSES_ALLOWED = 3
FACTS_EVERY = timedelta(minutes=10)
ORPHAN_GRACE_S = 60.0
HOLD_COPIES = frozenset({"docker"})  # elsewhere an artifact's file is the store's, or the server's


def reconcile_host(host_id: int) -> None:
    """Look at one host."""
    run(Host, host_id, _work, related=())


def _work(host: Host, lease: Lease[Host]) -> Result:
    if host.state == HostState.REMOVING and host_forget(lease, host):
        return DONE
    try:
        with runtime_of(host, probing=True) as runtime:
            _look(host, lease, runtime)
            look_at_models(host, lease, runtime)
            if not fleet_is_cut_off():
                _remove_orphans(host, lease, runtime)
    except RuntimeUnreachableError as error:
        failure = error.failure(host=host.name)
        host_missed(lease, host, failure, misses_allowed=MISSES_ALLOWED)
        return Result(LOOK_EVERY_LOST_S)
    except FailureError as error:
        host_refused(lease, host, error.failure)
        return Result(LOOK_EVERY_LOST_S)
    return Result(LOOK_EVERY_S)


def _look(host: Host, lease: Lease[Host], runtime: Runtime) -> None:
    is_new = host.state != HostState.READY or not host.facts
    is_old = host.observed_generation != host.generation or _facts_are_old(host)
    facts = runtime.facts() if is_new or is_old else None
    if facts:
        check_identity(host.identity, facts.identity)
    usage = runtime.usage()
    host_seen(lease, host, facts=facts, usage=usage)
    if facts:
        lease.write(observed_generation=host.generation)
        if host.runtime in HOLD_COPIES:
            placements_release_unneeded(host)
    host_sample_add(host, usage)


def _facts_are_old(host: Host) -> bool:
    # Facts change rarely; look again once per window, at the pass that crosses it.
    seen = host.last_seen_at
    if seen is None:
        return True
    window = FACTS_EVERY.total_seconds()
    return int(seen.timestamp() // window) != int(timezone.now().timestamp() // window)


def _remove_orphans(host: Host, lease: Lease[Host], runtime: Runtime) -> None:
    live = Replica.objects.filter(host=host).exclude(state=ReplicaState.RETIRED)
    wanted = set(live.values_list("workload", flat=True))
    for workload in runtime.list_owned():
        age_s = time.time() - (workload.started_at or 0.0)
        if workload.name in wanted or age_s < ORPHAN_GRACE_S:
            continue
        lease.renew()  # whoever slept since it looked must not end what is wanted by now
        if live.filter(workload=workload.name).exists():
            continue
        log.warning("removing orphan %s on %s", workload.name, host.name)
        runtime.remove(workload.name, force=age_s > 2 * ORPHAN_GRACE_S)
        event(host, "host.orphan_removed", level="warning", params={"workload": workload.name})
