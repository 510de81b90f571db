"""The parts of the host pages that stay true while one looks at them."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from controlplane.fragments.deployments import replica_lines
from controlplane.fragments.failures import failure_of_row, reason_of_row
from controlplane.fragments.listing import PAGE_LIVE_ROWS, listing, sorted_by
from controlplane.fragments.memory import HostMemory, common_scale, host_memory
from controlplane.fragments.progress import operation_progress
from controlplane.fragments.registry import Asked, fragment
from controlplane.fragments.stories import by_day
from controlplane.wording.connecting import warning_text
from models_app.domain.actors import Actor
from models_app.domain.failures import FailureCode
from models_app.domain.identities import fingerprint
from models_app.domain.states import HostState, ReplicaState, Role, Scheduling
from models_app.models import Host
from models_app.selectors.deployments import replicas_visible
from models_app.selectors.events import events_visible
from models_app.selectors.hosts import for_lists, host_get, hosts_visible
from models_app.selectors.language_models import placements_visible
from models_app.selectors.operations import operations_visible

_SORTS = {"name": "name", "state": "state", "replicas": "replicas_live", "memory": "ours_bytes"}
HISTORY_EVENTS = 30
OPERATIONS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class HostLine:
    """One host as lists and the overview show it."""

    host: Host
    memory: HostMemory
    reason: str

    @property
    def cpu_percent(self) -> float | None:
        """How busy its processors were when it was last seen."""
        value = self.host.usage.get("cpu_percent")
        return float(value) if value is not None else None


def host_line(host: Host) -> HostLine:
    """Return a host from `hosts_visible` as lists show it."""
    return HostLine(host, host_memory(host), reason_of_row(host))


def host_lines(hosts: list[Host]) -> list[HostLine]:
    """Return the lines of one page."""
    return [host_line(host) for host in hosts]


@fragment("hosts.table", template="hosts/_table.html", lists=("host",), every_s=5)
def hosts_table(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The list of hosts, as the address filters it."""
    return table_context(actor, asked.filters)


def table_context(actor: Actor, filters: QueryDict) -> dict[str, Any]:
    """Return the page of hosts that `filters` ask for, bars on one scale."""
    state = filters.get("state") or None
    closed = state if state in (Scheduling.CORDONED, Scheduling.DRAINING) else None
    rows = hosts_visible(
        actor,
        state=None if closed else state,
        scheduling=closed,
        search=filters.get("search") or None,
    )
    rows = sorted_by(for_lists(rows), filters, _SORTS)
    page = listing(rows, filters, shown_as=host_lines, page_rows=PAGE_LIVE_ROWS)
    scale = common_scale(line.memory for line in page.rows)
    return {"listing": page, "filters": filters, "scale": scale}


@fragment("host.head", template="hosts/_head.html", of="host", every_s=5)
def host_head(actor: Actor, asked: Asked) -> dict[str, Any]:
    """Name, state, verbs and memory of one host."""
    return head_context(actor, host_get(actor, asked.id))


def head_context(actor: Actor, host: Host) -> dict[str, Any]:
    """Return what the head of a host shows."""
    return {
        "host": host,
        "line": host_line(host),
        "standing": failure_of_row(host, host.state_since),
        "is_silent": host.state == HostState.UNREACHABLE,
        "warnings": [warning_text(code) for code in host.facts.get("warnings", ())],
        "changed_identity": _changed_identity(host),
        "under_way": _under_way(actor, host),
        "verbs": verbs_of(actor, host),
    }


def _under_way(actor: Actor, host: Host) -> list[dict[str, Any]]:
    """Return long work on the host that has not ended, with what hinders it."""
    may = actor.role.allows(Role.OPERATOR)
    rows = operations_visible(actor, host=host, state="unfinished")[:OPERATIONS_SHOWN]
    return [
        operation_progress(row, may_operate=may) | {"standing": failure_of_row(row)} for row in rows
    ]


def _changed_identity(host: Host) -> dict[str, str] | None:
    """Return both fingerprints of a host that shows another identity than the pinned one."""
    if host.failure_code != FailureCode.IDENTITY_CHANGED:
        return None
    shown = host.failure_params.get("shown_identity", {})
    return {"pinned": fingerprint(host.identity), "shown": fingerprint(shown)}


def verbs_of(actor: Actor, host: Host) -> set[str]:
    """Return what this person may do with it now."""
    if host.state == HostState.REMOVING or not actor.role.allows(Role.OPERATOR):
        return set()
    verbs = {"check"}
    if host.scheduling == Scheduling.OPEN:
        verbs |= {"cordon", "drain"}
    else:
        verbs |= {"uncordon"} | ({"drain"} if host.scheduling == Scheduling.CORDONED else set())
    if actor.role.allows(Role.ADMIN):
        verbs |= {"edit", "remove"}
    return verbs


@fragment("host.work", template="hosts/_work.html", of="host", every_s=5)
def host_work(actor: Actor, asked: Asked) -> dict[str, Any]:
    """What runs and what lies on one host."""
    return work_context(actor, host_get(actor, asked.id))


def work_context(actor: Actor, host: Host) -> dict[str, Any]:
    """Return the replicas and artifacts of a host."""
    replicas = replicas_visible(actor, host=host).order_by("deployment__name", "index")
    lines = replica_lines(actor, replicas)
    return {
        "host": host,
        "lines": lines,
        "serving": sum(line.replica.state == ReplicaState.READY for line in lines),
        "placements": list(placements_visible(actor, host=host)[:100]),
    }


@fragment("host.history", template="hosts/_history.html", of="host")
def host_history(actor: Actor, asked: Asked) -> dict[str, Any]:
    """What happened on one host."""
    return history_context(actor, host_get(actor, asked.id))


def history_context(actor: Actor, host: Host) -> dict[str, Any]:
    """Return the newest events of a host by day."""
    events = events_visible(actor, subject=host.public_id)[:HISTORY_EVENTS]
    return {"host": host, "chapters": by_day(list(events))}
