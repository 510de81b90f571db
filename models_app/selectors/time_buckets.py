"""Grouping rows by stretches of time in the database, alike on SQLite and PostgreSQL."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Func, IntegerField
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from models_app.domain.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Span:
    """A time range of a chart: how far back, in how many steps, from which samples."""

    key: str
    seconds: int
    step_s: int
    resolution: int  # of samples: 0 as measured, 60 per minute

    def since(self, now: datetime) -> datetime:
        """Return where the range begins, at the edge of a step."""
        edge = (int(now.timestamp()) - self.seconds) // self.step_s * self.step_s
        return datetime.fromtimestamp(edge, tz=now.tzinfo)


SPANS = {
    span.key: span
    for span in (
        Span("15m", 900, 10, 0),
        Span("1h", 3600, 20, 0),
        Span("24h", 86_400, 300, 60),
        Span("7d", 604_800, 1800, 60),
    )
}


def span_of(key: str) -> Span:
    """Return the range named `key`. Raises InvalidError."""
    if key not in SPANS:
        raise InvalidError(
            "UNKNOWN_RANGE", params={"known": list(SPANS)}, fields={"range": "UNKNOWN_RANGE"}
        )
    return SPANS[key]


class Step(Func):
    """The number of the step of `seconds` in which a time lies, counted from 1970."""

    output_field = IntegerField()

    def __init__(self, field: str, *, seconds: int) -> None:
        super().__init__(F(field))
        self.extra["seconds"] = int(seconds)

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **context: Any) -> Any:
        """SQLite keeps times as text."""
        template = "(CAST(strftime('%%%%s', %(expressions)s) AS INTEGER) / %(seconds)s)"
        return super().as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: SQLCompiler, connection: Any, **context: Any) -> Any:
        """PostgreSQL counts seconds itself."""
        template = "(FLOOR(EXTRACT(EPOCH FROM %(expressions)s))::bigint / %(seconds)s)"
        return super().as_sql(compiler, connection, template=template, **context)


def steps(span: Span, now: datetime | None = None) -> range:
    """Return the numbers of all steps of the range, the running one included."""
    now = now or timezone.now()
    first = int(span.since(now).timestamp()) // span.step_s
    return range(first, int(now.timestamp()) // span.step_s + 1)


def recent(seconds: float) -> datetime:
    """Return the time `seconds` ago."""
    return timezone.now() - timedelta(seconds=seconds)
