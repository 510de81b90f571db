"""Which artifacts should lie on which hosts."""

from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError
from models_app.domain.states import ArtifactState, PlacementState, ReplicaState, Role
from models_app.models import Artifact, Host, Placement, Replica
from models_app.services.records import audit, changed, hold
from models_app.services.wishes import look_now, wish


@transaction.atomic
def placement_request(actor: Actor, *, artifact: Artifact, host: Host) -> Placement:
    """Ask for an artifact on a host; the placement that exists is returned."""
    actor.require(Role.OPERATOR)
    if artifact.state != ArtifactState.READY:
        raise ConflictError(
            "ARTIFACT_NOT_READY", params={"file": artifact.file_name, "state": artifact.state}
        )
    placement, created = Placement.objects.get_or_create(
        artifact=artifact, host=host, defaults={"total_bytes": artifact.size_bytes}
    )
    if created:
        audit(actor, "placement.request", placement)
        changed(placement)
        look_now(placement)
    return placement


@transaction.atomic
def placement_remove(actor: Actor, placement: Placement, *, version: int | None) -> Placement:
    """Take the artifact off the host. Raises ConflictError PLACEMENT_IN_USE."""
    actor.require(Role.OPERATOR)
    hold(placement, version)
    users = Replica.objects.filter(
        host=placement.host, revision__artifact=placement.artifact
    ).exclude(state=ReplicaState.RETIRED)
    if users.exists():
        raise ConflictError("PLACEMENT_IN_USE", params={"replicas": users.count()})
    return wish(
        actor,
        placement,
        "placement.remove",
        version=version,
        changes={"state": PlacementState.REMOVING},
    )


@transaction.atomic
def placement_pin(actor: Actor, placement: Placement, *, pinned: bool) -> Placement:
    """Keep the artifact there even when nothing needs it (or no longer)."""
    actor.require(Role.OPERATOR)
    changes = {"is_pinned": pinned}
    return wish(actor, placement, "placement.pin", version=None, changes=changes)
