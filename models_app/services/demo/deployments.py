"""The demo's deployments: serving, degraded, failed, on the way, stopped, out of sight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models_app.domain.names import workload_name
from models_app.domain.states import DeploymentState, PlacementState, ReplicaState, Wish
from models_app.models import (
    Artifact,
    Deployment,
    Host,
    Placement,
    Replica,
    Revision,
    User,
)
from models_app.services.demo.models import demo_digest
from models_app.services.demo.times import ago

MIB = 1 << 20
_D, _R = DeploymentState, ReplicaState
Failing = tuple[str, Mapping[str, Any], Sequence[str]]
NOT_ENOUGH: Failing = (
    "NOT_ENOUGH_MEMORY",
    {
        "needed_bytes": 15_782 * MIB,
        "passed_over": {
            "attic-pi": "HOST_CLOSED",
            "branch-7": "HOST_NOT_READY",
            "cupboard-1": "NOT_ENOUGH_MEMORY",
            "till-1": "NOT_ENOUGH_MEMORY",
            "till-2": "NOT_ENOUGH_MEMORY",
        },
    },
    [],
)
EXITED: Failing = (
    "OUT_OF_MEMORY",
    {"peak_bytes": 5_120 * MIB, "predicted_bytes": 4_310 * MIB, "host": "till-2"},
    [
        "llama_model_loader: loaded meta data with 34 key-value pairs and 255 tensors",
        "llama_kv_cache_init: CPU KV buffer size = 3584.00 MiB",
        "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer",
        "main: exiting due to model loading error",
    ],
)


@dataclass(frozen=True, slots=True)
class DemoReplica:
    """One copy of a demo deployment."""

    host: str
    state: ReplicaState
    predicted_mib: int
    measured_mib: int | None
    failing: Failing | None = None


@dataclass(frozen=True, slots=True)
class DemoDeployment:
    """One deployment of the demo. `parameters`: of each revision, oldest first."""

    name: str
    model: str
    file: int  # which artifact of the model
    state: DeploymentState
    minutes: float  # since its state began
    parameters: tuple[dict[str, Any], ...]
    replicas: tuple[DemoReplica, ...] = ()
    wished: int = 1
    placement: dict[str, Any] = field(default_factory=dict)
    failing: Failing | None = None
    comment: str = ""


DEMO_DEPLOYMENTS = (
    DemoDeployment(
        "support-chat",
        "qwen3-1.7b",
        0,
        _D.READY,
        3_100,
        ({"context_length": 4096}, {"context_length": 8192, "parallel_sequences": 2}),
        (
            DemoReplica("cupboard-1", _R.READY, 2_210, 2_043),
            DemoReplica("rack-1", _R.READY, 2_210, 2_066),
        ),
        wished=2,
        comment="Longer talks were cut off",
    ),
    DemoDeployment(
        "till-receipts",
        "smollm2-135m",
        0,
        _D.READY,
        8_900,
        ({"context_length": 2048},),
        (
            DemoReplica("till-1", _R.READY, 262, 241),
            DemoReplica("till-2", _R.READY, 262, 239),
        ),
        wished=2,
        placement={"selector": {"kind": "till"}},
    ),
    DemoDeployment(
        "product-search",
        "llama-3.2-3b",
        0,
        _D.DEGRADED,
        11,
        ({"context_length": 8192},),
        (
            DemoReplica("rack-1", _R.READY, 3_120, 2_981),
            DemoReplica("till-2", _R.BACKOFF, 4_310, None, EXITED),
        ),
        wished=2,
        failing=EXITED,
    ),
    DemoDeployment(
        "contract-reader",
        "mistral-small-24b",
        0,
        _D.FAILED,
        4,
        ({"context_length": 16_384},),
        placement={"hosts": ["attic-pi", "branch-7", "cupboard-1", "till-1", "till-2"]},
        failing=NOT_ENOUGH,
    ),
    DemoDeployment(
        "meeting-notes",
        "phi-4-mini",
        0,
        _D.DEPLOYING,
        1,
        ({"context_length": 4096},),
        (DemoReplica("rack-1", _R.STARTING, 3_420, 1_204),),
    ),
    DemoDeployment(
        "branch-helpdesk",
        "qwen3-1.7b",
        0,
        _D.UNKNOWN,
        23,
        ({"context_length": 4096},),
        (DemoReplica("branch-7", _R.UNKNOWN, 1_830, 1_702),),
        placement={"hosts": ["branch-7"]},
    ),
    DemoDeployment(
        "night-summaries", "llama-3.2-3b", 1, _D.STOPPED, 640, ({"context_length": 16_384},)
    ),
)


def deployments_add(
    artifacts: Mapping[str, Sequence[Artifact]], hosts: Mapping[str, Host], engine: str
) -> list[Deployment]:
    """Write the demo's deployments with revisions, replicas and placements."""
    owner = User.objects.order_by("pk").first()
    return [
        _deployment(demo, artifacts[demo.model][demo.file], hosts, engine, owner)
        for demo in DEMO_DEPLOYMENTS
    ]


