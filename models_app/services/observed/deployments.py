"""What the hands concluded of deployments, and the replicas they asked for."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from models_app.domain.failures import Failure
from models_app.domain.states import (
    DeploymentState,
)
from models_app.models import Deployment, Replica
from models_app.services.leases import Lease, database_time
from models_app.services.records import changed, event, failure_fields
from models_app.services.wishes import look_now


@transaction.atomic
def deployment_state_set(
    lease: Lease[Deployment],
    deployment: Deployment,
    state: DeploymentState,
    *,
    failure: Failure | None,
    generation: int,
) -> None:
    """Write how far the wish has come true; a change is told once."""
    is_new = deployment.state != state or deployment.failure_code != (
        str(failure.code) if failure else ""
    )
    fields: dict[str, Any] = {"observed_generation": generation, **failure_fields(failure)}
    if deployment.state != state:
        fields |= {"state": state, "state_since": database_time()}
    if not is_new and deployment.observed_generation == generation:
        return
    lease.write(**fields)
    deployment.refresh_from_db()
    if is_new and state in _DEPLOYMENT_LEVELS:
        event(
            deployment,
            f"deployment.became_{state}",
            level=_DEPLOYMENT_LEVELS[state],
            params={"failure": str(failure.code), **failure.params} if failure else {},
            evidence=failure.evidence if failure else (),
        )
    changed(deployment)


@transaction.atomic
def deployment_forget(lease: Lease[Deployment], deployment: Deployment) -> None:
    """Delete a deployment of which nothing runs any more."""
    lease.renew()
    changed(deployment)
    Deployment.objects.filter(pk=deployment.pk).update(revision=None)
    deployment.refresh_from_db()
    deployment.replicas.all().delete()
    deployment.delete()


@transaction.atomic
def replica_add(
    lease: Lease[Deployment], deployment: Deployment, *, fields: Mapping[str, Any]
) -> Replica:
    """Create a replica row; the hands will make it true. Unique indexes hold off a second one."""
    lease.renew()
    replica = Replica.objects.create(deployment=deployment, **fields)
    event(
        replica,
        "replica.scheduled",
        params={"replica": replica.index, "host": replica.host.name}
        | {"revision": replica.revision.number},
    )
    look_now(replica)
    changed(replica)
    return replica


@transaction.atomic
def replica_release(lease: Lease[Deployment], replica: Replica) -> None:
    """Say that a replica is no longer wanted; the hands will stop it and retire its row."""
    lease.renew()
    updated = Replica.objects.filter(pk=replica.pk, is_wanted=True).update(is_wanted=False)
    if updated:
        look_now(replica)
        changed(replica)


_DEPLOYMENT_LEVELS = {
    DeploymentState.READY: "good",
    DeploymentState.DEGRADED: "warning",
    DeploymentState.FAILED: "bad",
    DeploymentState.UNKNOWN: "warning",
    DeploymentState.STOPPED: "info",
}
