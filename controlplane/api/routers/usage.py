"""Usage of the gateway and the playground: sums and series over a range, and single requests."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import Field, Query, Router, Schema

from controlplane.api.authentication import actor_of
from controlplane.api.metrics_out import SeriesOut, series_out
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import Out
from controlplane.wording.usage_table import usage_csv
from models_app.domain.actors import Actor
from models_app.selectors.deployments import deployment_get
from models_app.selectors.gateway_keys import key_get
from models_app.selectors.hosts import host_get
from models_app.selectors.usage import (
    DEFAULT_SPAN,
    UsageQuery,
    usage_by,
    usage_series,
    usage_span,
    usage_totals,
    usage_visible,
)
from models_app.selectors.usage_figures import COUNTS, Figures

router = Router(tags=["gateway"])

EXPORT_LIMIT = 100_000  # lines; narrower times give the rest
REF = "Id or name."


class ObjectFilters(Schema):
    """Of which key, deployment or host."""

    key: str = Field("", max_length=100, description="Id or key id.")
    deployment: str = Field("", max_length=100, description=REF)
    host: str = Field("", max_length=100, description=REF)


class SumFilters(ObjectFilters):
    """Over which range, and grouped by what."""

    range: str = Field(DEFAULT_SPAN, description="1h, 24h, 7d, 30d, 90d or 1y.")
    by: Literal["key", "deployment", "host"] = "deployment"


class RequestFilters(ObjectFilters):
    """Which requests."""

    status: str = Field("", max_length=40, description="ok, cancelled, or an error's code.")
    since: datetime | None = None
    until: datetime | None = None


class RequestPageFilters(RequestFilters, PageIn):
    """Which page of which requests."""


class FiguresOut(Out):
    """What requests took together. Times are of those that went well; null: there were none."""

    requests: int
    errors: int
    cancelled: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    first_token_p50_ms: float | None
    first_token_p95_ms: float | None
    duration_p50_ms: float | None
    duration_p95_ms: float | None


class GroupOut(FiguresOut):
    """The same of one key, deployment or host; empty: none, or another's key."""

    ref: str
    name: str


class UsageOut(Out):
    """Sums, groups and series of one range."""

    totals: FiguresOut
    groups: list[GroupOut]
    series: SeriesOut


class RequestOut(Out):
    """One request. Prompts and answers are never stored."""

    request_id: UUID
    at: datetime
    key: str | None
    user: str | None
    deployment: str
    alias: str
    host: str | None
    replica: str | None
    engine: str
    route: str
    status: str
    cancelled: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    first_token_ms: float | None
    duration_ms: float
    tokens_per_s: float | None

    @staticmethod
    def resolve_key(row: Any) -> Any:
        """The part of the key that may be shown."""
        return row.key.key_id if row.key else None

    @staticmethod
    def resolve_user(row: Any) -> Any:
        """Who asked in the playground."""
        return row.user.name if row.user else None

    @staticmethod
    def resolve_deployment(row: Any) -> Any:
        """The name it had then."""
        return row.deployment_name

    @staticmethod
    def resolve_host(row: Any) -> Any:
        """Where it was answered."""
        return row.host.name if row.host else None

    @staticmethod
    def resolve_replica(row: Any) -> Any:
        """By which workload, while it is known."""
        return row.replica.workload if row.replica else None

    @staticmethod
    def resolve_cancelled(row: Any) -> Any:
        """Whether its asker left."""
        return row.status == "cancelled"


class RequestPage(PageOut):
    """One page of requests."""

    items: list[RequestOut]


@router.get("", response=UsageOut, summary="Read usage over a range")
def read_usage(request: HttpRequest, filters: Query[SumFilters]) -> UsageOut:
    """Return sums, the same by group, and series. Which key used what is its owner's to see."""
    actor = actor_of(request)
    query = UsageQuery(usage_span(filters.range), **_objects(actor, filters))
    groups = usage_by(actor, query, filters.by)
    return UsageOut(
        totals=FiguresOut(**_figures(usage_totals(actor, query))),
        groups=[GroupOut(ref=g.ref, name=g.name, **_figures(g.figures)) for g in groups],
        series=series_out(usage_series(actor, query)),
    )


@router.get("/requests", response=RequestPage, summary="List requests")
def list_requests(request: HttpRequest, filters: Query[RequestPageFilters]) -> dict[str, Any]:
    """Return single requests, newest first: one's own, or everybody's for an admin."""
    return page_of(_requests(actor_of(request), filters), filters, "-id")


@router.get("/export", summary="Export requests as CSV")
def export_usage(request: HttpRequest, filters: Query[RequestFilters]) -> HttpResponse:
    """Return the same requests as a table, 100,000 at most."""
    rows = _requests(actor_of(request), filters)[:EXPORT_LIMIT]
    response = StreamingHttpResponse(usage_csv(rows.iterator(2000)), content_type="text/csv")
    response["Content-Disposition"] = 'attachment; filename="slipway-usage.csv"'
    return response  # type: ignore[return-value]  # ninja takes any response of Django's


def _objects(actor: Actor, filters: ObjectFilters) -> dict[str, Any]:
    return {
        "key": key_get(actor, filters.key) if filters.key else None,
        "deployment": deployment_get(actor, filters.deployment) if filters.deployment else None,
        "host": host_get(actor, filters.host) if filters.host else None,
    }


def _requests(actor: Actor, filters: RequestFilters) -> Any:
    return usage_visible(
        actor,
        **_objects(actor, filters),
        status=filters.status,
        since=filters.since,
        until=filters.until,
    )


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        **{name: getattr(figures, name) for name in COUNTS},
        "first_token_p50_ms": figures.first_token_ms(50),
        "first_token_p95_ms": figures.first_token_ms(95),
        "duration_p50_ms": figures.duration_ms(50),
        "duration_p95_ms": figures.duration_ms(95),
    }
