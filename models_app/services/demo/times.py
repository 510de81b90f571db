"""Rows of the past: sets the times that the database would otherwise write as now."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

BATCH = 2000


def ago(**parts: float) -> datetime:
    """Return the time that long ago: `ago(minutes=3)`."""
    return timezone.now() - timedelta(**parts)


def set_times(rows: Sequence[Any], field: str, times: Sequence[datetime]) -> None:
    """Write each row's own time into a field that is set when a row is added."""
    for row, time in zip(rows, times, strict=True):
        setattr(row, field, time)
    if rows:
        type(rows[0])._default_manager.bulk_update(rows, [field], batch_size=BATCH)
