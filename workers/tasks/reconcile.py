"""One task per kind of row, and the sweep that finds every row that is due."""

import time

from celery import shared_task

from models_app.notify import workers as names
from models_app.services.outbox import outbox_relay
from workers.reconcilers.deployments import reconcile_deployment
from workers.reconcilers.hosts import reconcile_host
from workers.reconcilers.operations import reconcile_operation
from workers.reconcilers.placements import reconcile_placement
from workers.reconcilers.replicas import reconcile_replica
from workers.reconcilers.sampling import GATHERED
from workers.reconcilers.sweep import due_rows
from workers.tasks.messages import Message

SWEPT_JUST_NOW_S = 1.0
_swept_at = float("-inf")


@shared_task(name=names.RECONCILE_HOST, base=Message)
def host(row_id: int) -> None:
    """Look at one host."""
    reconcile_host(row_id)


@shared_task(name=names.RECONCILE_DEPLOYMENT, base=Message)
def deployment(row_id: int) -> None:
    """Look at one deployment."""
    reconcile_deployment(row_id)


@shared_task(name=names.RECONCILE_REPLICA, base=Message)
def replica(row_id: int) -> None:
    """Look at one replica."""
    reconcile_replica(row_id)


@shared_task(name=names.RECONCILE_PLACEMENT, base=Message)
def placement(row_id: int) -> None:
    """Look at one placement."""
    reconcile_placement(row_id)


@shared_task(name=names.RECONCILE_OPERATION, base=Message)
def operation(row_id: int) -> None:
    """Look at one operation."""
    reconcile_operation(row_id)


@shared_task(name=names.SWEEP)
def sweep() -> None:
    """Sweep, unless another of the messages that waited here did so just now."""
    global _swept_at  # noqa: PLW0603 - of this process
    if time.monotonic() - _swept_at > SWEPT_JUST_NOW_S:
        sweep_now()
        _swept_at = time.monotonic()


def sweep_now() -> None:
    """Relay what the outbox still holds, and send a message for every row that is due."""
    GATHERED.write()
    outbox_relay()
    for task, row_id in due_rows():
        names.send(task, row_id)
