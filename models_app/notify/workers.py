"""Task names of the hands, and the nudge that says "look at row X" after a commit.

The outbox row is written in the caller's transaction, so a nudge cannot be lost between commit and
broker; `services.outbox` relays what is left. Losing even that costs one sweep, nothing else.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction

from models_app.models import (
    Deployment,
    Host,
    Operation,
    OutboxEntry,
    Placement,
    Replica,
)
from models_app.models.base import WorkedRow
from models_app.models.clock import database_now
from models_app.notify.relay import nudges

RECONCILE_HOST = "slipway.host"
RECONCILE_DEPLOYMENT = "slipway.deployment"
RECONCILE_REPLICA = "slipway.replica"
RECONCILE_PLACEMENT = "slipway.placement"
RECONCILE_OPERATION = "slipway.operation"
FOLLOW_LOGS = "slipway.follow_logs"
SWEEP = "slipway.sweep"
HOUSEKEEPING = "slipway.housekeeping"

TASK_OF: dict[type[WorkedRow], str] = {
    Host: RECONCILE_HOST,
    Deployment: RECONCILE_DEPLOYMENT,
    Replica: RECONCILE_REPLICA,
    Placement: RECONCILE_PLACEMENT,
    Operation: RECONCILE_OPERATION,
}
UNTIL = "slipway_until"  # the header that says when
MESSAGE_LIFE_S = 60  # an older nudge says nothing the sweep has not said


def nudge(row: WorkedRow) -> None:
    """Ask the hands to look at the row, once the current transaction has committed."""
    task = TASK_OF[type(row)]
    entry = OutboxEntry.objects.create(task=task, row_id=row.pk)
    if settings.NUDGE_AFTER_COMMIT:
        transaction.on_commit(partial(_hand_over, task, row.pk, entry.pk), robust=True)


def send(task: str, row_id: int) -> None:
    """Put one task message on the broker. Raises when the broker is away."""
    current_app.send_task(task, args=[row_id], headers=_until(MESSAGE_LIFE_S), retry=False)


def ask_for_logs(replica_id: int) -> None:
    """Ask the hands to follow the logs of a replica while somebody reads them."""
    nudges.send(partial(send, FOLLOW_LOGS, replica_id))


def _hand_over(task: str, row_id: int, entry_id: int) -> None:
    nudges.send(_sender(task, row_id, entry_id))


def _sender(task: str, row_id: int, entry_id: int) -> Callable[[], None]:
    def job() -> None:
        send(task, row_id)
        OutboxEntry.objects.filter(pk=entry_id).delete()

    return job


def send_later(task: str, row_id: int, seconds: float) -> None:
    """Send a message that is acted on after `seconds`; a broker that is away loses it, no more."""
    nudges.send(partial(_send_later, task, row_id, seconds))


def _send_later(task: str, row_id: int, seconds: float) -> None:
    headers = _until(seconds + MESSAGE_LIFE_S)
    current_app.send_task(task, args=[row_id], countdown=seconds, headers=headers, retry=False)


def _until(seconds: float) -> dict[str, float]:
    """Return until when a message means something, by the database's clock.

    Celery's own expiry compares the clocks of two machines: ten minutes apart, nothing would ever
    arrive, or nothing ever be old.
    """
    return {UNTIL: database_now().timestamp() + seconds}


def is_stale(request: Any) -> bool:
    """Return whether a message has waited for too long to mean anything."""
    until = getattr(request, UNTIL, None)
    return until is not None and database_now().timestamp() > float(until)
