"""Reads of usage for people and scripts: single requests, sums, series, and the same by group.

How a deployment or a host does is everybody's to see. Which key used what is its owner's and the
admin's: everybody else sees the sum of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError
from models_app.domain.states import Role
from models_app.models import Deployment, GatewayKey, Host, Usage
from models_app.selectors.metrics import Series, Values
from models_app.selectors.time_buckets import Span, steps
from models_app.selectors.usage_figures import DAY_S, HOUR_S, Figures, figures_by

USAGE_SPANS = {
    span.key: span
    for span in (
        Span("1h", 3600, 60, 0),
        Span("24h", 86_400, 1800, 0),
        Span("7d", 604_800, HOUR_S * 3, HOUR_S),
        Span("30d", 30 * DAY_S, DAY_S, HOUR_S),
        Span("90d", 90 * DAY_S, DAY_S, DAY_S),
        Span("1y", 365 * DAY_S, 7 * DAY_S, DAY_S),
    )
}
DEFAULT_SPAN = "24h"
GROUPS = ("key", "deployment", "host")


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which usage: a range, and what it is narrowed to."""

    span: Span
    key: GatewayKey | None = None
    deployment: Deployment | None = None
    host: Host | None = None

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of these; requests and roll-ups alike."""
        wanted = {"key": self.key, "deployment": self.deployment, "host": self.host}
        return rows.filter(**{name: row for name, row in wanted.items() if row is not None})


@dataclass(frozen=True, slots=True)
class Group:
    """What one key, deployment or host used. `ref` "" and `name` "": none, or not to be told."""

    ref: str
    name: str
    figures: Figures


def usage_span(key: str) -> Span:
    """Return the range named `key`. Raises InvalidError."""
    if key not in USAGE_SPANS:
        raise InvalidError(
            "UNKNOWN_RANGE", params={"known": list(USAGE_SPANS)}, fields={"range": "UNKNOWN_RANGE"}
        )
    return USAGE_SPANS[key]


def usage_totals(actor: Actor, query: UsageQuery) -> Figures:
    """Return the sum over the range."""
    actor.require(Role.VIEWER)
    return figures_by(query.span, query.narrow).get((), Figures())


def usage_series(actor: Actor, query: UsageQuery) -> Series:
    """Return the sums by step. Counts without requests are 0, percentiles of nothing None."""
    actor.require(Role.VIEWER)
    found = figures_by(query.span, query.narrow, by_step=True)
    numbers = steps(query.span)
    figures = [found.get((number,), Figures()) for number in numbers]
    values: Mapping[str, Values] = {
        "requests": [float(f.requests) for f in figures],
        "errors": [float(f.errors) for f in figures],
        "cancelled": [float(f.cancelled) for f in figures],
        "prompt_tokens": [float(f.prompt_tokens) for f in figures],
        "completion_tokens": [float(f.completion_tokens) for f in figures],
        "cached_tokens": [float(f.cached_tokens) for f in figures],
        "first_token_p50_ms": [f.first_token_ms(50) for f in figures],
        "first_token_p95_ms": [f.first_token_ms(95) for f in figures],
        "duration_p50_ms": [f.duration_ms(50) for f in figures],
        "duration_p95_ms": [f.duration_ms(95) for f in figures],
    }
    return Series(query.span, [number * query.span.step_s for number in numbers], values)


def usage_by(actor: Actor, query: UsageQuery, by: str) -> list[Group]:
    """Return the sums by key, deployment or host, most tokens first. Raises InvalidError."""
    actor.require(Role.VIEWER)
    if by not in GROUPS:
        raise InvalidError("VALUE_INVALID", fields={"by": "VALUE_INVALID"})
    dims = ("deployment_id", "deployment_name") if by == "deployment" else (f"{by}_id",)
    found = figures_by(query.span, query.narrow, dims=dims)
    names = _names(actor, by, {cell[0] for cell in found})
    groups: dict[tuple[str, str], Figures] = {}
    for cell, figures in found.items():
        gone = cell[1] if len(cell) > 1 else ""
        groups.setdefault(names.get(cell[0], ("", gone)), Figures()).merge(figures)
    rows = [Group(ref, name, figures) for (ref, name), figures in groups.items()]
    return sorted(
        rows, key=lambda row: (-row.figures.tokens, -row.figures.requests, not row.name, row.name)
    )


def usage_visible(  # noqa: PLR0913 - each a filter
    actor: Actor,
    *,
    key: GatewayKey | None = None,
    deployment: Deployment | None = None,
    host: Host | None = None,
    status: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Usage]:
    """Return single requests, newest first: one's own, or everybody's for an admin."""
    actor.require(Role.VIEWER)
    rows = Usage.objects.select_related("key", "deployment", "host", "replica", "user")
    if not actor.role.allows(Role.ADMIN):
        rows = rows.filter(Q(key__owner=actor.user_id or 0) | Q(user=actor.user_id or 0))
    wanted = {
        "key": key,
        "deployment": deployment,
        "host": host,
        "status": status,
        "at__gte": since,
        "at__lt": until,
    }
    rows = rows.filter(**{name: value for name, value in wanted.items() if value})
    return rows.order_by("-id")


def _names(actor: Actor, by: str, ids: set[Any]) -> dict[Any, tuple[str, str]]:
    """Return reference and name by row id, of those that the actor may know."""
    wanted = [id_ for id_ in ids if id_ is not None]
    if by == "key":
        keys = GatewayKey.objects.filter(pk__in=wanted)
        if not actor.role.allows(Role.ADMIN):
            keys = keys.filter(owner=actor.user_id or 0)
        return {pk: (ref, name) for pk, ref, name in keys.values_list("pk", "key_id", "name")}
    model: Any = Deployment if by == "deployment" else Host
    named = model._default_manager.filter(pk__in=wanted).values_list("pk", "name")
    return {pk: (name, name) for pk, name in named}
