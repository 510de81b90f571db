"""What the hands saw and did of artifacts on hosts."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from models_app.domain.failures import Failure
from models_app.domain.specs import Transfer
from models_app.domain.states import (
    ArtifactState,
    PlacementState,
    ReplicaState,
    Wish,
)
from models_app.models import Artifact, Deployment, Event, Host, Placement, Replica
from models_app.services.leases import Lease, database_time
from models_app.services.records import changed, event, failure_fields
from models_app.services.steps import step, step_all
from models_app.services.wishes import look_now

UNNEEDED_FOR = timedelta(days=1)
LOST_AGAIN_AFTER = timedelta(hours=1)


@transaction.atomic
def placement_progress(
    lease: Lease[Placement], placement: Placement, transfer: Transfer, bytes_per_s: float
) -> None:
    """Write how far a placement has come; when finished, wake the replicas that wait for it.

    `bytes_per_s`: how fast this step was.
    """
    state = PlacementState.READY if transfer.finished else PlacementState.PLACING
    moved = transfer.done_bytes != placement.done_bytes
    lease.write(
        state=step(placement, state),
        done_bytes=transfer.done_bytes,
        total_bytes=transfer.total_bytes,
        bytes_per_s=None if transfer.finished else bytes_per_s,
        attempts=0,
        **failure_fields(None),
        **({"progress_at": database_time()} if moved else {}),
    )
    was = placement.state
    placement.refresh_from_db()
    if transfer.finished and was != PlacementState.READY:
        event(
            placement,
            "artifact.placed",
            level="good",
            params={
                "file": placement.artifact.file_name,
                "host": placement.host.name,
                "size_bytes": transfer.done_bytes,
                "bytes_per_s": bytes_per_s or None,  # it may have been there already
            },
        )
        _wake_replicas(placement)
    changed(placement)


@transaction.atomic
def placement_failed(
    lease: Lease[Placement], placement: Placement, failure: Failure, *, retry_s: float | None
) -> None:
    """Write a failure; the replicas that wait for it learn of it."""
    lease.write(
        state=step(placement, PlacementState.FAILED) if retry_s is None else placement.state,
        attempts=placement.attempts + 1,
        bytes_per_s=None,
        **failure_fields(failure),
    )
    placement.refresh_from_db()
    event(
        placement,
        "artifact.placing_failed",
        level="bad",
        params={"failure": str(failure.code), "retry_s": retry_s, **failure.params},
        evidence=failure.evidence,
    )
    if retry_s is None:
        _wake_replicas(placement)
    changed(placement)


@transaction.atomic
def placement_lost(placement: Placement) -> bool:
    """The host no longer holds what it held: have it sent again; return whether it will be.

    Not twice in a short while: then it is no accident, and a person decides.
    """
    lately = database_time(-LOST_AGAIN_AFTER.total_seconds())
    told = Event.objects.filter(
        subject_kind="placement",
        subject_id=placement.public_id,
        code="artifact.lost",
        at__gte=lately,
    )
    rows = Placement.objects.filter(pk=placement.pk, state=PlacementState.READY)
    if told.exists() or not step_all(rows, PlacementState.PENDING, done_bytes=0, attempts=0):
        return False
    params = {"file": placement.artifact.file_name, "host": placement.host.name}
    event(placement, "artifact.lost", level="warning", params=params)
    look_now(placement)
    changed(placement)
    return True


def _wake_replicas(placement: Placement) -> None:
    waiting = Replica.objects.filter(
        host=placement.host,
        revision__artifact=placement.artifact,
        state__in=[ReplicaState.PENDING, ReplicaState.PLACING, ReplicaState.BACKOFF],
    )
    for replica in waiting:
        look_now(replica)


@transaction.atomic
def placement_forget(lease: Lease[Placement], placement: Placement) -> None:
    """The host no longer holds the artifact: the row goes."""
    lease.renew()
    changed(placement)
    placement.delete()


@transaction.atomic
def artifact_is_corrupt(artifact: Artifact) -> None:
    """The store's file is not what its name says: nothing may start from it any more."""
    ready = Artifact.objects.filter(pk=artifact.pk, state=ArtifactState.READY)
    if step_all(ready, ArtifactState.CORRUPT):
        event(artifact, "artifact.corrupt", level="bad", params={"file": artifact.file_name})
        changed(artifact)


def placements_release_unneeded(host: Host) -> int:
    """Mark what lies on a host for nobody, and has for a while, to be taken off; return how many.

    Kept is what a person pinned, what a replica there uses or used a short while ago, and what the
    present revision of any deployment would need: it may come back to this host.
    """
    long_ago = database_time(-UNNEEDED_FOR.total_seconds())
    lately = Q(state=ReplicaState.RETIRED, updated_at__lt=long_ago)
    used = Replica.objects.filter(host=host).exclude(lately).values("revision__artifact")
    wished = Deployment.objects.exclude(wish=Wish.DELETED).values("revision__artifact")
    unneeded = Placement.objects.filter(
        host=host, state=PlacementState.READY, is_pinned=False, updated_at__lt=long_ago
    ).exclude(Q(artifact__in=used) | Q(artifact__in=wished))
    for placement in unneeded.select_related("artifact__model", "host"):
        _release(placement)
    return len(unneeded)


@transaction.atomic
def _release(placement: Placement) -> None:
    ready = Placement.objects.filter(pk=placement.pk, state=PlacementState.READY, is_pinned=False)
    if step_all(ready, PlacementState.REMOVING):
        params = {"file": placement.artifact.file_name, "host": placement.host.name}
        event(placement, "artifact.unneeded", params=params)
        look_now(placement)
        changed(placement)


@transaction.atomic
def placement_ensure(*, artifact: Artifact, host: Host) -> Placement:
    """Return the placement of an artifact on a host, asked for now if there was none."""
    placement, created = Placement.objects.get_or_create(
        artifact=artifact, host=host, defaults={"total_bytes": artifact.size_bytes}
    )
    if created:
        changed(placement)
        look_now(placement)
    return placement
