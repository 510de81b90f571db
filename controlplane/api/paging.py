"""Lists in pages: an opaque cursor that stays right while rows come and go.

A page begins behind the last row of the one before, by one unique column. Rows that appear or
vanish in between are neither sent twice nor hide others, and a deep page costs no more than the
first.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from ninja import Field, Schema

from models_app.domain.errors import InvalidError

M = TypeVar("M", bound=Model)

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200
_LARGEST_ID = 2**63 - 1


class PageIn(Schema):
    """Which page of a list."""

    limit: int = Field(DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT, description="Rows per page.")
    cursor: str = Field(
        "", max_length=500, description="`next_cursor` of the page before; leave out for the first."
    )


class PageOut(Schema):
    """One page of a list; each list adds its `items`."""

    next_cursor: str | None = Field(None, description="Null on the last page.")


def page_of(rows: QuerySet[M], page: PageIn, by: str) -> dict[str, Any]:
    """Return one page of `rows` as `{items, next_cursor}`. Raises InvalidError CURSOR_INVALID.

    `by` is a unique column, with a minus for descending order.
    """
    column, sign = by.lstrip("-"), "lt" if by.startswith("-") else "gt"
    rows = rows.order_by(by)
    if page.cursor:
        rows = rows.filter(**{f"{column}__{sign}": _position(page.cursor, column)})
    found = list(rows[: page.limit + 1])
    items = found[: page.limit]
    has_more = len(found) > page.limit
    return {"items": items, "next_cursor": _cursor(items[-1], column) if has_more else None}


def _cursor(row: Model, column: str) -> str:
    text = json.dumps([column, getattr(row, column)], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str, column: str) -> str | int:
    """Return where the page begins; the cursor is the caller's input and may be anything."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = json.loads(urlsafe_b64decode(padded))
    except (ValueError, RecursionError):
        found = None
    wanted = str if column == "name" else int
    is_sound = isinstance(found, list) and len(found) == 2 and found[0] == column  # noqa: PLR2004
    if not is_sound or type(found[1]) is not wanted or not _is_storable(found[1]):
        raise InvalidError("CURSOR_INVALID", fields={"cursor": "CURSOR_INVALID"})
    position: str | int = found[1]
    return position


def _is_storable(value: str | int) -> bool:
    return "\0" not in value if isinstance(value, str) else abs(value) <= _LARGEST_ID
