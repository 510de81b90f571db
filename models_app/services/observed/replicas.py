"""What the hands saw and did of replicas."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Greatest

from models_app.domain.failures import Failure
from models_app.domain.states import ReplicaState
from models_app.models import Event, Host, Replica
from models_app.services.leases import Lease, database_time
from models_app.services.records import changed, event, failure_fields
from models_app.services.steps import step
from models_app.services.wishes import look_now


@dataclass(frozen=True, slots=True)
class Told:
    """The event that goes with a step."""

    code: str
    level: str = "info"
    params: Mapping[str, Any] = field(default_factory=dict)
    evidence: Sequence[str] = ()


@transaction.atomic
def replica_step(
    lease: Lease[Replica],
    replica: Replica,
    state: ReplicaState,
    told: Told | None = None,
    **fields: Any,
) -> None:
    """Move a replica to a state (or leave it there) and write what was seen of it."""
    step(replica, state)
    is_new = replica.state != state
    if is_new:
        fields |= {"state": state, "state_since": database_time()}
    lease.write(**fields)
    replica.refresh_from_db()
    if told:
        params = {"replica": replica.index, "host": replica.host.name} | dict(told.params)
        event(replica, told.code, level=told.level, params=params, evidence=told.evidence)
    if is_new:
        look_now(replica.deployment)
    if is_new or told:
        changed(replica)


def replica_drift(
    lease: Lease[Replica], replica: Replica, drift: str, container: str, *, is_right: bool
) -> None:
    """Tell what somebody changed by hand: each time that it was put right, else once."""
    params = {"drift": drift, "container": container[:12]}
    right = Told("replica.drift", "warning", params)
    stays = Told("replica.drift_stays", "warning", params)
    told = Event.objects.filter(subject_kind="replica", subject_id=replica.public_id)
    last = told.filter(code__in=[right.code, stays.code]).first()
    is_told = last and last.code == stays.code and params.items() <= last.params.items()
    if is_right or not is_told:
        replica_step(lease, replica, ReplicaState(replica.state), right if is_right else stays)


@transaction.atomic
def replica_pulling(lease: Lease[Replica], replica: Replica, told: Mapping[str, Any]) -> None:
    """Write how far the pull of its engine's image is; empty when there is none."""
    has_moved = told.get("done_bytes") != replica.pulling.get("done_bytes")
    lease.write(pulling=dict(told), **({"progress_at": database_time()} if has_moved else {}))
    replica.pulling = dict(told)
    changed(replica)


@transaction.atomic
def replica_failed(
    lease: Lease[Replica], replica: Replica, failure: Failure, *, retry_s: float | None
) -> None:
    """Write a failure; `retry_s` None means that waiting does not mend it."""
    state = ReplicaState.FAILED if retry_s is None else ReplicaState.BACKOFF
    replica_step(
        lease,
        replica,
        state,
        Told(
            f"replica.{state}",
            "bad",
            {"failure": str(failure.code), "retry_s": retry_s, **failure.params},
            failure.evidence,
        ),
        attempts=replica.attempts + 1,
        address="",
        ready_at=None,
        misses=0,
        pulling={},
        **failure_fields(failure),
    )


@transaction.atomic
def replica_retire(lease: Lease[Replica], replica: Replica) -> None:
    """Nothing is left of it on its host: the row becomes history."""
    replica_step(
        lease,
        replica,
        ReplicaState.RETIRED,
        Told("replica.retired"),
        address="",
        external_id="",
        next_action_at=None,
    )


def replicas_steady(lease: Lease[Host], rows: Collection[int], *, next_s: float) -> None:
    """Their host's reconciler saw that they are well: none needs a look of its own before `next_s`.

    Who is worked on now, or was changed, is left as it is; nothing is written once the host is
    another worker's.
    """
    _steady(lease, rows).update(next_action_at=database_time(next_s))


def replicas_memory(lease: Lease[Host], measured: Mapping[int, int]) -> None:
    """Write what replicas were seen to take, by the host's reconciler, in one statement."""
    whens = [When(pk=row_id, then=Value(size)) for row_id, size in measured.items()]
    seen = Case(*whens, default=F("memory_bytes"), output_field=BigIntegerField())
    peak = Greatest(Coalesce(F("peak_bytes"), Value(0)), seen)
    _steady(lease, measured).update(memory_bytes=seen, peak_bytes=peak)


def _steady(lease: Lease[Host], rows: Collection[int]) -> QuerySet[Replica]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=database_time())
    return Replica.objects.filter(
        free,
        pk__in=rows,
        host_id=lease.row_id,
        host__lease_token=lease.token,
        state=ReplicaState.READY,
        is_wanted=True,
        misses=0,
    )
