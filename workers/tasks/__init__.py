"""Celery tasks of ten lines that call a reconciler.

Importing this package registers every task with Celery.
"""

from workers.tasks import housekeeping, reconcile, starting

__all__ = ["housekeeping", "reconcile", "starting"]
