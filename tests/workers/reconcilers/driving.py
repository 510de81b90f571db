"""Drives the reconcilers without a broker: whatever is due is looked at, until a wish is true."""

import time
from collections.abc import Callable

from models_app.models import Deployment, Host, Operation, Placement, Replica
from models_app.models.base import WorkedRow
from workers.reconcilers.deployments import reconcile_deployment
from workers.reconcilers.hosts import reconcile_host
from workers.reconcilers.operations import reconcile_operation
from workers.reconcilers.placements import reconcile_placement
from workers.reconcilers.replicas import reconcile_replica
from workers.reconcilers.sweep import due_rows

RECONCILERS: dict[str, Callable[[int], None]] = {
    "slipway.host": reconcile_host,
    "slipway.deployment": reconcile_deployment,
    "slipway.replica": reconcile_replica,
    "slipway.placement": reconcile_placement,
    "slipway.operation": reconcile_operation,
}
HUNG_S = 60.0
KINDS: tuple[type[WorkedRow], ...] = (Host, Placement, Replica, Deployment, Operation)


def settle(is_true: Callable[[], bool], *, within_s: float = HUNG_S) -> None:
    """Look at every row that is due until `is_true`; fails when it never is."""
    until = time.monotonic() + within_s
    while not is_true():
        for task, row_id in list(due_rows()):
            RECONCILERS[task](row_id)
        assert time.monotonic() < until, "it never came true: " + described()
        time.sleep(0.02)


def described() -> str:
    """What the rows say, for the message of a test that failed."""
    replicas = [
        (row.workload, row.state, row.failure_code, row.failure_params)
        for row in Replica.objects.all()
    ]
    deployments = [(row.name, row.state, row.failure_code) for row in Deployment.objects.all()]
    placements = [(row.state, row.failure_code) for row in Placement.objects.all()]
    return f"{deployments} {replicas} {placements}"


def hurry(row: Replica) -> None:
    """Let a waiting row be due now: its backoff is a matter of its state's age."""
    from datetime import timedelta

    from django.utils import timezone

    past = timezone.now() - timedelta(minutes=30)
    Replica.objects.filter(pk=row.pk).update(next_action_at=past, state_since=past)
