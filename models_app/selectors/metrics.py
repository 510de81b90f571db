"""Reads of measurements: series for charts, and the figures of this moment.

A step without a sample is None: a gap is shown as a gap. Series are filled to the whole range, so
that charts of one page share their time axis.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.cache import cache
from django.db.models import Avg, Count, QuerySet, Sum

from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.models import Deployment, Host, HostSample, Replica, ReplicaSample, Usage
from models_app.selectors.time_buckets import Span, Step, recent, span_of, steps
from models_app.selectors.usage_figures import Figures, figures_by, requests_since

FLEET_NOW_S = 9.0  # of the whole fleet: one or two samples of each replica
FLEET_KEPT_S = 2
NOW_S = 15.0  # "now" in figures: three samples of the hands
REPLICAS_SUMMED = 500  # the newest of a deployment, history included

Values = list[float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """Several measures over one range. `times` are seconds since the epoch, one per step."""

    span: Span
    times: list[int]
    values: Mapping[str, Values]

    def latest(self, measure: str) -> float | None:
        """Return the newest value that is known."""
        return next((v for v in reversed(self.values[measure]) if v is not None), None)


@dataclass(frozen=True, slots=True)
class Latency:
    """Time to first token over recent answers, in milliseconds."""

    answers: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class ReplicaNow:
    """What a replica does now. Bytes per second are None where its host does not tell."""

    tokens_per_s: float
    received_per_s: float | None
    sent_per_s: float | None


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """Tokens per second now (None: nothing was measured), and requests by the minute."""

    tokens_now: float | None
    requests: Series


def host_series(actor: Actor, host: Host, span_key: str = "15m") -> Series:
    """Return CPU, memory and disk of a host over a range."""
    actor.require(Role.VIEWER)
    span = span_of(span_key)
    rows = _within(HostSample.objects.filter(host=host), span).values("step").order_by("step")
    found = rows.annotate(
        cpu_percent=Avg("cpu_percent"),
        memory_used_bytes=Avg("memory_used_bytes"),
        disk_used_bytes=Avg("disk_used_bytes"),
    )
    return _series(span, found, ("cpu_percent", "memory_used_bytes", "disk_used_bytes"))


_REPLICA_MEASURES = (
    "tokens_per_s",
    "prompt_tokens_per_s",
    "requests_processing",
    "cpu_percent",
    "memory_bytes",
    "network_received_per_s",
    "network_sent_per_s",
)


def replica_series(actor: Actor, replica: Replica, span_key: str = "15m") -> Series:
    """Return how a replica worked over a range."""
    actor.require(Role.VIEWER)
    return _summed(ReplicaSample.objects.filter(replica=replica), span_of(span_key))


def deployment_series(actor: Actor, deployment: Deployment, span_key: str = "15m") -> Series:
    """Return how a deployment worked over a range: the sum over its replicas, retired ones too."""
    ids = list(Replica.objects.filter(deployment=deployment).values_list("pk", flat=True))
    return replicas_series(actor, ids[-REPLICAS_SUMMED:], span_key)


def replicas_series(actor: Actor, replicas: Sequence[int], span_key: str = "15m") -> Series:
    """Return the sum over these replicas (row ids) over a range.

    They are named by id: a join would let the database begin with every sample of that time.
    """
    actor.require(Role.VIEWER)
    return _summed(ReplicaSample.objects.filter(replica__in=replicas), span_of(span_key))


def request_series(actor: Actor, deployment: Deployment, span_key: str = "15m") -> Series:
    """Return requests per minute, errors per minute and time to first token (ms) over a range."""
    actor.require(Role.VIEWER)
    span = span_of(span_key)
    step_s = max(span.step_s, 60)  # a rate by the minute needs whole minutes
    span = replace(span, step_s=step_s, resolution=0)
    found = figures_by(span, lambda rows: rows.filter(deployment=deployment), by_step=True)
    numbers = steps(span)[:-1]  # the running step has only begun
    figures = [found.get((number,), Figures()) for number in numbers]
    return Series(
        span,
        [number * step_s for number in numbers],
        {
            "requests_per_min": [f.requests * 60 / step_s for f in figures],
            "errors_per_min": [f.errors * 60 / step_s for f in figures],
            "first_token_p50_ms": [f.first_token_ms(50) for f in figures],
            "first_token_p95_ms": [f.first_token_ms(95) for f in figures],
        },
    )


def latency_of(actor: Actor, deployment: Deployment, *, answers: int = 500) -> Latency:
    """Return the time to first token over the newest answers of the last day."""
    actor.require(Role.VIEWER)
    rows = requests_since(recent(86_400)).filter(
        deployment=deployment, first_token_ms__isnull=False
    )
    newest = rows.order_by("-id").values_list("first_token_ms", flat=True)[:answers]
    found = [value for value in newest if value is not None]
    return Latency(len(found), percentile(found, 50), percentile(found, 95))


def replicas_now(actor: Actor, replicas: Iterable[int]) -> dict[int, ReplicaNow]:
    """Return what each replica (by row id) does now, over the last seconds."""
    actor.require(Role.VIEWER)
    samples = ReplicaSample.objects.filter(
        replica__in=list(replicas), resolution=0, at__gte=recent(NOW_S)
    )
    rows = samples.values("replica").annotate(
        tokens=Avg("tokens_per_s"),
        received=Avg("network_received_per_s"),
        sent=Avg("network_sent_per_s"),
    )
    return {
        row["replica"]: ReplicaNow(row["tokens"] or 0.0, row["received"], row["sent"])
        for row in rows.order_by()
    }


def tokens_now(actor: Actor, replicas: Iterable[int]) -> dict[int, float]:
    """Return tokens per second by replica (its row id), over the last seconds."""
    return {pk: now.tokens_per_s for pk, now in replicas_now(actor, replicas).items()}


def fleet_figures(actor: Actor, *, minutes: int = 15) -> FleetFigures:
    """Return what the whole fleet does now. Read at most every FLEET_KEPT_S, for everybody alike:
    of ten thousand replicas it takes tens of milliseconds, and every open overview asks for it.
    """
    actor.require(Role.VIEWER)
    key = f"fleet-figures-{minutes}"
    found: FleetFigures | None = cache.get(key)
    if found is None:
        found = FleetFigures(fleet_tokens_now(actor), fleet_requests(actor, minutes=minutes))
        cache.set(key, found, FLEET_KEPT_S)
    return found


def fleet_tokens_now(actor: Actor) -> float | None:
    """Return tokens per second of everything that serves; None when nothing was measured."""
    actor.require(Role.VIEWER)
    samples = ReplicaSample.objects.filter(resolution=0, at__gte=recent(FLEET_NOW_S))
    means = samples.values("replica").annotate(mean=Avg("tokens_per_s")).order_by()
    total: float | None = means.aggregate(total=Sum("mean"))["total"]
    return total


def fleet_requests(actor: Actor, *, minutes: int = 15) -> Series:
    """Return requests and completion tokens per minute through the gateway and the playground."""
    actor.require(Role.VIEWER)
    span = Span(f"{minutes}m", minutes * 60, 60, 60)
    rows = (
        Usage.objects.filter(at__gte=recent(span.seconds))
        .annotate(step=Step("at", seconds=span.step_s))
        .values("step")
        .annotate(requests=Count("pk"), completion_tokens=Sum("completion_tokens"))
        .order_by("step")
    )
    series = _series(span, rows, ("requests", "completion_tokens"))
    filled = {name: [v or 0.0 for v in values] for name, values in series.values.items()}
    return Series(span, series.times, {name: list(v) for name, v in filled.items()})


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the nearest-rank percentile; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _within(rows: QuerySet[Any], span: Span) -> QuerySet[Any]:
    near: QuerySet[Any] = rows.filter(resolution=span.resolution, at__gte=recent(span.seconds))
    stepped: QuerySet[Any] = near.annotate(step=Step("at", seconds=span.step_s))
    return stepped


def _summed(rows: QuerySet[ReplicaSample], span: Span) -> Series:
    """Average each replica within a step, then add the replicas up."""
    means = (
        _within(rows, span)
        .values("step", "replica")
        .annotate(**{f"mean_{name}": Avg(name) for name in _REPLICA_MEASURES})
        .order_by("step")
    )
    sums: dict[int, dict[str, float]] = defaultdict(dict)
    for row in means:
        at = sums[row["step"]]
        for name in _REPLICA_MEASURES:
            value = row[f"mean_{name}"]
            if value is not None:
                at[name] = at.get(name, 0.0) + value
    return _series(span, ({"step": step, **at} for step, at in sums.items()), _REPLICA_MEASURES)


def _series(span: Span, rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> Series:
    found = {row["step"]: row for row in rows}
    numbers = steps(span)
    values: dict[str, Values] = {
        name: [found.get(n, {}).get(name) for n in numbers] for name in names
    }
    return Series(span, [n * span.step_s for n in numbers], values)
