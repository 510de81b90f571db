"""Real workloads for tests: the fake engine below a process runtime, and eyes on the processes."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

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
from tests.ollama_server import OllamaHouse
from workers.engines.fake.engine import FakeEngine
from workers.runtimes.base import Runtime
from workers.runtimes.ollama.runtime import OllamaRuntime
from workers.runtimes.process.folder import WorkloadFolder
from workers.runtimes.process.runtime import ProcessRuntime

INSTANCE = "test-instance"
HUNG_S = 20.0  # only a hang takes this long
CONTENT = b"GGUF" + bytes(4096)
T = TypeVar("T")

HOST = HostFacts(
    hostname="here",
    operating_system="Linux",
    architecture="x86_64",
    cpu_model="a CPU",
    cpu_cores=2,
    cpu_flags=("avx2",),
    memory_total_bytes=8 << 30,
    disk_total_bytes=100 << 30,
    runtime="process",
    runtime_version="Linux 6",
)


def store_file(root: Path, content: bytes = CONTENT, name: str = "model.gguf") -> ArtifactRef:
    """Put a file into the model store."""
    digest = hashlib.sha256(content).hexdigest()
    path = ModelStore(root).path_of(digest, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return ArtifactRef("artifact-1", digest, len(content), "gguf", name)


def open_process_runtime(root: Path, instance: str = INSTANCE) -> ProcessRuntime:
    """Return an entered runtime whose folders lie below `root`."""
    runtime = ProcessRuntime(
        workloads=root / "workloads", models=root / "models", instance=instance
    )
    return runtime.__enter__()


def open_ollama_runtime(house: OllamaHouse, root: Path, instance: str = INSTANCE) -> OllamaRuntime:
    """Return a runtime, to be entered, of a server of the test's own."""
    return OllamaRuntime(
        connection=house.connection,
        workloads=root / "workloads",
        models=root / "models",
        instance=instance,
    )


def fake_request(root: Path, name: str = "slipway-one-0-r1", /, **parameters: Any) -> ServeRequest:
    """Return the wish for a fake replica."""
    return ServeRequest(
        workload=name,
        alias="one",
        artifact=store_file(root / "models"),
        facts=ArtifactFacts(),
        parameters=parameters,
        memory_bytes=1 << 20,
        owner=owner_labels(instance=INSTANCE, deployment="deployment-1", replica="replica-1"),
    )


def fake_spec(
    root: Path, name: str = "slipway-one-0-r1", /, host: HostFacts = HOST, **parameters: Any
) -> WorkloadSpec:
    """Return what to run for a fake replica."""
    return FakeEngine().plan(fake_request(root, name, **parameters), host)


def eventually(look: Callable[[], T], *, seconds: float = HUNG_S) -> T:
    """Return the first true answer of `look`; fail when none comes."""
    until = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < until, f"never came true: {found!r}"
        time.sleep(0.02)


def wait_running(runtime: Runtime, name: str) -> Observed:
    """Return the workload once it listens."""

    def look() -> Observed | None:
        found = runtime.observe(name)
        return found if found and found.address else None

    found = eventually(look)
    assert found is not None
    return found


def wait_ready(runtime: Runtime, name: str, health_path: str = "/health") -> Observed:
    """Return the workload once its health page is fine."""
    found = wait_running(runtime, name)

    def healthy() -> bool:
        try:
            return httpx.get(f"http://{found.address}{health_path}", timeout=5).is_success
        except httpx.TransportError:
            return False

    eventually(healthy)
    return found


def wait_ended(runtime: Runtime, name: str) -> Observed:
    """Return the workload once it has ended by itself and its leader has noted how."""

    def look() -> Observed | None:
        found = runtime.observe(name)
        return found if found and not found.running else None

    found = eventually(look)
    assert found is not None
    return found


def end(runtime: Runtime, name: str) -> None:
    """End a workload by force and wait until nothing is left."""
    eventually(lambda: runtime.remove(name, force=True))


def engine_pids(root: Path) -> list[int]:
    """Return the live engines of this test, told by their folder, without asking the runtime.

    An independent eye: it reads the process table, and counts engines and not their leaders.
    """
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get("SLIPWAY_FOLDER", "").startswith(str(root))
            if mine and process.cmdline()[0] != "/bin/sh":
                found.append(process.pid)
        except (psutil.Error, IndexError):
            continue
    return found


def workload_folder(root: Path, name: str = "slipway-one-0-r1") -> WorkloadFolder:
    """Return the folder of a workload."""
    return WorkloadFolder((root / "workloads").resolve(), name)


def leader_pid(root: Path, name: str = "slipway-one-0-r1") -> int:
    """Return the pid that the workload's record names."""
    record = workload_folder(root, name).read_record()
    assert record is not None
    assert record.pid is not None
    return record.pid
