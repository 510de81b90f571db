"""Puts rows of usage into their table, thousands a second.

`bulk_create` makes an object of each row and compiles each value anew: measured, that took the
gateway a quarter of its time for a request. Here one statement is made once and run with plain
values; the columns still come from the model, so that it cannot drift from the table.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from django.db import connection

from models_app.models import Usage


class UsageRow(NamedTuple):
    """The columns, by the names of the model's fields, foreign keys by their ids."""

    request_id: uuid.UUID
    at: datetime
    deployment_id: int
    deployment_name: str
    replica_id: int | None
    host_id: int | None
    key_id: int | None
    user_id: int | None
    engine: str
    alias: str
    route: str
    status: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    first_token_ms: float | None
    duration_ms: float
    tokens_per_s: float | None


ROWS_A_STEP = 50  # SQLite takes at least 999 values
_FIELDS = {field.attname: field for field in Usage._meta.concrete_fields}


def usage_rows_insert(rows: Sequence[UsageRow]) -> None:
    """Insert the rows; one whose request is there already is left out."""
    if connection.vendor == "sqlite":
        _insert_in_sqlite(rows)
        return
    with connection.cursor() as cursor:
        cursor.executemany(_statement(1, "%s"), rows)


def _insert_in_sqlite(rows: Sequence[UsageRow]) -> None:
    """Many rows in a step: between steps the thread fights for the interpreter with the requests.

    Values are as Django writes them there, in a fifth of its time.
    """
    values: list[tuple[Any, ...]] = [
        (row[0].hex, str(row[1].astimezone(UTC).replace(tzinfo=None)), *row[2:]) for row in rows
    ]
    connection.ensure_connection()
    with connection.wrap_database_errors:
        for begin in range(0, len(values), ROWS_A_STEP):
            some = values[begin : begin + ROWS_A_STEP]
            connection.connection.execute(_statement(len(some), "?"), list(chain(*some)))


@lru_cache(maxsize=ROWS_A_STEP + 1)
def _statement(rows: int, place: str) -> str:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(_FIELDS[name].column or name) for name in UsageRow._fields)
    places = ", ".join([f"({', '.join([place] * len(UsageRow._fields))})"] * rows)
    table = quote(Usage._meta.db_table)
    # the names are the model's own, quoted; every value is a parameter
    return f"INSERT INTO {table} ({columns}) VALUES {places} ON CONFLICT DO NOTHING"  # noqa: S608
