"""What every task that says "look at row X" is: nothing, when it has waited for too long."""

from typing import Any

from celery import Task

from models_app.notify.workers import is_stale


class Message(Task):  # type: ignore[type-arg]
    """A task whose message may have grown old; the sweep has said it again since."""

    abstract = True

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Do the work, unless the message is old."""
        return None if is_stale(self.request) else super().__call__(*arguments, **named)
