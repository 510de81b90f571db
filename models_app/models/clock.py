"""What time it is for the ledger: the database's clock, whichever machine asks.

Moments in rows are written by the database (`leases.database_time`). A worker whose own clock is
ten minutes off would find hosts silent, starts stalled and answers drained that are none of it, if
it compared them with that; so it asks the database now and then, and counts on from there.
"""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

ASK_EVERY_S = 30.0  # clocks drift by milliseconds in that time

_asked: tuple[datetime, float] | None = None  # what it said, and when, on our monotonic clock


def database_now() -> datetime:
    """Return the moment that the database would write now."""
    global _asked  # noqa: PLW0603 - one clock for the process
    if connection.vendor == "sqlite":  # a file has no clock of its own
        return timezone.now()
    if _asked is None or time.monotonic() - _asked[1] > ASK_EVERY_S:
        _asked = _ask(), time.monotonic()
    said, at = _asked
    return said + timedelta(seconds=time.monotonic() - at)


def _ask() -> datetime:
    """Ask the database, beside Django's own statements: who counts those counts work, not this."""
    connection.ensure_connection()
    raw: Any = connection.connection
    found: datetime = raw.execute("SELECT clock_timestamp()").fetchone()[0]
    return found
