"""What every runtime SHALL do. A new one joins with one more parameter of `runtime`."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from models_app.domain.failures import FailureCode, FailureError
from tests.workloads import (
    CONTENT,
    engine_pids,
    eventually,
    fake_spec,
    open_process_runtime,
    store_file,
    wait_ended,
    wait_ready,
)
from workers.runtimes.process.runtime import ProcessRuntime

NAME = "slipway-one-0-r1"


@pytest.fixture(params=["process"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProcessRuntime]:
    made = {"process": open_process_runtime}[request.param](tmp_path)
    yield made
    assert made.stop_all(seconds=10) == []
    assert engine_pids(tmp_path) == []


def test_facts_are_real(runtime: ProcessRuntime) -> None:
    facts, usage = runtime.facts(), runtime.usage()
    assert facts.hostname
    assert facts.cpu_model
    assert known(facts.cpu_cores) >= 1
    assert known(facts.memory_total_bytes) > 100 << 20
    assert 0 < known(usage.memory_available_bytes) <= known(facts.memory_total_bytes)
    assert 0 < known(usage.disk_free_bytes) <= known(facts.disk_total_bytes)
    assert 0 <= known(usage.cpu_percent) <= 100


def known(figure: float | None) -> float:
    assert figure is not None
    return figure


def test_nothing_is_there_before_it_is_created(runtime: ProcessRuntime) -> None:
    assert runtime.observe(NAME) is None
    assert list(runtime.list_owned()) == []
    assert runtime.tail(NAME) == []
    assert runtime.logs(NAME, after=-1) == []
    assert runtime.stats(NAME) is None
    assert runtime.remove(NAME, force=False)
    assert runtime.remove(NAME, force=True)
    assert list(runtime.list_owned()) == []


def test_a_workload_runs_serves_and_ends(runtime: ProcessRuntime, tmp_path: Path) -> None:
    spec = fake_spec(tmp_path, NAME)
    runtime.create(spec)
    found = wait_ready(runtime, NAME)
    assert found.running
    assert found.spec_hash == spec.fingerprint()
    assert found.labels == spec.labels
    assert found.started_at is not None
    assert found.exit_code is None
    assert [one.name for one in runtime.list_owned()] == [NAME]
    assert httpx.get(f"http://{found.address}/v1/models").json()["data"][0]["id"] == "one"
    eventually(lambda: runtime.remove(NAME, force=False))
    assert runtime.observe(NAME) is None
    assert engine_pids(tmp_path) == []


def test_creating_again_adopts(runtime: ProcessRuntime, tmp_path: Path) -> None:
    spec = fake_spec(tmp_path, NAME)
    runtime.create(spec)
    first = wait_ready(runtime, NAME)
    runtime.create(spec)
    again = runtime.observe(NAME)
    assert again == first
    assert len(engine_pids(tmp_path)) == 1


def test_another_wish_under_the_same_name_is_refused(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    runtime.create(fake_spec(tmp_path, NAME))
    first = wait_ready(runtime, NAME)
    with pytest.raises(FailureError) as refused:
        runtime.create(fake_spec(tmp_path, NAME, tokens_per_s=1))
    assert refused.value.failure.retry
    assert runtime.observe(NAME) == first


def test_many_who_create_at_once_start_one(runtime: ProcessRuntime, tmp_path: Path) -> None:
    spec = fake_spec(tmp_path, NAME)
    gate, errors = threading.Barrier(12), []

    def create() -> None:
        gate.wait()
        try:
            runtime.create(spec)
        except Exception as error:  # noqa: BLE001 - told by the thread that asks
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    wait_ready(runtime, NAME)
    assert len(engine_pids(tmp_path)) == 1


def test_an_exited_workload_is_kept_and_told(runtime: ProcessRuntime, tmp_path: Path) -> None:
    runtime.create(fake_spec(tmp_path, NAME, fail_start="ENGINE_EXITED"))
    ended = wait_ended(runtime, NAME)
    assert ended.exit_code == 1
    assert not ended.out_of_memory
    assert ended.address is None
    assert any("ENGINE_EXITED" in line.text for line in runtime.tail(NAME))
    assert runtime.stats(NAME) is None
    assert [one.running for one in runtime.list_owned()] == [False]
    assert runtime.remove(NAME, force=False)
    assert runtime.observe(NAME) is None


def test_an_exited_workload_can_start_again(runtime: ProcessRuntime, tmp_path: Path) -> None:
    runtime.create(fake_spec(tmp_path, NAME, fail_start="PORT_IN_USE"))
    wait_ended(runtime, NAME)
    runtime.create(fake_spec(tmp_path, NAME))
    assert wait_ready(runtime, NAME).running
    assert any("PORT_IN_USE" in line.text for line in runtime.tail(NAME, previous=True))
    assert not any("PORT_IN_USE" in line.text for line in runtime.tail(NAME))


def test_logs_resume_where_they_were_left(runtime: ProcessRuntime, tmp_path: Path) -> None:
    runtime.create(fake_spec(tmp_path, NAME))
    wait_ready(runtime, NAME)
    lines = eventually(lambda: found if len(found := runtime.logs(NAME, after=-1)) > 10 else None)
    assert lines is not None
    offsets = [line.offset for line in lines]
    assert offsets == sorted(set(offsets))
    for index, line in enumerate(lines):
        assert runtime.logs(NAME, after=line.offset)[: len(lines)] == lines[index + 1 :]
    assert runtime.logs(NAME, after=-1, limit=2) == lines[:2]
    assert runtime.tail(NAME, lines=3)[-1].text


def test_stats_show_memory_and_growing_activity(runtime: ProcessRuntime, tmp_path: Path) -> None:
    runtime.create(fake_spec(tmp_path, NAME, memory_mb=64))
    address = wait_ready(runtime, NAME).address
    first = runtime.stats(NAME)
    assert first is not None
    assert 64 << 20 < first.memory_bytes < 256 << 20

    def works() -> bool:
        body = {"prompt": "hello", "fake": {"tokens_per_s": 0}}
        httpx.post(f"http://{address}/v1/completions", json=body)
        later = runtime.stats(NAME)
        return (
            later is not None and later.activity > first.activity and known(later.cpu_percent) > 0
        )

    eventually(works)


def test_artifacts_are_verified_in_slices(runtime: ProcessRuntime, tmp_path: Path) -> None:
    artifact = store_file(tmp_path / "models", bytes(range(256)) * (40 << 10))
    seen = [runtime.ensure_artifact(artifact, seconds=0)]
    while not seen[-1].finished:
        seen.append(runtime.ensure_artifact(artifact, seconds=0))
        assert seen[-1].done_bytes > seen[-2].done_bytes
    assert len(seen) > 1
    assert seen[-1].sha256 == artifact.sha256
    assert seen[-1].path is not None
    assert runtime.ensure_artifact(artifact, seconds=0).finished
    runtime.remove_artifact(artifact)
    runtime.remove_artifact(artifact)
    assert not runtime.ensure_artifact(artifact, seconds=0).finished


def test_a_damaged_or_absent_artifact_is_refused(runtime: ProcessRuntime, tmp_path: Path) -> None:
    artifact = store_file(tmp_path / "models")
    path = Path(runtime.ensure_artifact(artifact, seconds=10).path or "")
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(FailureError) as damaged:
        runtime.ensure_artifact(artifact, seconds=10)
    assert damaged.value.failure.code == FailureCode.CHECKSUM
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(FailureError) as short:
        runtime.ensure_artifact(artifact, seconds=10)
    assert short.value.failure.code == FailureCode.CHECKSUM
    path.unlink()
    with pytest.raises(FailureError) as absent:
        runtime.ensure_artifact(artifact, seconds=10)
    assert absent.value.failure.code == FailureCode.ARTIFACT_MISSING
    with pytest.raises(FailureError) as refused:
        runtime.create(
            replace(fake_spec(tmp_path, NAME), artifact=replace(artifact, sha256="0" * 64))
        )
    assert refused.value.failure.code == FailureCode.ARTIFACT_MISSING


def test_names_that_could_leave_the_folder_are_refused(runtime: ProcessRuntime) -> None:
    for name in ("../x", "a/b", "", ".", "A", "-a", "a" * 200, "a\n"):
        with pytest.raises(FailureError):
            runtime.observe(name)


def test_no_images_to_wait_for(runtime: ProcessRuntime) -> None:
    assert runtime.ensure_image(None).finished
