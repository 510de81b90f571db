"""Waits for the image of a replica's engine: a pull goes on beside the steps that look at it."""

from typing import Any

from models_app.domain.specs import Transfer, WorkloadSpec
from models_app.domain.states import ReplicaState
from models_app.models import Replica
from models_app.models.clock import database_now
from models_app.services.leases import Lease
from models_app.services.observed.replicas import Told, replica_pulling, replica_step
from workers.reconcilers.base import Result
from workers.runtimes.base import Runtime

LOOK_PULLING_S = 1.0
_SMOOTH = 0.4  # of the newest speed


def wait_for_image(
    runtime: Runtime, spec: WorkloadSpec, replica: Replica, lease: Lease[Replica]
) -> Result | None:
    """Start or poll the pull; None once the image is there. Raises FailureError when it failed."""
    transfer = runtime.ensure_image(spec)
    if transfer.finished:
        if replica.pulling:
            replica_pulling(lease, replica, {})
        return None
    if replica.state != ReplicaState.PLACING:
        told = Told("replica.pulling", params={"image": spec.image})
        replica_step(lease, replica, ReplicaState.PLACING, told)
    replica_pulling(lease, replica, _told(transfer, spec, replica.pulling))
    return Result(LOOK_PULLING_S)


def _told(transfer: Transfer, spec: WorkloadSpec, before: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown of a pull, with its speed since the last look."""
    now = database_now().timestamp()
    told: dict[str, Any] = {
        "image": spec.image,
        "done_bytes": transfer.done_bytes,
        "total_bytes": transfer.total_bytes,
        "bytes_per_s": before.get("bytes_per_s"),
        "seen_at": now,
    }
    elapsed = now - before.get("seen_at", now)
    if elapsed > 0 and transfer.done_bytes >= before.get("done_bytes", 0):
        speed = (transfer.done_bytes - before["done_bytes"]) / elapsed
        last = before.get("bytes_per_s")
        told["bytes_per_s"] = speed if last is None else _SMOOTH * speed + (1 - _SMOOTH) * last
    return told
