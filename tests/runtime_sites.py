"""Every runtime on a real host of its kind, seen from outside: what the contract suite runs on."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import httpx

from models_app.domain.specs import (
    ArtifactFacts,
    ArtifactRef,
    HostFacts,
    Observed,
    ServeRequest,
    WorkloadSpec,
    owner_labels,
)
from models_app.domain.store import ModelStore
from tests.docker_engine import DockerEngine
from tests.docker_images import BUSYBOX, FAKE
from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_artifact
from tests.workloads import (
    HOST,
    INSTANCE,
    engine_pids,
    eventually,
    fake_spec,
    open_ollama_runtime,
    open_process_runtime,
    store_file,
)
from workers.engines.ollama.engine import OllamaEngine
from workers.runtimes.base import Runtime
from workers.runtimes.docker.runtime import DockerRuntime
from workers.runtimes.ollama.runtime import OllamaRuntime
from workers.runtimes.process.runtime import ProcessRuntime

DOCKER = replace(HOST, runtime="docker")
OLLAMA = replace(HOST, runtime="ollama")
ANYTHING = bytes(range(256)) * (40 << 10)


class Site(Protocol):
    """One host of one kind. Names of workloads are this test's own."""

    root: Path
    name: str
    instance: str
    health_path: str

    @property
    def runtime(self) -> Runtime:
        """The runtime, entered."""
        ...

    def spec(self, /, **parameters: Any) -> WorkloadSpec:
        """Return what to run, with its artifact and image brought there."""
        ...

    def other_spec(self) -> WorkloadSpec:
        """Return another wish under the same name."""
        ...

    def stored(self) -> ArtifactRef:
        """Put an artifact into the model store that this kind of host takes; it is not there."""
        ...

    def serves(self, found: Observed) -> bool:
        """Return whether the workload answers to its name."""
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
    instance: str = INSTANCE
    host: HostFacts = HOST
    health_path: str = "/health"

    def spec(self, /, **parameters: Any) -> WorkloadSpec:
        """Nothing to bring."""
        return fake_spec(self.root, self.name, **parameters)

    def other_spec(self) -> WorkloadSpec:
        """A slower one."""
        return self.spec(tokens_per_s=1)

    def stored(self) -> ArtifactRef:
        """Ten megabytes of anything."""
        return store_file(self.root / "models", ANYTHING)

    def serves(self, found: Observed) -> bool:
        """Ask for its name."""
        return names_at(found) == ["one"]

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
    health_path: str = "/health"

    def spec(self, /, **parameters: Any) -> WorkloadSpec:
        """Bring the artifact there."""
        owner = owner_labels(instance=self.instance, deployment="deployment-1", replica="replica-1")
        spec = fake_spec(self.root, self.name, DOCKER, **parameters)
        spec = replace(spec, labels=tuple(sorted(owner.items())))
        assert self.runtime.ensure_artifact(spec.artifact, seconds=30).finished
        assert self.runtime.ensure_image(spec).finished
        return spec

    def other_spec(self) -> WorkloadSpec:
        """A slower one."""
        return self.spec(tokens_per_s=1)

    def stored(self) -> ArtifactRef:
        """Ten megabytes of anything."""
        return store_file(self.root / "models", ANYTHING)

    def serves(self, found: Observed) -> bool:
        """Ask for its name."""
        return names_at(found) == ["one"]

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


@dataclass
class OllamaSite:
    """A real Ollama server that others may use too."""

    root: Path
    runtime: OllamaRuntime
    house: OllamaHouse
    name: str = "slipway-one-0-r1"
    instance: str = INSTANCE
    host: HostFacts = OLLAMA
    health_path: str = "/api/version"

    def spec(self, /, **parameters: Any) -> WorkloadSpec:
        """Bring the real model there."""
        artifact = self.stored()
        eventually(lambda: self.runtime.ensure_artifact(artifact, seconds=5).finished, seconds=60)
        request = ServeRequest(
            workload=self.name,
            alias="one",
            artifact=artifact,
            facts=ArtifactFacts(context_length=2048, architecture="llama"),
            parameters={"context_length": 256, "threads": 1, **parameters},
            memory_bytes=256 << 20,
            owner=owner_labels(instance=INSTANCE, deployment="d", replica="r"),
        )
        return OllamaEngine().plan(request, OLLAMA)

    def other_spec(self) -> WorkloadSpec:
        """One with another context."""
        return self.spec(context_length=512)

    def stored(self) -> ArtifactRef:
        """A copy of the real model, which may be damaged: this server takes nothing else."""
        artifact = smollm2_artifact(self.root / "models")
        path = ModelStore(self.root / "models").path_of(artifact.sha256, artifact.file_name)
        if path.is_symlink():
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)
        return artifact

    def serves(self, found: Observed) -> bool:
        """Ask for its name, and for one token: that loads it."""
        body = {"model": found.served_as, "prompt": "1 2 3", "max_tokens": 1}
        url = f"http://{found.address}/v1/completions"
        return httpx.post(url, json=body, timeout=60).is_success and found.served_as in names_at(
            found
        )

    def engines(self) -> int:
        """Count models of ours, as the server lists them."""
        return sum(f"/{self.name}:" in name for name in self.house.names())

    def damage(self, artifact: ArtifactRef) -> None:
        """Damage the store's copy."""
        damage(self.root, artifact)


@contextmanager
def ollama_site(root: Path) -> Iterator[OllamaSite]:
    """An Ollama runtime on a server of its own."""
    with OllamaHouse(root / "ollama") as house, open_ollama_runtime(house, root) as runtime:
        yield OllamaSite(root, runtime, house)


def names_at(found: Observed) -> list[str]:
    """Return the names of the models that a workload says it serves."""
    listed = httpx.get(f"http://{found.address}/v1/models", timeout=10).json()["data"]
    return [one["id"] for one in listed]


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
