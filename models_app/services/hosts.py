"""Changes of hosts: added, edited, closed for new replicas, emptied, removed."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from models_app.domain.actors import SYSTEM, Actor
from models_app.domain.connections import parse_connection
from models_app.domain.errors import ConflictError, InvalidError
from models_app.domain.names import check_name
from models_app.domain.states import HostState, ReplicaState, Role, Scheduling
from models_app.models import Host, Operation
from models_app.selectors.operations import UNFINISHED
from models_app.services.host_connections import SET, connection_fields, host_reconnect
from models_app.services.operations import operation_begin, operation_cancel
from models_app.services.queues import Line, stand_in
from models_app.services.records import audit, changed, event, hold, lock_version
from models_app.services.wishes import look_now, wish

DRAIN_HOST = "drain_host"
RUNTIMES = ("process", "docker", "ollama")  # that people may add
LABELS_LIMIT = 32
LABEL_LENGTH = 63
MEMORY_BUDGET_FLOOR = 64 << 20  # bytes


@transaction.atomic
def host_add(  # noqa: PLR0913 - what a host is, each part optional
    actor: Actor,
    *,
    name: str,
    runtime: str,
    connection: Mapping[str, Any] | None = None,
    secret: Mapping[str, Any] | None = None,
    identity: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    memory_budget_bytes: int | None = None,
) -> Host:
    """Add a host; the hands look at it at once. Raises ConflictError NAME_TAKEN, InvalidError.

    Without an `identity` the host is trusted by the one it shows at first contact.
    """
    actor.require(Role.ADMIN)
    check_name(name)
    reached_by = parse_connection(runtime, connection or {})
    _check_one_process_host(runtime)
    _check_labels(labels or {})
    _check_budget(memory_budget_bytes)
    host = Host(
        name=name,
        runtime=runtime,
        labels=dict(labels or {}),
        memory_budget_bytes=memory_budget_bytes,
    )
    fields = connection_fields(host, reached_by, secret or {}, identity or {})
    for column, value in fields.items():
        setattr(host, column, value)
    try:
        with transaction.atomic():
            host.save()
    except IntegrityError:
        raise _name_taken(name) from None
    noted = {"runtime": runtime, "connection": host.connection, "identity": host.identity}
    noted |= {"secret": SET} if host.secret else {}
    audit(actor, "host.add", host, {name: [None, value] for name, value in noted.items() if value})
    event(host, "host.added", params={"by": actor.name})
    changed(host)
    look_now(host)
    return host


@transaction.atomic
def host_edit(
    actor: Actor,
    host: Host,
    *,
    version: int | None,
    reach: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Host:
    """Change name, labels or memory budget of a host, and with `reach` how it is reached.

    `reach` holds `connection`, `secret` and `identity`, see `host_reconnect`.
    """
    actor.require(Role.ADMIN)
    unknown = set(changes) - {"name", "labels", "memory_budget_bytes"}
    if unknown:
        raise InvalidError("FIELD_UNKNOWN", fields=dict.fromkeys(unknown, "FIELD_UNKNOWN"))
    if "name" in changes:
        check_name(changes["name"])
    _check_labels(changes.get("labels", {}))
    _check_budget(changes.get("memory_budget_bytes"))
    if reach is not None:
        lock_version(host, version)
        host_reconnect(actor, host, version=None, **reach)
        version = None
    try:
        with transaction.atomic():
            return wish(actor, host, "host.edit", version=version, changes=changes)
    except IntegrityError:
        raise _name_taken(changes["name"]) from None


@transaction.atomic
def host_label(actor: Actor, host: Host, *, labels: Mapping[str, str]) -> Host:
    """Set some labels and leave the others; an empty value takes a label away."""
    actor.require(Role.ADMIN)
    hold(host)
    kept = {key: value for key, value in (host.labels | dict(labels)).items() if value}
    if kept == host.labels:
        return host
    return host_edit(actor, host, version=None, labels=kept)


@transaction.atomic
def host_cordon(actor: Actor, host: Host, *, version: int | None) -> Host:
    """Put no new replicas there; what runs stays."""
    hold(host, version)
    _drains_cancel(actor, host)
    return _schedule(actor, host, Scheduling.CORDONED, "host.cordoned", version)


@transaction.atomic
def host_uncordon(actor: Actor, host: Host, *, version: int | None) -> Host:
    """Open the host for new replicas again."""
    hold(host, version)
    _drains_cancel(actor, host)
    return _schedule(actor, host, Scheduling.OPEN, "host.uncordoned", version)


@transaction.atomic
def host_drain(actor: Actor, host: Host, *, version: int | None) -> Host:
    """Put nothing new there and move what runs to other hosts, as far as there is room.

    An operation of kind `drain_host` says how far that is.
    """
    hold(host, version)
    _schedule(actor, host, Scheduling.DRAINING, "host.draining", version)
    if not drains_of(host).exists():
        replicas = host.replicas.exclude(state=ReplicaState.RETIRED).count()
        operation_begin(
            actor,
            DRAIN_HOST,
            title=host.name,
            host=host,
            parameters={"unit": "replicas"},
            total_bytes=replicas,
        )
    return host


def host_drain_stop(host: Host) -> None:
    """Leave a host closed of which somebody no longer wants that it is emptied."""
    host.refresh_from_db()
    if host.scheduling == Scheduling.DRAINING:
        _schedule(SYSTEM, host, Scheduling.CORDONED, "host.cordoned", None)


def drains_of(host: Host) -> QuerySet[Operation]:
    """Return the operations that are emptying the host."""
    return host.operations.filter(kind=DRAIN_HOST, state__in=UNFINISHED)


@transaction.atomic
def host_remove(actor: Actor, host: Host, *, version: int | None) -> Host:
    """Forget the host once nothing of ours runs there. Raises ConflictError HOST_IN_USE."""
    actor.require(Role.ADMIN)
    hold(host, version)
    running = host.replicas.exclude(state=ReplicaState.RETIRED).count()
    if running:
        raise ConflictError("HOST_IN_USE", params={"name": host.name, "replicas": running})
    if host.state == HostState.REMOVING:
        return host
    wish(actor, host, "host.remove", version=version, changes={"state": HostState.REMOVING})
    event(host, "host.removed", params={"by": actor.name})
    return host


@transaction.atomic
def host_check(actor: Actor, host: Host) -> Host:
    """Look at the host now instead of at its next turn."""
    actor.require(Role.OPERATOR)
    look_now(host)
    return host


def _drains_cancel(actor: Actor, host: Host) -> None:
    actor.require(Role.OPERATOR)
    for operation in drains_of(host):
        operation_cancel(actor, operation)


def _schedule(actor: Actor, host: Host, to: Scheduling, code: str, version: int | None) -> Host:
    actor.require(Role.OPERATOR)
    if host.scheduling == to:
        return host
    wish(actor, host, code, version=version, changes={"scheduling": to})
    event(host, code, params={"by": actor.name})
    for replica in host.replicas.exclude(state=ReplicaState.RETIRED).select_related("deployment"):
        look_now(replica.deployment)
    return host


def _name_taken(name: str) -> ConflictError:
    return ConflictError("NAME_TAKEN", params={"name": name}, fields={"name": "NAME_TAKEN"})


def _check_one_process_host(runtime: str) -> None:
    if runtime != "process":
        return
    stand_in(Line.PROCESS_HOST)
    if Host.objects.filter(runtime="process").exists():
        raise ConflictError("PROCESS_HOST_EXISTS", fields={"runtime": "PROCESS_HOST_EXISTS"})


def _check_labels(labels: Mapping[str, Any]) -> None:
    is_sound = len(labels) <= LABELS_LIMIT and all(
        isinstance(part, str) and 0 < len(part) <= LABEL_LENGTH and part.isprintable()
        for pair in labels.items()
        for part in pair
    )
    if not is_sound:
        raise InvalidError(
            "LABELS_INVALID", params={"limit": LABELS_LIMIT}, fields={"labels": "VALUE_INVALID"}
        )


def _check_budget(budget: int | None) -> None:
    if budget is not None and budget < MEMORY_BUDGET_FLOOR:
        raise InvalidError(
            "BUDGET_TOO_SMALL",
            params={"floor_bytes": MEMORY_BUDGET_FLOOR},
            fields={"memory_budget_bytes": "VALUE_OUT_OF_RANGE"},
        )
