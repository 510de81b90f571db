"""Reads of deployments, their revisions and replicas, and of the engine catalogue."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from models_app.domain.actors import Actor
from models_app.domain.errors import NotFoundError
from models_app.domain.names import NAME_LENGTH
from models_app.domain.states import ReplicaState, Role
from models_app.models import Deployment, EngineEntry, Host, Replica, Revision
from models_app.selectors.counting import related_count
from models_app.selectors.lookup import row_by_ref


def deployments_visible(
    actor: Actor, *, state: str | None = None, search: str | None = None, host: Host | None = None
) -> QuerySet[Deployment]:
    """Return the deployments `actor` may see, by name.

    Each row has its revision with artifact and model, and the figures `replicas_live` (not
    retired) and `replicas_ready`.
    """
    actor.require(Role.VIEWER)
    rows = Deployment.objects.select_related("revision__artifact__model")
    if state:
        rows = rows.filter(state=state)
    if search:
        rows = rows.filter(
            Q(name__icontains=search)
            | Q(revision__artifact__model__name__icontains=search)
            | Q(revision__artifact__model__title__icontains=search)
        )
    if host is not None:
        on_host = Replica.objects.filter(host=host).exclude(state=ReplicaState.RETIRED)
        rows = rows.filter(pk__in=on_host.values("deployment"))
    return rows.annotate(
        replicas_live=related_count(live_replicas(), "deployment"),
        replicas_ready=related_count(
            Replica.objects.filter(state=ReplicaState.READY), "deployment"
        ),
    ).order_by("name")


def for_lists(rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
    """Read only what lists show of `deployments_visible`, instead of four whole rows for each."""
    return rows.only(
        "name",
        "state",
        "state_since",
        "replicas_wished",
        "failure_code",
        "failure_params",
        "revision__artifact__quantization",
        "revision__artifact__model__title",
    )


def deployment_get(actor: Actor, ref: str | UUID) -> Deployment:
    """Return one deployment by public id or name. Raises NotFoundError."""
    rows = deployments_visible(actor).select_related("capture__started_by")
    return row_by_ref(rows, "deployment", ref, name_field="name")


def ready_slots(deployment: Deployment) -> int:
    """Return how many requests its ready replicas answer at a time."""
    ready = Replica.objects.filter(deployment=deployment, state=ReplicaState.READY)
    return sum(max(slots, 1) for slots in ready.values_list("slots", flat=True))


def revisions_visible(actor: Actor, deployment: Deployment) -> QuerySet[Revision]:
    """Return the revisions of a deployment, newest first."""
    actor.require(Role.VIEWER)
    return (
        Revision.objects.filter(deployment=deployment)
        .select_related("artifact__model", "created_by")
        .order_by("-number")
    )


def revision_get(actor: Actor, deployment: Deployment, number: int) -> Revision:
    """Return one revision by its number. Raises NotFoundError."""
    found = revisions_visible(actor, deployment).filter(number=number).first()
    if found is None:
        raise NotFoundError(params={"kind": "revision", "ref": str(number)})
    return found


def live_replicas() -> QuerySet[Replica]:
    """Return the replicas that are not history; the base of figures, not for people."""
    return Replica.objects.exclude(state=ReplicaState.RETIRED)


def replicas_visible(
    actor: Actor,
    *,
    deployment: Deployment | None = None,
    host: Host | None = None,
    state: str | None = None,
    retired: bool = False,
) -> QuerySet[Replica]:
    """Return replicas with their host, deployment and revision, by deployment and index.

    Retired ones are history and left out unless `retired` or a `state` asks for them.
    """
    actor.require(Role.VIEWER)
    rows = Replica.objects.all() if retired or state else live_replicas()
    filters: dict[str, Any] = {"deployment": deployment, "host": host, "state": state}
    rows = rows.filter(**{key: value for key, value in filters.items() if value})
    return rows.select_related("host", "deployment", "revision__artifact__model").order_by(
        "deployment_id", "index", "-id"
    )


class ReplicaBrief(NamedTuple):
    """What lists tell of a replica: a page of deployments has hundreds of them."""

    id: int
    deployment_id: int
    state: str
    host: str
    memory_bytes: int | None


def replicas_in_brief(actor: Actor, deployments: Sequence[int]) -> list[ReplicaBrief]:
    """Return the live replicas of these deployments (row ids), in brief."""
    actor.require(Role.VIEWER)
    rows = live_replicas().filter(deployment__in=deployments).order_by("deployment_id", "index")
    found = rows.values_list("pk", "deployment_id", "state", "host__name", "memory_bytes")
    return [ReplicaBrief(*row) for row in found]


def replica_get(actor: Actor, ref: str | UUID) -> Replica:
    """Return one replica by public id, or by the name of its workload. Raises NotFoundError."""
    rows = replicas_visible(actor, retired=True).order_by("-id")
    return row_by_ref(rows, "replica", ref, name_field="workload")


def engines_visible(actor: Actor, *, for_tests: bool = False) -> list[EngineEntry]:
    """Return the engine catalogue; engines made for tests only when asked for, and last."""
    actor.require(Role.VIEWER)
    rows = sorted(EngineEntry.objects.order_by("key"), key=_is_for_tests)
    return [row for row in rows if for_tests or not _is_for_tests(row)]


def _is_for_tests(row: EngineEntry) -> bool:
    return bool(row.manifest.get("for_tests"))


def engine_get(actor: Actor, key: str) -> EngineEntry:
    """Return one engine of the catalogue. Raises NotFoundError."""
    actor.require(Role.VIEWER)
    found = EngineEntry.objects.filter(pk=key).first()
    if found is None:
        raise NotFoundError(params={"kind": "engine", "ref": key[:100]})
    return found


def free_name(actor: Actor, wanted: str) -> str:
    """Return `wanted`, or with the first number behind it that no deployment has."""
    actor.require(Role.VIEWER)
    base = wanted[: NAME_LENGTH - 3]
    taken = set(Deployment.objects.filter(name__startswith=base).values_list("name", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, 1000))
    return next((name for name in (wanted, *numbered) if name not in taken), wanted)
