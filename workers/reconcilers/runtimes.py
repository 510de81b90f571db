"""Opens the runtime of a host row: the one place where rows and settings meet the runtimes."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

from django.conf import settings

from models_app.domain.connections import Connection, parse_connection, reachable_at
from models_app.domain.failures import FailureCode, RuntimeUnreachableError
from models_app.domain.specs import ArtifactFacts, ArtifactRef, GpuFacts, HostFacts
from models_app.models import Artifact, Host
from models_app.services.demo.hosts import RUNTIME as DEMO_RUNTIME
from models_app.services.sealing import unseal
from workers.reconcilers.bulkhead import BULKHEAD
from workers.registry import open_runtime
from workers.runtimes.base import Greets, Runtime

HERE = ("process", DEMO_RUNTIME)  # this machine, and those that it plays
KNOCK_S = 2.0
GREET_S = 4.0  # for one word from a machine that took the connection


@contextmanager
def runtime_of(host: Host, *, probing: bool = False) -> Iterator[Runtime]:
    """Open the runtime that drives a host, within the slots that the host may take.

    `probing` finds out whether the host is there. Raises HostBusyError, RuntimeUnreachableError,
    FailureError SECRET_UNREADABLE, RUNTIME_UNSUPPORTED.
    """
    reached = held_runtime_of(host)
    if host.runtime in HERE:
        with reached as runtime:
            yield runtime
        return
    with BULKHEAD.call(host, probing=probing) as is_doubtful:
        if is_doubtful:
            knock(parse_connection(host.runtime, host.connection))
            if isinstance(reached, Greets):
                reached.greet(GREET_S)
        with reached as runtime:
            yield runtime


@contextmanager
def runtime_to_copy(host: Host) -> Iterator[Runtime]:
    """Open the runtime for seconds of copying, which keep nobody else away from the host.

    Raises as `runtime_of` does.
    """
    reached = held_runtime_of(host)
    lane = nullcontext() if host.runtime in HERE else BULKHEAD.copy(host)
    with lane, reached as runtime:
        yield runtime


def held_runtime_of(host: Host) -> Runtime:
    """Return the runtime, to be entered, for a request that a thread of its own holds for minutes.

    It takes none of the host's slots: no worker waits for it, and it must keep nobody away. Raises
    FailureError SECRET_UNREADABLE, RUNTIME_UNSUPPORTED.
    """
    return open_reached(
        host.runtime,
        connection=host.connection,
        secret=unseal(host, "secret"),
        identity=host.identity,
    )


def knock(connection: Connection) -> None:
    """Find out in little time whether anything is there. Raises RuntimeUnreachableError."""
    target = connection.target
    last: OSError | None = None
    for address in reachable_at(connection):
        try:
            socket.create_connection((address, target.port if target else 0), KNOCK_S).close()
        except OSError as error:
            last = error
        else:
            return
    if last is not None:
        is_refused = isinstance(last, ConnectionRefusedError)
        code = FailureCode.CONNECTION_REFUSED if is_refused else FailureCode.CONNECTION_TIMEOUT
        raise RuntimeUnreachableError(str(last), code, address=str(target))


def open_reached(
    runtime: str,
    *,
    connection: Mapping[str, Any],
    secret: Mapping[str, str],
    identity: Mapping[str, str],
) -> Runtime:
    """Return a runtime by how it is reached, for a host that may have no row yet."""
    return open_runtime(
        runtime,
        connection=connection,
        secret=secret,
        identity=identity,
        workloads=settings.PATHS.workloads,
        models=settings.PATHS.models,
        instance=settings.INSTANCE_ID,
    )


def host_facts(host: Host) -> HostFacts:
    """Return the facts of a host row as the engines read them."""
    stored: dict[str, Any] = dict(host.facts)
    gpus = stored.get("gpus", ())
    stored["gpus"] = None if gpus is None else tuple(GpuFacts(**gpu) for gpu in gpus)
    stored["cpu_flags"] = tuple(stored.get("cpu_flags", ()))
    stored["warnings"] = tuple(stored.get("warnings", ()))
    return HostFacts(**stored)


def artifact_ref(artifact: Artifact) -> ArtifactRef:
    """Return an artifact row as the runtimes and engines name it."""
    return ArtifactRef(
        public_id=str(artifact.public_id),
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        format=artifact.format,
        file_name=artifact.file_name,
    )


def artifact_facts(artifact: Artifact) -> ArtifactFacts:
    """Return what an artifact says of itself; keys this version does not know are left out."""
    known = asdict(ArtifactFacts())
    return ArtifactFacts(**{k: v for k, v in artifact.facts.items() if k in known})
