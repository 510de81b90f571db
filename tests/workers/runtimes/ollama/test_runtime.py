"""The Ollama runtime against a real server."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from models_app.domain.failures import FailureCode, FailureError, RuntimeUnreachableError
from models_app.domain.ollama_names import keeper_model
from models_app.domain.specs import ArtifactFacts, ArtifactRef, ServeRequest, owner_labels
from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_artifact
from tests.workloads import HOST, INSTANCE, eventually, open_ollama_runtime
from workers.engines.ollama.engine import OllamaEngine
from workers.runtimes.ollama.runtime import OllamaRuntime

pytestmark = pytest.mark.slow
NAME = "slipway-one-0-r1"
SHARED = replace(HOST, runtime="ollama")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[OllamaHouse]:
    with OllamaHouse(tmp_path / "ollama") as made:
        yield made


@pytest.fixture
def artifact(tmp_path: Path) -> ArtifactRef:
    return smollm2_artifact(tmp_path / "models")


@pytest.fixture
def runtime(house: OllamaHouse, tmp_path: Path) -> Iterator[OllamaRuntime]:
    with open_ollama_runtime(house, tmp_path) as made:
        yield made


def request(artifact: ArtifactRef, **parameters: object) -> ServeRequest:
    return ServeRequest(
        workload=NAME,
        alias="one",
        artifact=artifact,
        facts=ArtifactFacts(context_length=8192),
        parameters={"context_length": 512, **parameters},
        memory_bytes=1 << 28,
        owner=owner_labels(instance=INSTANCE, deployment="d", replica="r"),
    )


def place(runtime: OllamaRuntime, artifact: ArtifactRef) -> None:
    eventually(lambda: runtime.ensure_artifact(artifact, seconds=1).finished, seconds=60)


def test_facts_tell_only_what_the_server_tells(runtime: OllamaRuntime) -> None:
    facts, usage = runtime.facts(), runtime.usage()
    assert facts.runtime_version.startswith("0.")
    assert facts.memory_total_bytes is facts.cpu_cores is facts.disk_total_bytes is None
    assert usage.memory_used_bytes == 0  # nothing is loaded: that is known
    assert usage.cpu_percent is usage.memory_available_bytes is None


def test_an_artifact_is_uploaded_once_and_survives_a_restart(
    runtime: OllamaRuntime, house: OllamaHouse, artifact: ArtifactRef
) -> None:
    first = runtime.ensure_artifact(artifact, seconds=0)
    assert not first.finished
    assert first.total_bytes == artifact.size_bytes
    place(runtime, artifact)
    assert house.names() == [keeper_model(INSTANCE, artifact.sha256)]
    house.kill()
    house.start()  # it prunes what no model is made of
    assert runtime.ensure_artifact(artifact, seconds=0).finished
    runtime.remove_artifact(artifact)
    runtime.remove_artifact(artifact)
    assert house.names() == []
    assert not (house.blobs / f"sha256-{artifact.sha256}").exists()


def test_a_damaged_or_absent_file_is_refused(
    runtime: OllamaRuntime, tmp_path: Path, artifact: ArtifactRef
) -> None:
    wrong = replace(artifact, sha256="ab" * 32)
    folder = tmp_path / "models" / "ab" / ("ab" * 32)
    folder.mkdir(parents=True)
    (folder / artifact.file_name).symlink_to(
        (tmp_path / "models" / artifact.sha256[:2] / artifact.sha256 / artifact.file_name).resolve()
    )
    with pytest.raises(FailureError) as damaged:
        place(runtime, wrong)
    assert damaged.value.failure.code == FailureCode.CHECKSUM
    (folder / artifact.file_name).unlink()
    with pytest.raises(FailureError) as absent:
        place(runtime, wrong)
    assert absent.value.failure.code == FailureCode.ARTIFACT_MISSING
    with pytest.raises(FailureError) as unplaced:
        runtime.create(OllamaEngine().plan(request(wrong), SHARED))
    assert unplaced.value.failure.code == FailureCode.ARTIFACT_MISSING


def test_a_workload_is_made_adopted_refused_and_removed(
    runtime: OllamaRuntime, house: OllamaHouse, artifact: ArtifactRef
) -> None:
    place(runtime, artifact)
    spec = OllamaEngine().plan(request(artifact), SHARED)
    assert runtime.observe(NAME) is None
    threads = [threading.Thread(target=runtime.create, args=[spec]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = runtime.observe(NAME)
    assert found is not None
    assert found.spec_hash == spec.fingerprint()
    assert found.running
    assert [one.name for one in runtime.list_owned()] == [NAME]
    with pytest.raises(FailureError):
        runtime.create(OllamaEngine().plan(request(artifact, seed=1), SHARED))
    assert runtime.observe(NAME) == found
    assert runtime.stats(NAME) is None
    runtime.server.load(found.served_as, keep_alive_s=-1)
    stats = runtime.stats(NAME)
    assert stats is not None
    assert stats.memory_bytes > 50 << 20
    assert stats.cpu_percent is None
    assert runtime.usage().memory_used_bytes == stats.memory_bytes
    assert runtime.tail(NAME) == runtime.logs(NAME, after=-1) == []
    answer = httpx.post(
        f"http://{found.address}/v1/completions",
        json={"model": found.served_as, "prompt": "1 2 3", "max_tokens": 1},
        timeout=60,
    )
    assert answer.json()["usage"]["completion_tokens"] == 1
    assert runtime.remove(NAME, force=False)
    assert runtime.remove(NAME, force=True)
    assert house.names() == [keeper_model(INSTANCE, artifact.sha256)]
    eventually(lambda: house.loaded() == [])


def test_a_silent_server_is_unreachable_and_a_stranger_refused(
    runtime: OllamaRuntime, house: OllamaHouse
) -> None:
    house.kill()
    with pytest.raises(RuntimeUnreachableError):
        runtime.usage()
    with pytest.raises(RuntimeUnreachableError):
        runtime.observe(NAME)
