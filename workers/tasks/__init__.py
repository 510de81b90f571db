"""Celery tasks of ten lines that call a reconciler.

Importing this package registers every task with Celery.
"""

from workers.tasks import housekeeping, logs, reconcile, starting

__all__ = ["housekeeping", "logs", "reconcile", "starting"]