def failing_fields(failing: Failing | None) -> dict[str, Any]:
    """Return the columns of a failure."""
    code, params, evidence = failing or ("", {}, ())
    return {
        "failure_code": code,
        "failure_params": dict(params),
        "failure_evidence": list(evidence),
    }


def _deployment(
    demo: DemoDeployment,
    artifact: Artifact,
    hosts: Mapping[str, Host],
    engine: str,
    owner: User | None,
) -> Deployment:
    row = Deployment.objects.create(
        name=demo.name,
        wish=Wish.STOPPED if demo.state == _D.STOPPED else Wish.RUNNING,
        replicas_wished=demo.wished,
        state=demo.state,
        **failing_fields(demo.failing),
    )
    for number, parameters in enumerate(demo.parameters, start=1):
        row.revision = Revision.objects.create(
            deployment=row,
            number=number,
            engine=engine,
            artifact=artifact,
            parameters=parameters,
            placement=demo.placement,
            comment=demo.comment if number == len(demo.parameters) else "",
            created_by=owner,
        )
    row.save()
    since = ago(minutes=demo.minutes)
    Deployment.objects.filter(pk=row.pk).update(
        state_since=since, created_at=ago(minutes=demo.minutes + 4_000)
    )
    for revision in row.revisions.all():
        made = since if revision.number == len(demo.parameters) else ago(minutes=demo.minutes + 4e3)
        Revision.objects.filter(pk=revision.pk).update(created_at=made)
    for index, replica in enumerate(demo.replicas):
        _replica(row, replica, index, hosts[replica.host], since)
    return row


def _replica(row: Deployment, demo: DemoReplica, index: int, host: Host, since: datetime) -> None:
    revision = row.revision
    if revision is None:
        return
    is_ready = demo.state in (_R.READY, _R.UNKNOWN)
    size = demo.measured_mib
    replica = Replica.objects.create(
        deployment=row,
        revision=revision,
        index=index,
        host=host,
        workload=workload_name(row.name, index, revision.number),
        state=demo.state,
        spec_hash=demo_digest(row.name),
        external_id=f"{4000 + row.pk}:{index}",
        address="127.0.0.1:9" if is_ready else "",
        predicted_bytes=demo.predicted_mib * MIB,
        memory_bytes=None if size is None else size * MIB,
        peak_bytes=None if size is None else size * MIB,
        started_at=since,
        ready_at=since if is_ready else None,
        restarts=3 if demo.failing else 0,
        **failing_fields(demo.failing),
    )
    Replica.objects.filter(pk=replica.pk).update(state_since=since)
    artifact = revision.artifact
    Placement.objects.get_or_create(
        artifact=artifact,
        host=host,
        defaults={
            "state": PlacementState.READY,
            "done_bytes": artifact.size_bytes or 0,
            "total_bytes": artifact.size_bytes,
        },
    )
