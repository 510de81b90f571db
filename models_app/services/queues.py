"""Lines in which transactions wait for one another where no row could be held: it is not there yet.

SQLite has one writer anyway (its transactions take the write lock at once); PostgreSQL takes an
advisory lock until the commit.
"""

from enum import IntEnum

from django.db import connection


class Line(IntEnum):
    """What is waited for; the numbers are any that nothing else in this database locks."""

    MODEL_NAMES = 0x511BA9
    PROCESS_HOST = 0x511BAA


def stand_in(line: Line) -> None:
    """Wait until nobody else is in the line, and stay in it until the commit."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(line)])
