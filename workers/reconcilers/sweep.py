"""Finds the rows that are due: the net under every message that was lost."""

from collections.abc import Iterator

from django.db.models import Q

from models_app.notify.workers import TASK_OF
from models_app.services.leases import database_time

BATCH = 500  # rows of a kind per sweep; the rest comes with the next


def due_rows() -> Iterator[tuple[str, int]]:
    """Return (task, row id) of every row whose time has come and that nobody works on."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=database_time())
    for model, task in TASK_OF.items():
        due = model._default_manager.filter(free, next_action_at__lte=database_time())
        for row_id in due.order_by("next_action_at").values_list("pk", flat=True)[:BATCH]:
            yield task, row_id
