"""Hosts: the machines that replicas run on."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status
from pydantic import StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.metrics_out import SeriesOut, series_out
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import (
    LARGEST_INT,
    In,
    Name,
    Out,
    ShortText,
    Version,
    VersionIn,
    VersionQuery,
    WorkedOut,
)
from models_app.domain.errors import InvalidError
from models_app.domain.states import HostState, Scheduling
from models_app.models import Host
from models_app.selectors.hosts import host_get, hosts_visible
from models_app.selectors.metrics import host_series
from models_app.services import hosts as services

router = Router(tags=["hosts"])


class HostIn(In):
    """A machine to be added."""

    name: Name
    runtime: ShortText = Field("process", description="How it is driven.")
    connection: dict[str, Any] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    memory_budget_bytes: StrictInt | None = Field(None, ge=0, le=LARGEST_INT)


class HostEditIn(In):
    """What may change of a host; what is left out stays."""

    version: Version | None = None
    name: Name | None = None
    labels: dict[str, str] | None = None
    memory_budget_bytes: StrictInt | None = Field(None, ge=0, le=LARGEST_INT)


class HostFilters(PageIn):
    """Which hosts."""

    state: HostState | None = None
    scheduling: Scheduling | None = None
    search: str = Field("", max_length=100)
    label: str = Field("", max_length=130, description="key=value")


class MemoryOut(Out):
    """How a host's memory is taken, in bytes."""

    total: int | None
    used: int | None
    ours: int = Field(description="Measured, of our replicas.")
    promised: int = Field(description="Predicted for our replicas beyond what was measured.")
    budget: int | None


class HostOut(WorkedOut):
    """A host as it is known now."""

    name: str
    runtime: str
    connection: dict[str, Any]
    state: HostState
    state_since: datetime
    scheduling: Scheduling
    last_seen_at: datetime | None
    labels: dict[str, str]
    facts: dict[str, Any]
    usage: dict[str, Any]
    memory: MemoryOut
    replicas: int

    @staticmethod
    def resolve_memory(row: Any) -> Any:
        """The figures of the memory bar."""
        return MemoryOut(
            total=row.facts.get("memory_total_bytes"),
            used=row.usage.get("memory_used_bytes"),
            ours=row.ours_bytes,
            promised=row.promised_bytes,
            budget=row.memory_budget_bytes,
        )

    @staticmethod
    def resolve_replicas(row: Any) -> Any:
        """How many replicas are there, history left out."""
        return row.replicas_live


class HostPage(PageOut):
    """One page of hosts."""

    items: list[HostOut]


@router.get("", response=HostPage, summary="List hosts")
def list_hosts(request: HttpRequest, filters: Query[HostFilters]) -> dict[str, Any]:
    """Return hosts by name."""
    rows = hosts_visible(
        actor_of(request),
        state=filters.state,
        scheduling=filters.scheduling,
        search=filters.search,
        label=_label(filters.label),
    )
    return page_of(rows, filters, "name")


@router.post("", response={201: HostOut}, summary="Add a host")
def add_host(request: HttpRequest, payload: HostIn, response: HttpResponse) -> Status[Host]:
    """Add a host (admin). The workers look at it at once; watch its `state`."""
    row = services.host_add(actor_of(request), **payload.model_dump())
    response["Location"] = f"{request.path}/{row.public_id}"
    return Status(201, _read(request, row))


@router.get("/{host}", response=HostOut, summary="Read a host")
def read_host(request: HttpRequest, host: str) -> Host:
    """Return one host by id or name."""
    return host_get(actor_of(request), host)


@router.patch("/{host}", response=HostOut, summary="Edit a host")
def edit_host(request: HttpRequest, host: str, payload: HostEditIn) -> Host:
    """Change name, labels or memory budget (admin)."""
    actor = actor_of(request)
    changes = payload.model_dump(exclude_unset=True, exclude={"version"})
    for field in ("name", "labels"):
        if field in changes and changes[field] is None:
            raise InvalidError(fields={field: "WRONG_TYPE"})
    row = services.host_edit(actor, host_get(actor, host), version=payload.version, **changes)
    return _read(request, row)


@router.delete("/{host}", response={202: HostOut}, summary="Remove a host")
def remove_host(request: HttpRequest, host: str, query: Query[VersionQuery]) -> Status[Host]:
    """Forget a host on which nothing of ours runs (admin)."""
    actor = actor_of(request)
    row = services.host_remove(actor, host_get(actor, host), version=query.version)
    return Status(202, _read(request, row))


@router.post("/{host}/cordon", response=HostOut, summary="Cordon a host")
def cordon_host(request: HttpRequest, host: str, payload: VersionIn | None = None) -> Host:
    """Put no new replicas there; what runs stays."""
    return _schedule(request, host, services.host_cordon, payload)


@router.post("/{host}/uncordon", response=HostOut, summary="Uncordon a host")
def uncordon_host(request: HttpRequest, host: str, payload: VersionIn | None = None) -> Host:
    """Open the host for new replicas again."""
    return _schedule(request, host, services.host_uncordon, payload)


@router.post("/{host}/drain", response={202: HostOut}, summary="Drain a host")
def drain_host(request: HttpRequest, host: str, payload: VersionIn | None = None) -> Status[Host]:
    """Put nothing new there and move what runs to other hosts, as far as there is room."""
    return Status(202, _schedule(request, host, services.host_drain, payload))


@router.post("/{host}/check", response={202: HostOut}, summary="Look at a host now")
def check_host(request: HttpRequest, host: str) -> Status[Host]:
    """Ask the workers to look at the host now."""
    actor = actor_of(request)
    services.host_check(actor, host_get(actor, host))
    return Status(202, host_get(actor, host))


@router.get("/{host}/metrics", response=SeriesOut, summary="Read a host's metrics")
def host_metrics(request: HttpRequest, host: str, range: str = "15m") -> SeriesOut:  # noqa: A002
    """Return CPU, memory and disk over a range: 15m, 1h, 24h or 7d."""
    actor = actor_of(request)
    return series_out(host_series(actor, host_get(actor, host), range))


def _schedule(request: HttpRequest, host: str, service: Any, payload: VersionIn | None) -> Host:
    actor = actor_of(request)
    version = payload.version if payload else None
    return _read(request, service(actor, host_get(actor, host), version=version))


def _read(request: HttpRequest, row: Host) -> Host:
    """Return the row again, with the figures that selectors add."""
    return host_get(actor_of(request), row.public_id)


def _label(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise InvalidError(fields={"label": "VALUE_INVALID"})
    return key, value
