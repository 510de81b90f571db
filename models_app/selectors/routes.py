"""Reads of the routing table. For the routing core, not for people: it checks no access.

Who may talk to a deployment is decided before a request is routed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Q

from models_app.domain.gateway import Limits, Timeouts
from models_app.domain.routes import DeploymentRoute, ReplicaRoute
from models_app.domain.states import ReplicaState, Wish
from models_app.models import Deployment, Replica


def routes(only: Collection[str] | None = None) -> list[DeploymentRoute]:
    """Return the route of every deployment, or of those with the public ids `only`."""
    wanted = Q() if only is None else Q(public_id__in=only)
    rows = (
        Deployment.objects.filter(wanted)
        .exclude(wish=Wish.DELETED)
        .values(
            "pk",
            "public_id",
            "name",
            "state",
            "failure_code",
            "failure_params",
            "limits",
            "timeouts",
            "revision__engine",
            "revision__artifact__model__title",
        )
    )
    ready = _ready_replicas(only)
    return [_route(row, tuple(ready.get(row["pk"], ()))) for row in rows]


def _route(row: Mapping[str, Any], replicas: tuple[ReplicaRoute, ...]) -> DeploymentRoute:
    return DeploymentRoute(
        id=str(row["public_id"]),
        row_id=row["pk"],
        name=row["name"],
        state=row["state"],
        engine=row["revision__engine"] or "",
        model=row["revision__artifact__model__title"] or "",
        replicas=replicas,
        limits=Limits(**row["limits"]),
        timeouts=Timeouts(**row["timeouts"]),
        failure_code=row["failure_code"],
        failure_params=row["failure_params"],
    )


def _ready_replicas(only: Collection[str] | None) -> dict[int, list[ReplicaRoute]]:
    rows = Replica.objects.filter(state=ReplicaState.READY).exclude(address="")
    if only is not None:
        rows = rows.filter(deployment__public_id__in=only)
    found: dict[int, list[ReplicaRoute]] = defaultdict(list)
    values = rows.order_by("deployment_id", "index").values_list(
        *("deployment_id", "public_id", "pk", "index", "workload", "host__name", "address"),
        *("slots", "served_as"),
    )
    for deployment, public_id, pk, index, workload, host, address, slots, served_as in values:
        found[deployment].append(
            ReplicaRoute(
                str(public_id), pk, index, workload, host, address, max(slots, 1), served_as
            )
        )
    return found
