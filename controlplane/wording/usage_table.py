"""Usage as a table for spreadsheets: column names and plain values, one request a line.

Names of columns are not translated: scripts read them. A cell that a spreadsheet would take for a
formula gets a quote before it.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

COLUMNS = (
    "at",
    "request_id",
    "key_id",
    "key",
    "user",
    "model",
    "alias",
    "host",
    "engine",
    "replica",
    "route",
    "status",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "first_token_ms",
    "duration_ms",
    "tokens_per_s",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def usage_csv(rows: Iterable[Any]) -> Iterator[str]:
    """Yield the lines of the table, its head first. `rows`: Usage with what it points at."""
    yield _line(COLUMNS)
    for row in rows:
        yield _line(_cells(row))


def _cells(row: Any) -> tuple[Any, ...]:
    return (
        row.at.isoformat(timespec="milliseconds"),
        row.request_id,
        row.key.key_id if row.key else "",
        row.key.name if row.key else "",
        row.user.name if row.user else "",
        row.deployment_name,
        row.alias,
        row.host.name if row.host else "",
        row.engine,
        row.replica.workload if row.replica else "",
        row.route,
        row.status,
        row.prompt_tokens,
        row.completion_tokens,
        row.cached_tokens,
        _rounded(row.first_token_ms),
        _rounded(row.duration_ms),
        _rounded(row.tokens_per_s),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([_safe(cell) for cell in cells])
    return out.getvalue()


def _safe(cell: Any) -> Any:
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return "" if cell is None else cell
