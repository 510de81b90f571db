"""Watches a host being emptied: how many replicas have moved, and why the others have not yet.

Nothing is moved here. The deployments' reconcilers see that the host is draining and bring each
replica elsewhere, first up there, then down here; this says how far they are.
"""

from collections.abc import Mapping
from typing import Any

from models_app.domain.failures import Failure, FailureCode
from models_app.domain.scheduling import choose_host
from models_app.domain.states import HostState, ReplicaState, Scheduling
from models_app.models import Host, Operation, Replica
from models_app.selectors.fits import need_of, offers_for
from models_app.services.hosts import host_drain_stop
from models_app.services.leases import Lease
from models_app.services.observed.operations import operation_progress, operation_waits

ASKED = 5  # deployments that are asked where they could go, per look


class DrainHostWork:
    """See `Work`."""

    pause_s = 3.0  # between looks at what others do

    def step(self, operation: Operation, lease: Lease[Operation]) -> Mapping[str, Any] | None:
        """Count what is left; done when nothing of ours is there any more."""
        host = operation.host
        if host is None or host.scheduling != Scheduling.DRAINING:
            return {"moved": operation.done_bytes}
        left = list(_left_on(host))
        total = max(operation.total_bytes or 0, len(left))
        moved = total - len(left)
        hindrance = _hindrance(host, left) if moved == operation.done_bytes else None
        if not left:
            operation_progress(lease, operation, phase="moving", done_bytes=moved)
            return {"moved": total}
        if hindrance is None:
            operation_progress(
                lease, operation, phase="moving", done_bytes=moved, total_bytes=total
            )
        elif operation.failure_code != hindrance.code:
            operation_waits(lease, operation, hindrance, attempts=0)
        return None

    def clean_up(self, operation: Operation) -> None:
        """What has moved stays where it is; the host stays closed until somebody opens it."""
        if operation.host is not None:
            host_drain_stop(operation.host)


def _left_on(host: Host) -> list[Replica]:
    rows = host.replicas.exclude(state=ReplicaState.RETIRED)
    return list(rows.select_related("deployment__revision__artifact__model"))


def _hindrance(host: Host, left: list[Replica]) -> Failure | None:
    """Return why nothing moves: the host is silent, or no other host would take a replica."""
    if host.state != HostState.READY:
        return Failure(FailureCode.HOST_UNREACHABLE, {"host": host.name})
    waiting = {row.deployment_id: row.deployment for row in left if row.is_wanted}
    for deployment in list(waiting.values())[:ASKED]:
        revision = deployment.revision
        if revision is None:
            continue
        on_the_way = deployment.replicas.exclude(host=host).exclude(state=ReplicaState.RETIRED)
        if on_the_way.exclude(state=ReplicaState.READY).exists():
            continue
        choice = choose_host(need_of(revision), offers_for(deployment, revision.artifact))
        if choice.host is None:
            params = {"deployment": deployment.name, **choice.reason}
            return Failure(FailureCode.NO_ROOM_ELSEWHERE, params)
    return None
