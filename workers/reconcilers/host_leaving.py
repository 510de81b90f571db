"""The last look at a host: what is ours is taken off it, then its row goes.

A host that does not answer is forgotten all the same, since a person wants it gone; what may still
lie there is told, by name.
"""

import logging

from models_app.domain.failures import FailureError, RuntimeUnreachableError
from models_app.domain.states import HostState, ReplicaState
from models_app.models import Host
from models_app.selectors.hosts import host_of_engine
from models_app.services.leases import Lease
from models_app.services.observed.hosts import host_forget
from models_app.services.records import event
from workers.reconcilers.base import DONE, Result
from workers.reconcilers.runtimes import held_runtime_of, runtime_of
from workers.runtimes.base import LeavesThings, Runtime

log = logging.getLogger(__name__)

TRIES = 3
AGAIN_S = 5.0


def has_replicas(host: Host) -> bool:
    """Return whether anything of ours still runs there, or has to be ended."""
    return host.replicas.exclude(state=ReplicaState.RETIRED).exists()


def leave_and_forget(host: Host, lease: Lease[Host]) -> Result:
    """Take what is ours off the host and delete the row."""
    try:
        with runtime_of(host, probing=True) as runtime:
            lease.renew()
            left = _taken_away(host, runtime)
    except (RuntimeUnreachableError, FailureError) as error:
        if host.misses < TRIES:
            lease.write(misses=host.misses + 1)
            return Result(AGAIN_S)
        log.info("%s is forgotten without having been asked: %s", host.name, error)
        left = _may_be_left(host)
    if left:
        told = {"host": host.name, "left": ", ".join(left)}
        event(host, "host.left_behind", level="warning", params=told)
    return DONE if host_forget(lease, host) else Result(AGAIN_S)


def _taken_away(host: Host, runtime: Runtime) -> list[str]:
    """Take what is ours off it; return what is left. What another host here uses stays."""
    if not isinstance(runtime, LeavesThings):
        return []
    other = host_of_engine(runtime.engine_id(), besides=host.pk)
    return [] if other and other.state != HostState.REMOVING else runtime.leave()


def _may_be_left(host: Host) -> list[str]:
    try:
        runtime = held_runtime_of(host)
    except FailureError:
        return []  # of a runtime that is not installed here nothing is known
    return runtime.may_leave_behind() if isinstance(runtime, LeavesThings) else []
