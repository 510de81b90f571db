"""What the first page and the side bar tell: is anything wrong, and how much is there."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import (
    Aggregate,
    Case,
    Count,
    F,
    FloatField,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Concat, NullIf
from django.utils import timezone

from models_app.domain.actors import Actor
from models_app.domain.states import DeploymentState, HostState, OperationState, Role
from models_app.models import Artifact, Deployment, Host, LanguageModel, Operation
from models_app.selectors.deployments import live_replicas
from models_app.selectors.hosts import for_lists, hosts_visible
from models_app.selectors.operations import UNFINISHED, operations_visible

TROUBLED_DEPLOYMENTS = (
    DeploymentState.FAILED,
    DeploymentState.DEGRADED,
    DeploymentState.UNKNOWN,
)
TROUBLED_HOSTS = (HostState.FAILED, HostState.UNREACHABLE)
FAILED_FOR = timedelta(hours=24)  # a failed operation asks for attention this long


@dataclass(frozen=True, slots=True)
class FleetCounts:
    """How many rows of each kind are in each state."""

    by_state: Mapping[str, Mapping[str, int]]

    def total(self, kind: str) -> int:
        """Return how many there are of a kind."""
        return sum(self.by_state.get(kind, {}).values())

    def of(self, kind: str, *states: str) -> int:
        """Return how many of a kind are in one of the states."""
        return sum(self.by_state.get(kind, {}).get(state, 0) for state in states)


def fleet_counts(actor: Actor) -> FleetCounts:
    """Return the counts of deployments, hosts, models, artifacts and operations in one query."""
    actor.require(Role.VIEWER)
    parts = [
        _by_state("deployment", Deployment.objects.all()),
        _by_state("host", Host.objects.all()),
        _by_state("artifact", Artifact.objects.all()),
        _by_state("operation", Operation.objects.filter(state__in=UNFINISHED)),
        _by_state("model", LanguageModel.objects.all(), Value("")),
    ]
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for kind, state, number in parts[0].union(*parts[1:], all=True):
        counts[kind][state] = number
    return FleetCounts(counts)


def _by_state(kind: str, rows: QuerySet[Any], state: Any = None) -> QuerySet[Any, Any]:
    found: QuerySet[Any, Any] = (
        rows.order_by()
        .annotate(counted=Value(kind), word=state or F("state"))
        .values("counted", "word")
        .annotate(n=Count("pk"))
        .values_list("counted", "word", "n")
    )
    return found


def troubled_deployments(actor: Actor, *, limit: int = 10) -> list[Deployment]:
    """Return deployments that need a person, worst first.

    Each carries the failure of its newest failing replica as `replica_failure_code` and
    `replica_failure_params`.
    """
    actor.require(Role.VIEWER)
    failing = live_replicas().filter(deployment=OuterRef("pk")).exclude(failure_code="")
    newest = failing.order_by("-state_since")
    severity = _severity(TROUBLED_DEPLOYMENTS)
    rows = Deployment.objects.filter(state__in=TROUBLED_DEPLOYMENTS)
    worst = rows.order_by(severity, "-state_since").values("pk")[:limit]
    return list(
        Deployment.objects.filter(pk__in=worst)
        .only("name", "state", "state_since", "failure_code", "failure_params")
        .annotate(
            replica_failure_code=Subquery(newest.values("failure_code")[:1]),
            replica_failure_params=Subquery(newest.values("failure_params")[:1]),
        )
        .order_by(severity, "-state_since")
    )


def hosts_by_need(actor: Actor, *, limit: int = 12) -> list[Host]:
    """Return the hosts worth a look: silent ones, then the fullest, with their memory figures.

    Each carries what runs on it as `served`, see `served_on`.
    """
    used = Cast(KeyTextTransform("memory_used_bytes", "usage"), FloatField())
    total = Cast(KeyTextTransform("memory_total_bytes", "facts"), FloatField())
    fullness = used / NullIf(total, Value(0.0))
    order = (_severity(TROUBLED_HOSTS), fullness.desc(nulls_last=True), "name")
    neediest = Host.objects.order_by(*order).values("pk")[:limit]
    here = live_replicas().filter(host=OuterRef("pk")).order_by().values("host")
    one = Concat("deployment__name", Value(" "), "deployment__state")  # both are plain words
    rows = for_lists(hosts_visible(actor)).filter(pk__in=neediest)
    rows = rows.annotate(served=Subquery(here.annotate(all=_Joined(one)).values("all")))
    return list(rows.order_by(*order))


@dataclass(frozen=True, slots=True)
class Served:
    """One deployment on one host: its state, and how many of its replicas are there."""

    name: str
    state: str
    replicas: int


def served_on(host: Host) -> list[Served]:
    """Return what runs on a host of `hosts_by_need`: what needs a look first, then by name."""
    told: str = getattr(host, "served", None) or ""
    counted = Counter(tuple(one.split(" ")) for one in told.split(",") if one)
    found = [Served(name, state, number) for (name, state), number in counted.items()]
    return sorted(found, key=lambda one: (one.state == DeploymentState.READY, one.name))


def current_operations(actor: Actor, *, limit: int = 8) -> list[Operation]:
    """Return what is being done, and what failed within the last day."""
    failed = Q(state=OperationState.FAILED, finished_at__gte=timezone.now() - FAILED_FOR)
    rows = operations_visible(actor).filter(failed | Q(state__in=UNFINISHED))
    return list(rows[:limit])


class _Joined(Aggregate):
    """Texts of many rows as one, with commas between them."""

    function = "GROUP_CONCAT"
    template = "%(function)s(%(expressions)s, ',')"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Return the same in PostgreSQL's words."""
        return self.as_sql(compiler, connection, function="STRING_AGG", **context)


def _severity(states: tuple[str, ...]) -> Case:
    whens = [When(state=state, then=Value(place)) for place, state in enumerate(states)]
    return Case(*whens, default=Value(len(states)), output_field=IntegerField())
