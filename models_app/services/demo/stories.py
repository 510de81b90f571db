"""What happened in the demo: events and operations, with times of the past."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from models_app.domain.states import DeploymentState, OperationState, ReplicaState
from models_app.models import Artifact, Deployment, Event, Host, Operation, Replica
from models_app.models.base import Row
from models_app.services.demo.times import ago, set_times
from models_app.services.records import kind_of

MIB = 1 << 20
BY = "alice"


class Storyteller:
    """Collects events with their times, then writes all of them, oldest first."""

    def __init__(self) -> None:
        self._told: list[tuple[datetime, Event]] = []

    def tell(
        self,
        at: datetime,
        subject: Row,
        code: str,
        params: Mapping[str, Any] | None = None,
        *,
        level: str = "info",
        evidence: list[str] | None = None,
    ) -> None:
        """Note one event."""
        deployment = subject.deployment if isinstance(subject, Replica) else subject
        host = subject.host if isinstance(subject, Replica) else subject
        event = Event(
            code=code,
            level=level,
            params=dict(params or {}),
            evidence=evidence or [],
            subject_kind=kind_of(subject),
            subject_id=subject.public_id,
            deployment_id=deployment.public_id if isinstance(deployment, Deployment) else None,
            host_id=host.public_id if isinstance(host, Host) else None,
        )
        self._told.append((at, event))

    def write(self) -> None:
        """Write what was noted."""
        self._told.sort(key=lambda told: told[0])
        events = Event.objects.bulk_create([event for _at, event in self._told])
        set_times(events, "at", [at for at, _event in self._told])


def stories_add(
    teller: Storyteller, deployments: list[Deployment], hosts: Mapping[str, Host]
) -> None:
    """Tell how each deployment and host came to be as it is."""
    for host in hosts.values():
        teller.tell(ago(days=40), host, "host.added", {"by": BY})
        teller.tell(ago(days=40, seconds=-3), host, "host.ready", {"host": host.name}, level="good")
        if host.state == "unreachable":
            teller.tell(ago(minutes=23), host, "host.unreachable", {"host": host.name}, level="bad")
        if host.scheduling == "cordoned":
            teller.tell(ago(hours=5), host, "host.cordoned", {"by": BY})
    for deployment in deployments:
        _deployment_story(teller, deployment)


def _deployment_story(teller: Storyteller, row: Deployment) -> None:
    revision = row.revision
    if revision is None:
        return
    model = revision.artifact.model.name
    begun = row.created_at if row.state != DeploymentState.DEPLOYING else ago(minutes=1.2)
    begun = min(begun, ago(minutes=1.2))
    row.refresh_from_db()
    start = min(row.created_at, row.state_since) if row.state != "deploying" else begun
    teller.tell(
        start, row, "deployment.created", {"by": BY, "model": model, "engine": revision.engine}
    )
    if revision.number > 1:
        start = row.state_since - timedelta(seconds=9)
        teller.tell(start, row, "deployment.revised", {"by": BY, "revision": revision.number})
    for replica in row.replicas.select_related("host", "deployment"):
        _replica_story(teller, replica, start, revision.number)
    outcome = _OUTCOMES.get(DeploymentState(row.state))
    if outcome:
        code, level = outcome
        params = {"failure": row.failure_code, **row.failure_params} if row.failure_code else {}
        teller.tell(row.state_since, row, code, params, level=level, evidence=row.failure_evidence)


_OUTCOMES = {
    DeploymentState.READY: ("deployment.became_ready", "good"),
    DeploymentState.DEGRADED: ("deployment.became_degraded", "warning"),
    DeploymentState.FAILED: ("deployment.became_failed", "bad"),
    DeploymentState.UNKNOWN: ("deployment.became_unknown", "warning"),
    DeploymentState.STOPPED: ("deployment.became_stopped", "info"),
}


def _replica_story(teller: Storyteller, replica: Replica, start: datetime, revision: int) -> None:
    about = {"replica": replica.index, "host": replica.host.name, "revision": revision}
    after = replica.index * 2.0

    def at(seconds: float) -> datetime:
        return start + timedelta(seconds=after + seconds)

    teller.tell(at(0.2), replica, "replica.scheduled", about)
    teller.tell(at(0.3), replica, "replica.placing", about)
    teller.tell(at(1.1), replica, "replica.starting", about)
    if replica.failure_code:
        failure = {"failure": replica.failure_code, "retry_s": 40, **replica.failure_params}
        evidence = list(replica.failure_evidence)
        code = f"replica.{replica.state}"
        teller.tell(
            replica.state_since, replica, code, about | failure, level="bad", evidence=evidence
        )
    elif replica.state == ReplicaState.UNKNOWN:
        teller.tell(at(3), replica, "replica.ready", about | {"seconds": 1.9}, level="good")
        teller.tell(replica.state_since, replica, "replica.unknown", about, level="warning")
    elif replica.state == ReplicaState.READY:
        teller.tell(at(3), replica, "replica.ready", about | {"seconds": 1.9}, level="good")


def operations_add(teller: Storyteller, artifacts: Mapping[str, list[Artifact]]) -> None:
    """Write long work: one failed, one done, one under way; each with its story."""
    phi, llama = artifacts["phi-4-mini"][0], artifacts["llama-3.2-3b"][0]
    _operation(
        teller,
        OperationState.FAILED,
        title="Llama 3.2 3B, F16",
        model=llama.model,
        done_bytes=1_204 * MIB,
        total_bytes=6_128 * MIB,
        started_at=ago(hours=2),
        finished_at=ago(minutes=96),
        failure_code="DISK_SPACE",
        failure_params={"needed_bytes": 6_128 * MIB, "free_bytes": 4_410 * MIB},
    )
    _operation(
        teller,
        OperationState.SUCCEEDED,
        title=phi.model.title,
        model=phi.model,
        artifact=phi,
        done_bytes=phi.size_bytes or 0,
        total_bytes=phi.size_bytes,
        started_at=ago(minutes=12),
        finished_at=ago(minutes=10.6),
        result={"sha256": phi.sha256},
    )
    _operation(
        teller,
        OperationState.RUNNING,
        title="Gemma 3 4B",
        phase="fetching",
        done_bytes=int(2_910 * MIB * 0.42),
        total_bytes=2_910 * MIB,
        bytes_per_s=38.5 * MIB,
        started_at=ago(seconds=32),
        progress_at=ago(seconds=1),
    )


_ENDS = {
    OperationState.SUCCEEDED: ("operation.succeeded", "good"),
    OperationState.FAILED: ("operation.failed", "bad"),
}


def _operation(teller: Storyteller, state: OperationState, **columns: Any) -> None:
    row = Operation.objects.create(kind="import", state=state, **columns)
    set_times([row], "created_at", [columns["started_at"]])
    teller.tell(columns["started_at"], row, "operation.begun", {"by": BY})
    teller.tell(columns["started_at"] + timedelta(seconds=0.4), row, "operation.running")
    if state in _ENDS:
        code, level = _ENDS[state]
        failure = {"failure": row.failure_code, **row.failure_params} if row.failure_code else {}
        teller.tell(columns["finished_at"], row, code, failure, level=level)
