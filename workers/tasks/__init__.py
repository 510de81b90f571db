"""Celery tasks of ten lines that call a reconciler."""
