"""A large fleet for measuring pages and sweeps: plain rows, written in bulk."""

import random
from collections.abc import Sequence

from django.utils import timezone

from models_app.domain.names import workload_name
from models_app.domain.states import DeploymentState, HostState, ReplicaState
from models_app.models import (
    Artifact,
    Deployment,
    Host,
    Replica,
    Revision,
)
from models_app.services.demo.hosts import RUNTIME, facts, usage
from models_app.services.demo.large_measurements import measurements_add
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
    measurements_add(host_rows, replica_rows, chance)
    return {
        "hosts": len(host_rows),
        "deployments": len(deployments),
        "replicas": len(replica_rows),
    }


def _hosts(number: int, chance: random.Random) -> list[Host]:
    rows = [_host(index, chance) for index in range(1, number + 1)]
    return Host.objects.bulk_create(rows, batch_size=BATCH)


def _host(index: int, chance: random.Random) -> Host:
    is_silent = index % 97 == 0
    told = facts(f"host-{index:05d}", "AMD EPYC 7302P", 32, 64, 1024)
    full = usage(64, chance.uniform(8, 60), 1024)
    return Host(
        name=f"host-{index:05d}",
        runtime=RUNTIME,
        connection={"facts": told, "usage": full, "silent": is_silent},
        state=HostState.UNREACHABLE if is_silent else HostState.READY,
        facts=told,
        usage=full,
        labels={"site": f"site-{index % 20}"},
        last_seen_at=timezone.now(),
    )


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
