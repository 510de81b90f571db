"""Replicas: the running copies, and their history."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from controlplane.api.authentication import actor_of
from controlplane.api.metrics_out import SeriesOut, series_out
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import LARGEST_INT, Out, WorkedOut
from models_app.domain.states import ReplicaState
from models_app.models import Replica
from models_app.notify.logs import read_recent
from models_app.selectors.deployments import deployment_get, replica_get, replicas_visible
from models_app.selectors.hosts import host_get
from models_app.selectors.metrics import replica_series

router = Router(tags=["replicas"])


class ReplicaFilters(PageIn):
    """Which replicas."""

    deployment: str = Field("", max_length=100, description="Id or name.")
    host: str = Field("", max_length=100, description="Id or name.")
    state: ReplicaState | None = None
    retired: bool = Field(default=False, description="With those that are history.")


class ReplicaOut(WorkedOut):
    """One running copy."""

    deployment: str
    revision: int
    index: int
    host: str
    workload: str
    state: ReplicaState
    state_since: datetime
    is_wanted: bool
    slots: int
    reason: dict[str, Any]
    pulling: dict[str, Any] = Field(
        default_factory=dict, description="The engine's image on its way to the host; or empty."
    )
    predicted_bytes: int | None
    memory_bytes: int | None
    peak_bytes: int | None
    restarts: int
    started_at: datetime | None
    ready_at: datetime | None

    @staticmethod
    def resolve_deployment(row: Any) -> Any:
        """The deployment's name."""
        return row.deployment.name

    @staticmethod
    def resolve_revision(row: Any) -> Any:
        """The revision's number."""
        return row.revision.number

    @staticmethod
    def resolve_host(row: Any) -> Any:
        """The host's name."""
        return row.host.name


class ReplicaPage(PageOut):
    """One page of replicas."""

    items: list[ReplicaOut]


@router.get("", response=ReplicaPage, summary="List replicas")
def list_replicas(request: HttpRequest, filters: Query[ReplicaFilters]) -> dict[str, Any]:
    """Return replicas, newest first."""
    actor = actor_of(request)
    rows = replicas_visible(
        actor,
        deployment=deployment_get(actor, filters.deployment) if filters.deployment else None,
        host=host_get(actor, filters.host) if filters.host else None,
        state=filters.state,
        retired=filters.retired,
    )
    return page_of(rows, filters, "-id")


@router.get("/{replica}", response=ReplicaOut, summary="Read a replica")
def read_replica(request: HttpRequest, replica: str) -> Replica:
    """Return one replica by id, or by the name of its workload."""
    return replica_get(actor_of(request), replica)


class LogQuery(Schema):
    """Which lines."""

    tail: int = Field(200, ge=1, le=1000, description="The last so many lines.")
    since: int = Field(
        -1, ge=-1, le=LARGEST_INT, description="Only lines behind this offset: `next` of before."
    )
    previous: bool = Field(default=False, description="Of the run before the last restart.")


class LogLineOut(Out):
    """One line of the engine's output."""

    offset: int
    text: str


class LogOut(Out):
    """Lines, oldest first."""

    lines: list[LogLineOut]
    next: int = Field(description="Send it as `since` to read on.")


@router.get("/{replica}/logs", response=LogOut, summary="Read a replica's log")
def replica_logs(request: HttpRequest, replica: str, query: Query[LogQuery]) -> LogOut:
    """Return the last lines that the engine wrote; ask again with `since` to follow it."""
    row = replica_get(actor_of(request), replica)
    found = read_recent(row.pk, lines=query.tail, previous=query.previous)
    lines = [
        LogLineOut(offset=line.offset, text=line.text)
        for line in found
        if line.offset > query.since
    ]
    return LogOut(lines=lines, next=lines[-1].offset if lines else query.since)


@router.get("/{replica}/metrics", response=SeriesOut, summary="Read a replica's metrics")
def replica_metrics(request: HttpRequest, replica: str, range: str = "15m") -> SeriesOut:  # noqa: A002
    """Return tokens/s, memory, CPU and requests over a range: 15m, 1h, 24h or 7d."""
    actor = actor_of(request)
    return series_out(replica_series(actor, replica_get(actor, replica), range))
