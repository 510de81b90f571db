"""Hosts: the machines that replicas run on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status
from pydantic import SecretStr, StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.metrics_out import SeriesOut, series_out
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.routers.operations import OperationOut, operation_location
from controlplane.api.schemas import (
    LARGEST_INT,
    Flag,
    In,
    Name,
    Out,
    Ref,
    ShortText,
    Version,
    VersionIn,
    VersionQuery,
    WorkedOut,
)
from controlplane.wording.errors import error_text
from models_app.domain.errors import InvalidError
from models_app.domain.identities import fingerprint
from models_app.domain.states import HostState, Scheduling
from models_app.models import Host, Operation
from models_app.selectors.hosts import host_get, hosts_visible
from models_app.selectors.metrics import host_series
from models_app.selectors.operations import operation_get
from models_app.services import hosts as services
from models_app.services.host_checks import check_spend, checked_reach, host_check_begin
from models_app.services.host_connections import host_identity_accept
from models_app.services.host_import import hosts_import

router = Router(tags=["hosts"])


Runtime = Annotated[ShortText, Field(description="How it is driven: process, docker, ollama.")]
Connection = Annotated[
    dict[str, Any], Field(description="Where it is; see docs/docker-hosts.md and docs/ollama.md.")
]
Secret = Annotated[
    dict[str, SecretStr], Field(description="Keys or tokens. Written only, never read.")
]
Identity = Annotated[
    dict[str, str], Field(description="Pinned beforehand; empty: trusted at first contact.")
]


class HostIn(In):
    """A machine to be added."""

    name: Name
    runtime: Runtime = "process"
    connection: Connection = Field(default_factory=dict)
    secret: Secret = Field(default_factory=dict)
    identity: Identity = Field(default_factory=dict)
    check: UUID | None = Field(
        None,
        description="A test of yours that went well: it gives runtime, connection and secret.",
    )
    trusted: ShortText = Field("", description="The fingerprint that the test showed, confirmed.")
    labels: dict[str, str] = Field(default_factory=dict)
    memory_budget_bytes: StrictInt | None = Field(None, ge=0, le=LARGEST_INT)


class HostEditIn(In):
    """What may change of a host; what is left out stays."""

    version: Version | None = None
    name: Name | None = None
    connection: Connection | None = None
    secret: Secret | None = Field(None, description="Parts that are left out stay.")
    identity: Identity | None = None
    labels: dict[str, str] | None = None
    memory_budget_bytes: StrictInt | None = Field(None, ge=0, le=LARGEST_INT)


class TestIn(In):
    """A connection to be tried."""

    runtime: Runtime
    connection: Connection = Field(default_factory=dict)
    secret: Secret = Field(default_factory=dict)
    host: Ref | None = Field(None, description="A host that exists: its secret is used.")


class IdentityIn(In):
    """What the caller saw and trusts."""

    shown: ShortText = Field(description="The fingerprint that the host shows now.")


class ImportIn(In):
    """Many hosts: all are added, or none."""

    hosts: list[dict[str, Any]] = Field(
        max_length=500,
        description="Each as in `Add a host`, without `check`; `secret_like` names a Docker host "
        "whose keys are shared.",
    )
    dry_run: Flag = Field(default=False, description="Only say what would be wrong.")


class ImportedOut(Out):
    """What came of one row."""

    number: int
    name: str
    code: str = Field(description="Empty when it was, or could be, added.")
    detail: str
    fields: dict[str, str]


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
    has_secret: bool
    identity: dict[str, str]
    fingerprint: str = Field(description="Of the identity, as ssh-keygen or openssl print it.")
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
    def resolve_has_secret(row: Any) -> Any:
        """Whether there is one; never which."""
        return bool(row.secret)

    @staticmethod
    def resolve_fingerprint(row: Any) -> Any:
        """The identity as people compare it."""
        return fingerprint(row.identity)

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
    actor = actor_of(request)
    fields = payload.model_dump(exclude={"check", "trusted", "secret"})
    fields["secret"] = _revealed(payload.secret)
    check = operation_get(actor, payload.check) if payload.check else None
    if check:
        fields |= checked_reach(actor, check, trusted=payload.trusted)
    row = services.host_add(actor, **fields)
    if check:
        check_spend(check)
    response["Location"] = f"{request.path}/{row.public_id}"
    return Status(201, _read(request, row))


@router.post("/test", response={202: OperationOut}, summary="Test a connection")
def test_connection(
    request: HttpRequest, payload: TestIn, response: HttpResponse
) -> Status[Operation]:
    """Have the workers try a connection (admin). Read the operation until it has ended.

    Its `result` holds facts, warnings, the identity that was shown and its fingerprint. The secret
    is kept, sealed, for some minutes, so that the host can be added from the test.
    """
    actor = actor_of(request)
    row = host_check_begin(
        actor,
        runtime=payload.runtime,
        connection=payload.connection,
        secret=_revealed(payload.secret),
        host=host_get(actor, payload.host) if payload.host else None,
    )
    response["Location"] = operation_location(row)
    return Status(202, operation_get(actor, row.public_id))


@router.post("/import", response=list[ImportedOut], summary="Import hosts")
def import_hosts(request: HttpRequest, payload: ImportIn) -> list[ImportedOut]:
    """Add many hosts (admin): all of them, or none when one row is refused; see `code` of each."""
    outcomes = hosts_import(actor_of(request), payload.hosts, dry_run=payload.dry_run)
    told = []
    for outcome in outcomes:
        said = error_text(outcome.error) if outcome.error else None
        told.append(
            ImportedOut(
                number=outcome.number,
                name=outcome.name,
                code=outcome.error.code if outcome.error else "",
                detail=said.sentence if said else "",
                fields=said.fields if said else {},
            )
        )
    return told


@router.get("/{host}", response=HostOut, summary="Read a host")
def read_host(request: HttpRequest, host: str) -> Host:
    """Return one host by id or name."""
    return host_get(actor_of(request), host)


@router.patch("/{host}", response=HostOut, summary="Edit a host")
def edit_host(request: HttpRequest, host: str, payload: HostEditIn) -> Host:
    """Change name, labels, memory budget or how it is reached (admin).

    A secret belongs to its address: with another address in `connection` it is given anew.
    """
    actor = actor_of(request)
    row = host_get(actor, host)
    changes = payload.model_dump(
        exclude_unset=True, exclude={"version", "connection", "secret", "identity"}
    )
    for field in ("name", "labels"):
        if field in changes and changes[field] is None:
            raise InvalidError(fields={field: "WRONG_TYPE"})
    reach = None
    if payload.connection is not None or payload.secret is not None or payload.identity is not None:
        reach = {
            "connection": row.connection if payload.connection is None else payload.connection,
            "secret": _revealed(payload.secret or {}),
            "identity": payload.identity,
        }
    row = services.host_edit(actor, row, version=payload.version, reach=reach, **changes)
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
def drain_host(
    request: HttpRequest, host: str, response: HttpResponse, payload: VersionIn | None = None
) -> Status[Host]:
    """Put nothing new there and move what runs to other hosts, as far as there is room.

    `Location` is the operation that tells how far it is, and what it waits for. Cancelling it
    leaves the host cordoned.
    """
    row = _schedule(request, host, services.host_drain, payload)
    operation = services.drains_of(row).first()
    if operation:
        response["Location"] = operation_location(operation)
    return Status(202, row)


@router.post("/{host}/check", response={202: HostOut}, summary="Look at a host now")
def check_host(request: HttpRequest, host: str) -> Status[Host]:
    """Ask the workers to look at the host now."""
    actor = actor_of(request)
    services.host_check(actor, host_get(actor, host))
    return Status(202, host_get(actor, host))


@router.post("/{host}/identity", response=HostOut, summary="Accept a host's new identity")
def accept_identity(request: HttpRequest, host: str, payload: IdentityIn) -> Host:
    """Trust the identity that the host shows now instead of the pinned one (admin)."""
    actor = actor_of(request)
    return _read(request, host_identity_accept(actor, host_get(actor, host), shown=payload.shown))


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


def _revealed(secret: Mapping[str, SecretStr]) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in secret.items()}


def _label(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise InvalidError(fields={"label": "VALUE_INVALID"})
    return key, value
