"""Every runtime on a real host of its kind, seen from outside: what the contract suite runs on."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from models_app.domain.specs import ArtifactRef, HostFacts, WorkloadSpec, owner_labels
from models_app.domain.store import ModelStore
from tests.docker_engine import DockerEngine
from tests.docker_images import BUSYBOX, FAKE
from tests.workloads import (
    HOST,
    INSTANCE,
    engine_pids,
    fake_spec,
    open_process_runtime,
)
from workers.runtimes.base import Runtime
from workers.runtimes.docker.runtime import DockerRuntime
from workers.runtimes.process.runtime import ProcessRuntime

DOCKER = replace(HOST, runtime="docker")


class Site(Protocol):
    """One host of one kind. Names of workloads are this test's own."""

    root: Path
    name: str

    @property
    def runtime(self) -> Runtime:
        """The runtime, entered."""
        ...

    def spec(self, /, **parameters: Any) -> WorkloadSpec:
        """Return what to run, with its artifact and image brought there."""
        ...

    def engines(self) -> int:
        """Return how many engines live, without asking the runtime."""
        ...

    def damage(self, artifact: ArtifactRef) -> None:
        """Change a byte of what the control plane keeps of an artifact."""
        ...


@dataclass
class ProcessSite:
    """This machine."""

    root: Path
    runtime: ProcessRuntime
    name: str = "slipway-one-0-r1"
    host: HostFacts = HOST

    def spec(self, /, **parameters: Any) -> WorkloadSpec:
        """Nothing to bring."""
        return fake_spec(self.root, self.name, **parameters)

    def engines(self) -> int:
        """Count in the process table."""
        return len(engine_pids(self.root))

    def damage(self, artifact: ArtifactRef) -> None:
        """Damage the only copy."""
        damage(self.root, artifact)


@dataclass
class DockerSite:
    """A Docker engine, reached in one of the three ways."""

    root: Path
    runtime: DockerRuntime
    engine: DockerEngine
    instance: str
    name: str
    host: HostFacts = DOCKER

    def spec(self, /, **parameters: Any) -> WorkloadSpec:
        """Bring the artifact there."""
        owner = owner_labels(instance=self.instance, deployment="deployment-1", replica="replica-1")
        spec = fake_spec(self.root, self.name, DOCKER, **parameters)
        spec = replace(spec, labels=tuple(sorted(owner.items())))
        assert self.runtime.ensure_artifact(spec.artifact, seconds=30).finished
        assert self.runtime.ensure_image(spec).finished
        return spec

    def engines(self) -> int:
        """Count with Docker's own command line."""
        wanted = ["--filter", f"name=^/{self.name}$", "--filter", "status=running"]
        return len(self.engine.docker("ps", "-q", *wanted).split())

    def damage(self, artifact: ArtifactRef) -> None:
        """Damage the store's copy."""
        damage(self.root, artifact)

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what Docker says of a container."""
        found: dict[str, Any] = json.loads(self.engine.docker("inspect", name))[0]
        return found

    def clean(self) -> None:
        """Remove everything that carries this installation's label."""
        mine = ["--filter", f"label=dev.slipway.instance={self.instance}"]
        docker = self.engine.docker
        for container in docker("ps", "-aq", *mine).split():
            docker("rm", "-f", container, check=False)
        for kind in ("volume", "network"):
            for one in docker(kind, "ls", "-q", *mine).split():
                docker(kind, "rm", one, check=False)


@contextmanager
def process_site(root: Path) -> Iterator[ProcessSite]:
    """A process runtime that leaves nothing running."""
    runtime = open_process_runtime(root)
    yield ProcessSite(root, runtime)
    assert runtime.stop_all(seconds=10) == []
    assert engine_pids(root) == []


@contextmanager
def docker_site(root: Path, engine: DockerEngine, door: str) -> Iterator[DockerSite]:
    """A Docker runtime with an installation of its own: nothing is left behind on the engine."""
    engine.load(BUSYBOX, FAKE)
    mark = uuid.uuid4().hex[:8]
    instance, name = f"{INSTANCE}-{mark}", f"slipway-{mark}-0-r1"
    connection, secret = reached_by(engine, door)
    runtime = DockerRuntime(
        connection=connection,
        secret=secret,
        workloads=root / "workloads",
        models=root / "models",
        instance=instance,
    )
    site = DockerSite(root, runtime, engine, instance, name)
    try:
        with runtime:
            yield site
    finally:
        site.clean()


def reached_by(engine: DockerEngine, door: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the connection and the secret of one way to an engine."""
    if door == "tls":
        assert engine.tls
        return {"transport": "tcp", "address": f"{engine.address}:2376"}, engine.tls.secret()
    if door == "ssh":
        assert engine.ssh
        address = f"{engine.address}:22"
        way = {"transport": "ssh", "address": address, "user": "root", "path": str(engine.socket)}
        return way, engine.ssh.secret()
    way = {"transport": "unix", "path": str(engine.socket), "publish_on": engine.address}
    return way, {}


def damage(root: Path, artifact: ArtifactRef) -> None:
    """Flip the last byte of the store's file."""
    path = ModelStore(root / "models").path_of(artifact.sha256, artifact.file_name)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
