"""What the hands saw of hosts."""

from dataclasses import asdict
from typing import Any

from django.db import transaction

from models_app.domain.failures import Failure
from models_app.domain.identities import fingerprint
from models_app.domain.specs import HostFacts, HostUsage
from models_app.domain.states import (
    HostState,
    PlacementState,
    ReplicaState,
)
from models_app.models import Host
from models_app.services.leases import Lease, database_time
from models_app.services.records import changed, event, failure_fields
from models_app.services.steps import step
from models_app.services.wishes import look_now

_LOST = {HostState.UNREACHABLE, HostState.REMOVING}  # on its way out: that is not taken back


def host_still_there(host: Host, usage: HostUsage) -> dict[str, Any] | None:
    """Return what to write as a steady host is given back; None when more than that changed."""
    if host.state == HostState.READY and (host.misses or host.failure_code):
        return None
    if host.state not in {HostState.READY, HostState.REMOVING}:
        return None
    return {"usage": asdict(usage), "last_seen_at": database_time()}


@transaction.atomic
def host_seen(lease: Lease[Host], host: Host, *, facts: HostFacts | None, usage: HostUsage) -> None:
    """The host answered. Coming back from silence wakes everything that waits on it."""
    before = HostState(host.state)
    state = step(host, HostState.READY)
    fields: dict[str, Any] = {"usage": asdict(usage), "last_seen_at": database_time(), "misses": 0}
    fields |= failure_fields(None)
    is_first_contact = bool(facts and facts.identity and not host.identity)
    if facts:
        fields["facts"] = asdict(facts)
    if facts and is_first_contact:
        fields["identity"] = dict(facts.identity)
    if before != HostState.READY:
        fields |= {"state": state, "state_since": database_time()}
    lease.write(**fields)
    host.refresh_from_db()
    if is_first_contact:
        event(host, "host.identity_pinned", params={"fingerprint": fingerprint(host.identity)})
    if before != HostState.READY:
        event(host, "host.ready", level="good", params={"host": host.name})
        _wake_everything_on(host)
    changed(host)


@transaction.atomic
def host_missed(lease: Lease[Host], host: Host, failure: Failure, *, misses_allowed: int) -> None:
    """The host was silent. After enough misses it is UNREACHABLE and its replicas UNKNOWN."""
    misses = host.misses + 1
    is_lost = misses >= misses_allowed and host.state not in _LOST
    fields: dict[str, Any] = {"misses": min(misses, 30_000), **failure_fields(failure)}
    if is_lost:
        state = step(host, HostState.UNREACHABLE)
        fields |= {"state": state, "state_since": database_time()}
    lease.write(**fields)
    host.refresh_from_db()
    if is_lost:
        event(host, "host.unreachable", level="bad", params={"host": host.name})
        _wake_everything_on(host)
        changed(host)


@transaction.atomic
def host_refused(lease: Lease[Host], host: Host, failure: Failure) -> None:
    """The host answered and refuses us: a person decides, and its replicas are UNKNOWN."""
    is_new = host.state not in {HostState.FAILED, HostState.REMOVING}
    fields: dict[str, Any] = failure_fields(failure)
    if is_new:
        fields |= {"state": step(host, HostState.FAILED), "state_since": database_time()}
    lease.write(misses=0, **fields)
    host.refresh_from_db()
    if is_new:
        _wake_everything_on(host)
        event(
            host,
            "host.failed",
            level="bad",
            params={"host": host.name, "failure": str(failure.code), **failure.params},
            evidence=failure.evidence,
        )
    changed(host)


@transaction.atomic
def host_forget(lease: Lease[Host], host: Host) -> bool:
    """Delete a host on which nothing of ours is left; return whether it is gone."""
    if host.replicas.exclude(state=ReplicaState.RETIRED).exists():
        return False
    lease.renew()
    changed(host)
    host.replicas.all().delete()
    host.delete()
    return True


def _wake_everything_on(host: Host) -> None:
    for replica in host.replicas.exclude(state=ReplicaState.RETIRED):
        look_now(replica)
    for placement in host.placements.exclude(state=PlacementState.READY):
        look_now(placement)
