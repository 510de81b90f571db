"""The task that follows a replica's output while somebody reads it."""

from celery import shared_task

from models_app.notify import workers as names
from workers.reconcilers.logs import follow
from workers.tasks.messages import Message


@shared_task(name=names.FOLLOW_LOGS, base=Message)
def follow_logs(replica_id: int) -> None:
    """Take one step; the next is asked for while there are readers."""
    follow(replica_id)
