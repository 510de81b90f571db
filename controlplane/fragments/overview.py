"""The parts of the overview: what is wrong, how much is served, what is done, what happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from controlplane.addresses import address_of
from controlplane.fragments.memory import HostMemory, common_scale, host_memory
from controlplane.fragments.progress import operation_progress, operation_title
from controlplane.fragments.registry import Asked, fragment
from controlplane.fragments.stories import feed
from controlplane.wording.failures import failure_text
from controlplane.wording.formats import number_text
from models_app.domain.actors import Actor
from models_app.domain.failures import FailureCode
from models_app.domain.fleet import may_be_cut_off
from models_app.domain.states import (
    ArtifactState,
    DeploymentState,
    HostState,
    OperationState,
    Role,
)
from models_app.models import Deployment, Host, Operation
from models_app.selectors.events import events_visible
from models_app.selectors.metrics import fleet_figures
from models_app.selectors.overview import (
    TROUBLED_HOSTS,
    FleetCounts,
    Served,
    current_operations,
    fleet_counts,
    hosts_by_need,
    served_on,
    troubled_deployments,
)

EVENTS_SHOWN = 12
SERVED_NAMED = 4  # deployments under one host's bar; the host's page has them all
HOST_UNREACHABLE = str(FailureCode.HOST_UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is not as wished: what, since when, why, and what to do."""

    name: str
    url: str
    state: str
    since: Any
    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class HostAtWork:
    """One host with its memory and what runs on it; `more`: how many deployments are not named."""

    host: Host
    memory: HostMemory
    served: list[Served]
    more: int


@fragment(
    "overview.state",
    template="overview/_state.html",
    lists=("deployment", "host", "operation"),
    every_s=5,
)
def overview_state(actor: Actor, asked: Asked) -> dict[str, Any]:
    """What asks for attention, and the figures of now."""
    found = overview_context(actor, fleet_counts(actor))
    return {key: found[key] for key in _STATE}


@fragment(
    "overview.fleet",
    template="overview/_fleet.html",
    lists=("host", "operation", "deployment"),
    every_s=5,
)
def overview_fleet(actor: Actor, asked: Asked) -> dict[str, Any]:
    """What is being done, what runs where, and the memory of the hosts."""
    hosts, operations = hosts_by_need(actor), current_operations(actor)
    return _fleet_parts(actor, fleet_counts(actor), hosts, operations)


_STATE = (
    "fleet",
    "troubles",
    "cut_off",
    "tokens_now",
    "tokens",
    "requests",
    "requests_per_min",
    "requests_words",
)


def overview_context(actor: Actor, counts: FleetCounts) -> dict[str, Any]:
    """Return everything of the page but its events, in five queries."""
    hosts = hosts_by_need(actor)
    operations = current_operations(actor)
    troubles = [_of_deployment(row) for row in troubled_deployments(actor)]
    troubles += [_of_host(row) for row in hosts if row.state in TROUBLED_HOSTS]
    troubles += [_of_operation(row) for row in operations if row.state == OperationState.FAILED]
    figures = fleet_figures(actor)
    requests = figures.requests
    whole_minutes = {name: values[:-1] for name, values in requests.values.items()}
    return {
        "fleet": _fleet(counts),
        "troubles": troubles,
        "cut_off": _cut_off(counts),
        **_fleet_parts(actor, counts, hosts, operations),
        "tokens_now": figures.tokens_now,
        "requests": whole_minutes["requests"],
        "tokens": whole_minutes["completion_tokens"],
        "requests_per_min": whole_minutes["requests"][-1] or 0.0,
        "requests_words": gettext("{n} in 15 min").format(
            n=number_text(sum(value or 0 for value in requests.values["requests"]))
        ),
    }


def _fleet_parts(
    actor: Actor, counts: FleetCounts, hosts: list[Host], operations: list[Operation]
) -> dict[str, Any]:
    lines = [_at_work(host) for host in hosts]
    may = actor.role.allows(Role.OPERATOR)
    return {
        "lines": lines,
        "scale": common_scale(line.memory for line in lines),
        "more_hosts": max(0, counts.total("host") - len(lines)),
        "progress_rows": [
            operation_progress(row, may_operate=may)
            for row in operations
            if row.state != OperationState.FAILED
        ],
    }


def _at_work(host: Host) -> HostAtWork:
    served = served_on(host)
    more = max(0, len(served) - SERVED_NAMED)
    return HostAtWork(host, host_memory(host), served[:SERVED_NAMED], more)


def _fleet(counts: FleetCounts) -> dict[str, Any]:
    """Return the counts as figures of the page."""
    deployments, hosts = counts.total("deployment"), counts.total("host")
    stopped = counts.of("deployment", DeploymentState.STOPPED)
    ready = counts.of("deployment", DeploymentState.READY)
    answering = counts.of("host", HostState.READY)
    return {
        "has_deployments": deployments > 0,
        "has_artifacts": counts.of("artifact", ArtifactState.READY) > 0,
        "deployments": f"{number_text(ready)}/{number_text(deployments - stopped)}",
        "deployments_words": gettext("{n} stopped").format(n=number_text(stopped))
        if stopped
        else "",
        "hosts": f"{number_text(answering)}/{number_text(hosts)}",
        "hosts_words": gettext("{n} silent or refusing").format(n=number_text(hosts - answering))
        if hosts > answering
        else gettext("all of them"),
    }


@fragment("overview.events", template="overview/_events.html", lists=("event",))
def overview_events(actor: Actor, asked: Asked) -> dict[str, Any]:
    """What happened lately, of everything."""
    return {"entries": feed(actor, list(events_visible(actor)[:EVENTS_SHOWN]))}


def _of_deployment(row: Deployment) -> Trouble:
    if row.failure_code:
        return _trouble(row, row.name, "web:deployment", row.name)
    if row.state == DeploymentState.UNKNOWN:
        return _trouble(row, row.name, "web:deployment", row.name, (HOST_UNREACHABLE, {}))
    code = getattr(row, "replica_failure_code", None) or ""
    params = getattr(row, "replica_failure_params", None) or {}
    return _trouble(row, row.name, "web:deployment", row.name, (code, params))


def _cut_off(counts: FleetCounts) -> str:
    """Return how many hosts are silent when they are most of them; empty otherwise."""
    silent = counts.of("host", HostState.UNREACHABLE)
    known = counts.total("host") - counts.of("host", HostState.PENDING, HostState.REMOVING)
    if not may_be_cut_off(silent=silent, known=known):
        return ""
    text = gettext("{n} of {total} hosts do not answer, all at once.")
    return text.format(n=number_text(silent), total=number_text(known))


def _of_host(row: Host) -> Trouble:
    return _trouble(row, row.name, "web:host", row.name)


def _of_operation(row: Operation) -> Trouble:
    return _trouble(row, operation_title(row), "web:operation", row.public_id)


def _trouble(
    row: Deployment | Host | Operation,
    name: str,
    route: str,
    ref: object,
    failure: tuple[str, Mapping[str, Any]] | None = None,
) -> Trouble:
    code, params = failure or (row.failure_code, row.failure_params)
    text = failure_text(code, params) if code else None
    since = row.finished_at if isinstance(row, Operation) else row.state_since
    return Trouble(
        name=name,
        url=address_of(route, str(ref)),
        state=row.state,
        since=since,
        sentence=text.sentence if text else "",
        remedy=text.remedies[0] if text and text.remedies else "",
    )
