"""Reads of hosts, and of how much of each is used and promised."""

from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Greatest

from models_app.domain.actors import Actor
from models_app.domain.fleet import may_be_cut_off
from models_app.domain.states import HostState, Role
from models_app.models import Host
from models_app.selectors.counting import related_count, related_sum
from models_app.selectors.deployments import live_replicas
from models_app.selectors.lookup import row_by_ref


def hosts_visible(
    actor: Actor,
    *,
    state: str | None = None,
    search: str | None = None,
    label: tuple[str, str] | None = None,
    scheduling: str | None = None,
) -> QuerySet[Host]:
    """Return the hosts `actor` may see, by name.

    Each row has `replicas_live`, `ours_bytes` (measured, of our replicas) and `promised_bytes`
    (what our replicas are predicted to take beyond what was measured).
    """
    actor.require(Role.VIEWER)
    rows = Host.objects.all()
    if state:
        rows = rows.filter(state=state)
    if scheduling:
        rows = rows.filter(scheduling=scheduling)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(facts__hostname__icontains=search))
    if label:
        key, value = label
        rows = rows.annotate(asked_label=Cast(KeyTextTransform(key, "labels"), TextField()))
        rows = rows.filter(asked_label=value)
    return with_memory(rows).order_by("name")


def with_memory(rows: QuerySet[Host]) -> QuerySet[Host]:
    """Add the figures of the memory bar to each host."""
    live = live_replicas()
    beyond = Greatest(
        Coalesce(F("predicted_bytes"), Value(0)) - Coalesce(F("memory_bytes"), Value(0)), Value(0)
    )
    return rows.annotate(
        replicas_live=related_count(live, "host"),
        ours_bytes=related_sum(live, "host", F("memory_bytes")),
        promised_bytes=related_sum(live, "host", beyond),
    )


def for_lists(rows: QuerySet[Host]) -> QuerySet[Host]:
    """Read only what lists show: decoding the JSON of the rest is most of a row's price."""
    return rows.only(
        "name",
        "state",
        "state_since",
        "scheduling",
        "facts",
        "usage",
        "memory_budget_bytes",
        "failure_code",
        "failure_params",
    )


def host_get(actor: Actor, ref: str | UUID) -> Host:
    """Return one host by public id or name. Raises NotFoundError."""
    return row_by_ref(hosts_visible(actor), "host", ref, name_field="name")


def fleet_is_cut_off() -> bool:
    """Return whether so many hosts are silent that nothing may be taken away for it."""
    known = Host.objects.exclude(state__in=[HostState.PENDING, HostState.REMOVING])
    silent = Count("pk", filter=Q(state=HostState.UNREACHABLE))
    found = known.aggregate(silent=silent, known=Count("pk"))
    return may_be_cut_off(silent=found["silent"], known=found["known"])


def host_of_engine(engine_id: str, *, besides: int = 0) -> Host | None:
    """Return the oldest host that drives this engine, `besides` the one of that number."""
    if not engine_id:
        return None
    return (
        Host.objects.filter(facts__engine_id=engine_id).exclude(pk=besides).order_by("pk").first()
    )


def host_names(actor: Actor) -> list[str]:
    """Return the names of all hosts, for choosing among them."""
    actor.require(Role.VIEWER)
    return list(Host.objects.order_by("name").values_list("name", flat=True))
