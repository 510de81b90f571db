"""The fleet that `benchmarks.fleet` measures: rows of the ledger, and what the stand-in serves."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.docker_stand_in import identity_of

REPLICAS_A_HOST = 10
SILENT_S = 240.0  # in which each replica of a silent host is looked at
READY = {"next_action_at": None}
SILENT = {"state": "unreachable", "misses": 3}  # for a while


@contextmanager
def fleet(hosts: int, folder: Path, *, silent: int = 0) -> Iterator[None]:
    """Write hosts and ready replicas into the ledger, and serve them."""
    from models_app.models import Deployment, Host, Replica
    from tests import factories

    ports = free_ports(hosts + 1)
    told = write_rows(hosts, ports, silent=silent)
    plan = folder / "fleet.json"
    plan.write_text(json.dumps({"engine_port": ports[-1], "hosts": told}))
    command = [sys.executable, "-m", "benchmarks.docker_stand_in", str(plan)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            server.terminate()
    for row in Deployment.objects.all():
        factories.drop_deployment(row)
    Replica.objects.all().delete()
    Host.objects.all().delete()


def write_rows(hosts: int, ports: list[int], *, silent: int) -> list[dict[str, Any]]:
    """Write the ledger's side of the fleet; return what the stand-in must serve."""
    from django.utils import timezone

    from models_app.domain.names import workload_name
    from models_app.models import Host, Placement
    from models_app.services.engines import engines_publish
    from tests import factories
    from workers.registry import engines

    engines_publish(engine.manifest for engine in engines().values())
    artifact = factories.make_artifact()
    told: list[dict[str, Any]] = []
    now = timezone.now()
    for number in range(hosts):
        host = factories.make_host(
            f"host-{number:03}",
            runtime="docker",
            connection={"transport": "tcp", "address": f"127.0.0.1:{ports[number]}", "plain": True},
            facts=factories.host_facts(runtime="docker"),
            observed_generation=1,
            next_action_at=now,
            **(SILENT if number < silent else {}),
        )
        Placement.objects.create(artifact=artifact, host=host, state="ready")
        told.append({"port": ports[number], "silent": number < silent, "containers": [helper()]})
    every = list(Host.objects.order_by("pk"))
    for number in range(REPLICAS_A_HOST * hosts // 20):
        deployment = factories.make_deployment(
            f"d{number}", artifact=artifact, replicas_wished=20, next_action_at=None
        )
        for index in range(20):
            place = (number * 20 + index) % hosts
            name = workload_name(deployment.name, index, 1)
            replica = factories.make_replica(
                deployment,
                every[place],
                index=index,
                workload=name,
                address=f"127.0.0.1:{ports[-1]}",
                external_id=identity_of(ports[place], len(told[place]["containers"])),
                **(unknown(number * 20 + index, hosts) if place < silent else READY),
            )
            told[place]["containers"].append(workload(replica))
    return told


def unknown(number: int, hosts: int) -> dict[str, Any]:
    """Return the fields of a replica whose host fell silent a while ago."""
    from django.utils import timezone

    wait = timedelta(seconds=SILENT_S * number / (hosts * REPLICAS_A_HOST))
    return {"state": "unknown", "next_action_at": timezone.now() + wait}


def helper() -> dict[str, Any]:
    """Return the helper's container."""
    from django.conf import settings

    from workers.runtimes.docker.helper import IMAGE
    from workers.runtimes.docker.naming import helper_name, role_labels

    instance = settings.INSTANCE_ID
    return {
        "name": helper_name(instance),
        "labels": role_labels(instance, "helper"),
        "image": IMAGE,
    }


def workload(replica: Any) -> dict[str, Any]:
    """Return the container of a replica; its fingerprint becomes the row's."""
    from django.conf import settings

    from workers.runtimes.docker.naming import INSTANCE, SPEC_HASH, WORKLOAD

    labels = {
        INSTANCE: settings.INSTANCE_ID,
        WORKLOAD: replica.workload,
        SPEC_HASH: replica.spec_hash,
    }
    return {"name": replica.workload, "labels": labels}


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in listeners]
    for one in listeners:
        one.close()
    return ports
