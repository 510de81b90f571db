"""Relays the nudges that a commit hook could not hand over: broker away, process killed."""

import logging
from datetime import timedelta

from models_app.models import OutboxEntry
from models_app.models.clock import database_now
from models_app.notify import workers

log = logging.getLogger(__name__)

GRACE_S = 2.0  # the commit hook of a living process is faster than this
BATCH = 500


def outbox_relay() -> int:
    """Send what is left in the outbox; return how many. Raises when the broker is away.

    A row is deleted after it was sent: at worst a nudge is delivered twice, which changes nothing.
    """
    old = database_now() - timedelta(seconds=GRACE_S)
    entries = list(OutboxEntry.objects.filter(created_at__lt=old).order_by("pk")[:BATCH])
    for task, row_id in {(entry.task, entry.row_id) for entry in entries}:
        workers.send(task, row_id)
    OutboxEntry.objects.filter(pk__in=[entry.pk for entry in entries]).delete()
    return len(entries)
