"""Reads of the routing table. For the routing core, not for people: it checks no access.

Who may talk to a deployment is decided before a request is routed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from models_app.domain.captures import CaptureRule
from models_app.domain.gateway import Limits, Timeouts
from models_app.domain.routes import DeploymentRoute, ReplicaRoute
from models_app.domain.states import PlacementState, ReplicaState, Wish
from models_app.models import Deployment, Placement, Replica

_ON_THE_WAY: list[str] = [
    ReplicaState.BACKOFF,
    ReplicaState.PENDING,
    ReplicaState.PLACING,
    ReplicaState.STARTING,
]  # the foremost last


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
            "capture__percent",
            "capture__until",
            "revision__engine",
            "revision__artifact__model__title",
        )
    )
    ready = _ready_replicas(only)
    found = list(rows)
    starting = _starting([row["pk"] for row in found if row["pk"] not in ready])
    return [
        _route(row, tuple(ready.get(row["pk"], ())), starting.get(row["pk"], {})) for row in found
    ]


def _starting(deployments: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return how far the start of deployments has come: that of their foremost replica."""
    if not deployments:
        return {}
    rows = Replica.objects.filter(
        deployment_id__in=deployments, is_wanted=True, state__in=_ON_THE_WAY
    ).values_list("deployment_id", "state", "host_id", "revision__artifact_id")
    placements = Placement.objects.filter(
        state=PlacementState.PLACING, host_id__in={row[2] for row in rows}
    )
    placing = {(one.host_id, one.artifact_id): one for one in placements}
    found: dict[int, dict[str, Any]] = {}
    for deployment, state, host, artifact in sorted(
        rows, key=lambda row: _ON_THE_WAY.index(row[1])
    ):
        found[deployment] = {"state": str(state), **_copied(placing.get((host, artifact)))}
    return found


def _copied(placement: Placement | None) -> dict[str, Any]:
    if placement is None or not placement.total_bytes:
        return {}
    left = placement.total_bytes - placement.done_bytes
    told: dict[str, Any] = {"percent": round(100 * placement.done_bytes / placement.total_bytes)}
    return told | ({"left_s": round(left / placement.bytes_per_s)} if placement.bytes_per_s else {})


def _route(
    row: Mapping[str, Any], replicas: tuple[ReplicaRoute, ...], progress: Mapping[str, Any]
) -> DeploymentRoute:
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
        capture=_capture(row["capture__percent"], row["capture__until"]),
        failure_code=row["failure_code"],
        failure_params=row["failure_params"],
        progress=progress,
    )


def _capture(percent: int | None, until: datetime | None) -> CaptureRule | None:
    if percent is None or until is None or until <= timezone.now():
        return None
    return CaptureRule(percent, until)


def _ready_replicas(only: Collection[str] | None) -> dict[int, list[ReplicaRoute]]:
    rows = Replica.objects.filter(state=ReplicaState.READY).exclude(address="")
    if only is not None:
        rows = rows.filter(deployment__public_id__in=only)
    found: dict[int, list[ReplicaRoute]] = defaultdict(list)
    values = rows.order_by("deployment_id", "index").values_list(
        *("deployment_id", "public_id", "pk", "index", "workload", "host__name", "address"),
        *("slots", "served_as", "request_defaults"),
    )
    for deployment, public_id, pk, index, workload, host, address, slots, *asked in values:
        served_as, defaults = asked
        found[deployment].append(
            ReplicaRoute(
                id=str(public_id),
                row_id=pk,
                index=index,
                workload=workload,
                host=host,
                address=address,
                slots=max(slots, 1),
                served_as=served_as,
                request_defaults=tuple(sorted(defaults.items())),
            )
        )
    return found
