"""A large fleet for measuring pages and sweeps: plain rows, written in bulk."""

import random
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from models_app.domain.names import workload_name
from models_app.domain.states import DeploymentState, HostState, ReplicaState
from models_app.models import (
    Artifact,
    Deployment,
    Event,
    Host,
    HostSample,
    Replica,
    ReplicaSample,
    Revision,
    Usage,
)
from models_app.services.demo.hosts import RUNTIME, facts, usage
from models_app.services.demo.models import demo_digest

BATCH = 2000
REPLICAS_EACH = 5  # of a deployment
MIB = 1 << 20
_STATES = (*[DeploymentState.READY] * 46, DeploymentState.DEGRADED, DeploymentState.FAILED)


def large_fleet_add(
    artifacts: Sequence[Artifact], engine: str, *, hosts: int, replicas: int, chance: random.Random
) -> dict[str, int]:
    """Write hosts, deployments and replicas with samples and events; return how many."""
    host_rows = _hosts(hosts, chance)
    deployments = _deployments(max(1, replicas // REPLICAS_EACH), artifacts, engine, chance)
    replica_rows = _replicas(replicas, deployments, host_rows, chance)
    _measurements(host_rows, replica_rows, chance)
    return {
        "hosts": len(host_rows),
        "deployments": len(deployments),
        "replicas": len(replica_rows),
    }


def _hosts(number: int, chance: random.Random) -> list[Host]:
    rows = [
        Host(
            name=f"host-{index:05d}",
            runtime=RUNTIME,
            state=HostState.UNREACHABLE if index % 97 == 0 else HostState.READY,
            facts=facts(f"host-{index:05d}", "AMD EPYC 7302P", 32, 64, 1024),
            usage=usage(64, chance.uniform(8, 60), 1024),
            labels={"site": f"site-{index % 20}"},
            last_seen_at=timezone.now(),
        )
        for index in range(1, number + 1)
    ]
    return Host.objects.bulk_create(rows, batch_size=BATCH)


def _deployments(
    number: int, artifacts: Sequence[Artifact], engine: str, chance: random.Random
) -> list[Deployment]:
    rows = Deployment.objects.bulk_create(
        [
            Deployment(
                name=f"service-{index:05d}",
                replicas_wished=REPLICAS_EACH,
                state=chance.choice(_STATES),
            )
            for index in range(1, number + 1)
        ],
        batch_size=BATCH,
    )
    revisions = Revision.objects.bulk_create(
        [
            Revision(
                deployment=row,
                number=1,
                engine=engine,
                artifact=chance.choice(artifacts),
                parameters={"context_length": 4096},
            )
            for row in rows
        ],
        batch_size=BATCH,
    )
    for row, revision in zip(rows, revisions, strict=True):
        row.revision = revision
        if row.state == DeploymentState.FAILED:
            row.failure_code = "NOT_ENOUGH_MEMORY"
            row.failure_params = {"needed_bytes": 9 << 30}
    Deployment.objects.bulk_update(
        rows, ["revision", "failure_code", "failure_params"], batch_size=500
    )
    return rows


def _replicas(
    number: int, deployments: Sequence[Deployment], hosts: Sequence[Host], chance: random.Random
) -> list[Replica]:
    rows = []
    for place in range(number):
        deployment = deployments[place % len(deployments)]
        index = place // len(deployments)
        is_bad = deployment.state == DeploymentState.FAILED
        rows.append(
            Replica(
                deployment=deployment,
                revision=deployment.revision,
                index=index,
                host=hosts[place % len(hosts)],
                workload=workload_name(deployment.name, index, 1),
                state=ReplicaState.FAILED if is_bad else ReplicaState.READY,
                spec_hash=demo_digest(deployment.name),
                predicted_bytes=600 * MIB,
                memory_bytes=chance.randint(450, 590) * MIB,
                started_at=timezone.now(),
                ready_at=timezone.now(),
            )
        )
    return Replica.objects.bulk_create(rows, batch_size=BATCH)


def _measurements(
    hosts: Sequence[Host], replicas: Sequence[Replica], chance: random.Random
) -> None:
    now = timezone.now()
    HostSample.objects.bulk_create(
        [
            HostSample(
                host=host,
                at=now - timedelta(seconds=5 * n),
                cpu_percent=chance.uniform(1, 90),
                memory_used_bytes=host.usage["memory_used_bytes"],
                disk_used_bytes=host.usage["disk_used_bytes"],
            )
            for host in hosts
            for n in range(12)
        ],
        batch_size=BATCH,
    )
    ReplicaSample.objects.bulk_create(
        [
            ReplicaSample(
                replica=replica,
                at=now - timedelta(seconds=5 * n),
                tokens_per_s=chance.uniform(0, 40),
                memory_bytes=replica.memory_bytes,
            )
            for replica in replicas
            for n in range(12)
        ],
        batch_size=BATCH,
    )
    Event.objects.bulk_create(
        [
            Event(
                code="replica.ready",
                level="good",
                params={"replica": r.index, "host": r.host.name, "seconds": 1.9},
                subject_kind="replica",
                subject_id=r.public_id,
                deployment_id=r.deployment.public_id,
                host_id=r.host.public_id,
            )
            for r in replicas
        ],
        batch_size=BATCH,
    )
    Usage.objects.bulk_create(
        [
            Usage(
                at=now - timedelta(seconds=chance.uniform(0, 900)),
                deployment_id=chance.choice(replicas).deployment_id,
                route="chat",
                status="ok",
                completion_tokens=120,
                first_token_ms=chance.uniform(40, 300),
                duration_ms=2000,
            )
            for _ in range(min(20_000, 2 * len(replicas)))
        ],
        batch_size=BATCH,
    )
