"""The task that follows a replica's output while somebody reads it."""

from celery import shared_task

from models_app.notify import workers as names
from workers.reconcilers.logs import follow


@shared_task(name=names.FOLLOW_LOGS)
def follow_logs(replica_id: int) -> None:
    """Take one step; the next is asked for while there are readers."""
    follow(replica_id)
