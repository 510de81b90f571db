"""Sums of usage: from the requests themselves while they are near, else from their roll-ups.

Both give the same `Figures`; an hour whose roll-up is behind is read from its requests, so that a
sum is never short. Sums are made by the database; Python sees one row per step, group and bucket.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Count,
    F,
    FloatField,
    IntegerField,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Cast, Floor, Greatest, Ln

from models_app.domain.histograms import LN_GROWTH, SMALLEST_MS, added, percentile_of
from models_app.models import Usage, UsageHour, UsageRollup
from models_app.selectors.time_buckets import Span, Step, recent

HOUR_S, DAY_S = 3600, 86_400
COUNTS = (
    "requests",
    "errors",
    "cancelled",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
)
_LATE = 1000  # requests among which one that was written in time is
IS_ERROR = ~Q(status__in=("ok", "cancelled"))
Narrow = Callable[[QuerySet[Any]], QuerySet[Any]]
Cell = tuple[Any, ...]


@dataclass(slots=True)
class Figures:
    """What requests took together."""

    requests: int = 0
    errors: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    first_token: Counter[int] = field(default_factory=Counter)
    duration: Counter[int] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        """Prompt and completion together: what limits count."""
        return self.prompt_tokens + self.completion_tokens

    def add(self, counts: Mapping[str, Any]) -> None:
        """Add sums; None is of nothing."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + (counts[name] or 0))

    def merge(self, other: "Figures") -> None:
        """Add another's."""
        self.add({name: getattr(other, name) for name in COUNTS})
        self.first_token.update(other.first_token)
        self.duration.update(other.duration)

    def first_token_ms(self, percent: float) -> float | None:
        """Return a percentile of the time to the first token."""
        return percentile_of(self.first_token, percent)

    def duration_ms(self, percent: float) -> float | None:
        """Return a percentile of the whole time."""
        return percentile_of(self.duration, percent)


def figures_by(
    span: Span, narrow: Narrow, *, dims: Sequence[str] = (), by_step: bool = False
) -> dict[Cell, Figures]:
    """Return figures over a range by (step if asked for, *dims).

    `narrow` filters requests and roll-ups alike: only by columns that both have. A span's
    `resolution` says what it is read from: 0 the requests, else the roll-ups of so many seconds.
    """
    found: dict[Cell, Figures] = {}
    since = recent(span.seconds)
    step = span.step_s if by_step else None
    if not span.resolution:
        add_requests(found, narrow(requests_since(since)), dims, step)
        return found
    edge = _edge(since, span.resolution)
    rolled = UsageRollup.objects.filter(seconds=span.resolution, at__gte=edge)
    add_rollups(found, narrow(rolled), dims, step)
    behind = _hours_behind(edge)
    if behind is not None:
        add_requests(found, narrow(requests_since(edge).filter(behind)), dims, step)
    return found


def requests_since(time: datetime) -> QuerySet[Usage]:
    """Return the requests that ended since a time, by id too, which is what narrowing can use.

    Ids grow with the time but for batches that were late: the smallest of many is safe.
    """
    first = Usage.objects.filter(at__gte=time).order_by("at")[:_LATE]
    smallest = Usage.objects.filter(pk__in=first.values("pk")).order_by("pk")[:1]
    return Usage.objects.filter(at__gte=time, pk__gte=Subquery(smallest.values("pk")))


def add_requests(
    found: dict[Cell, Figures],
    rows: QuerySet[Usage],
    dims: Sequence[str] = (),
    step_s: int | None = None,
) -> None:
    """Add the sums of requests, each to the figures of its (step, *dims)."""
    rows, names = _stepped(rows, dims, step_s)
    sums = rows.values(*names).annotate(
        requests=Count("pk"),
        errors=Count("pk", filter=IS_ERROR),
        cancelled=Count("pk", filter=Q(status="cancelled")),
        **{f"sum_{name}": Sum(name) for name in COUNTS[3:]},
    )
    for row in sums.order_by():
        counts = {name: row[name] if name in row else row[f"sum_{name}"] for name in COUNTS}
        _at(found, row, names).add(counts)
    for column, measure in (("first_token_ms", "first_token"), ("duration_ms", "duration")):
        for row in _buckets(rows, names, column):
            getattr(_at(found, row, names), measure)[row["bucket"]] += row["answers"]


def add_rollups(
    found: dict[Cell, Figures],
    rows: QuerySet[UsageRollup],
    dims: Sequence[str] = (),
    step_s: int | None = None,
) -> None:
    """Add roll-ups, each to the figures of its (step, *dims)."""
    rows, names = _stepped(rows, dims, step_s)
    columns = [*names, *COUNTS, "first_token", "duration"]
    for row in rows.order_by().values(*columns).iterator():
        figures = _at(found, row, names)
        figures.add(row)
        added(figures.first_token, row["first_token"])
        added(figures.duration, row["duration"])


def _at(found: dict[Cell, Figures], row: Mapping[str, Any], names: Iterable[str]) -> Figures:
    return found.setdefault(tuple(row[name] for name in names), Figures())


def _stepped(
    rows: QuerySet[Any], dims: Sequence[str], step_s: int | None
) -> tuple[QuerySet[Any], list[str]]:
    if step_s is None:
        return rows, list(dims)
    return rows.annotate(step=Step("at", seconds=step_s)), ["step", *dims]


def _buckets(rows: QuerySet[Usage], names: Sequence[str], column: str) -> Iterator[dict[str, Any]]:
    """Yield how many answers lie in each bucket, as `domain/histograms.py` counts them.

    Of nothing but answers: what failed or was cancelled took as long as somebody had patience.
    """
    known = rows.filter(**{f"{column}__isnull": False}).filter(status="ok")
    smallest = Value(SMALLEST_MS, output_field=FloatField())
    logarithm = Ln(Greatest(F(column), smallest), output_field=FloatField())
    bucket = Cast(Floor(logarithm / Value(LN_GROWTH)), IntegerField())
    grouped = known.annotate(bucket=bucket).values(*names, "bucket").annotate(answers=Count("pk"))
    yield from grouped.order_by()


def _edge(since: datetime, seconds: int) -> datetime:
    """Return the beginning of the roll-up in which a time lies."""
    return datetime.fromtimestamp(int(since.timestamp()) // seconds * seconds, tz=since.tzinfo)


def _hours_behind(since: datetime) -> Q | None:
    """Return the condition of requests whose hour is not rolled up; None when all are."""
    behind: Q | None = None
    rows = UsageHour.objects.filter(is_dirty=True, at__gte=since).order_by("at")
    for begin, end in _stretches(rows.values_list("at", flat=True)):
        stretch = Q(at__gte=begin, at__lt=end)
        behind = stretch if behind is None else behind | stretch
    return behind


def _stretches(hours: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """Return hours, in order, as stretches of hours that follow one another."""
    found: list[tuple[datetime, datetime]] = []
    for hour in hours:
        if found and found[-1][1] == hour:
            found[-1] = (found[-1][0], hour + timedelta(seconds=HOUR_S))
        else:
            found.append((hour, hour + timedelta(seconds=HOUR_S)))
    return found
