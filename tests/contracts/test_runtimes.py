"""What every runtime SHALL do. A new one joins with one more parameter of `site`."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from models_app.domain.failures import FailureCode, FailureError, RuntimeUnreachableError
from models_app.domain.store import ModelStore
from tests.docker_engine import DockerEngine
from tests.requirements import need
from tests.runtime_sites import OllamaSite, Site, docker_site, ollama_site, process_site
from tests.workloads import CONTENT, eventually, store_file, wait_ended, wait_ready
from workers.runtimes.base import Ability

LONGEST_S = 60.0  # of bringing one artifact there

SITES = [
    "process",
    *(pytest.param(door, marks=pytest.mark.slow) for door in ("unix", "tls", "ssh", "ollama")),
]


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "process":
        with process_site(tmp_path) as here:
            yield here
        return
    if request.param == "ollama":
        with ollama_site(tmp_path) as server:
            yield server
        return
    need("docker")
    fixture = "docker_engine" if request.param == "unix" else "docker_machine"
    engine: DockerEngine = request.getfixturevalue(fixture)
    with docker_site(tmp_path, engine, request.param) as there:
        yield there


def test_facts_are_real(site: Site) -> None:
    facts, usage = site.runtime.facts(), site.runtime.usage()
    assert facts.hostname
    assert facts.runtime == site.host.runtime
    assert facts.runtime_version
    if not can(site, Ability.MACHINE):  # what is not known is not called zero
        assert (facts.cpu_cores, facts.memory_total_bytes, facts.disk_total_bytes) == (None,) * 3
        assert (usage.cpu_percent, usage.memory_available_bytes) == (None, None)
        assert usage.disk_free_bytes is None
        return
    assert facts.cpu_model
    assert known(facts.cpu_cores) >= 1
    assert known(facts.memory_total_bytes) > 100 << 20
    assert 0 < known(usage.memory_available_bytes) <= known(facts.memory_total_bytes)
    assert 0 < known(usage.disk_free_bytes) <= known(facts.disk_total_bytes)
    assert 0 <= known(usage.cpu_percent) <= 100


def can(site: Site, ability: Ability) -> bool:
    return ability in site.runtime.abilities


def known(figure: float | None) -> float:
    assert figure is not None
    return figure


def test_nothing_is_there_before_it_is_created(site: Site) -> None:
    assert site.runtime.observe(site.name) is None
    assert list(site.runtime.list_owned()) == []
    assert site.runtime.tail(site.name) == []
    assert site.runtime.logs(site.name, after=-1) == []
    assert site.runtime.stats(site.name) is None
    assert site.runtime.remove(site.name, force=False)
    assert site.runtime.remove(site.name, force=True)
    assert list(site.runtime.list_owned()) == []


def test_a_workload_runs_serves_and_ends(site: Site) -> None:
    spec = site.spec()
    site.runtime.create(spec)
    found = wait_ready(site.runtime, site.name, site.health_path)
    assert found.running
    assert found.spec_hash == spec.fingerprint()
    if can(site, Ability.LABELS):
        assert found.labels == spec.labels
    else:
        mark = "dev.slipway.instance"
        assert dict(found.labels) == {mark: dict(spec.labels)[mark]}
    assert found.started_at is not None
    assert found.exit_code is None
    assert [one.name for one in site.runtime.list_owned()] == [site.name]
    assert site.serves(found)
    eventually(lambda: site.runtime.remove(site.name, force=False))
    assert site.runtime.observe(site.name) is None
    assert site.engines() == 0


def test_creating_again_adopts(site: Site) -> None:
    spec = site.spec()
    site.runtime.create(spec)
    first = wait_ready(site.runtime, site.name, site.health_path)
    site.runtime.create(spec)
    again = site.runtime.observe(site.name)
    assert again == first
    assert site.engines() == 1


def test_another_wish_under_the_same_name_is_refused(site: Site) -> None:
    site.runtime.create(site.spec())
    first = wait_ready(site.runtime, site.name, site.health_path)
    with pytest.raises(FailureError) as refused:
        site.runtime.create(site.other_spec())
    assert refused.value.failure.retry
    assert site.runtime.observe(site.name) == first


def test_many_who_create_at_once_start_one(site: Site) -> None:
    spec = site.spec()
    gate, errors = threading.Barrier(12), []

    def create() -> None:
        gate.wait()
        try:
            site.runtime.create(spec)
        except Exception as error:  # noqa: BLE001 - told by the thread that asks
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    wait_ready(site.runtime, site.name, site.health_path)
    assert site.engines() == 1


def test_an_exited_workload_is_kept_and_told(site: Site) -> None:
    if isinstance(site, OllamaSite):  # its processes are the server's: with it, nothing is known
        assert not can(site, Ability.PROCESSES)
        site.runtime.create(site.spec())
        site.house.kill()
        with pytest.raises(RuntimeUnreachableError):
            site.runtime.observe(site.name)
        site.house.start()
        assert known_to_run(site)
        return
    site.runtime.create(site.spec(fail_start="ENGINE_EXITED"))
    ended = wait_ended(site.runtime, site.name)
    assert ended.exit_code == 1
    assert not ended.out_of_memory
    assert ended.address is None
    assert any("ENGINE_EXITED" in line.text for line in site.runtime.tail(site.name))
    assert site.runtime.stats(site.name) is None
    assert [one.running for one in site.runtime.list_owned()] == [False]
    assert site.runtime.remove(site.name, force=False)
    assert site.runtime.observe(site.name) is None


def known_to_run(site: Site) -> bool:
    found = site.runtime.observe(site.name)
    return found is not None and found.running and found.exit_code is None


def test_an_exited_workload_can_start_again(site: Site) -> None:
    if isinstance(site, OllamaSite):  # here it ends only when somebody deletes the model
        site.runtime.create(site.spec())
        found = site.runtime.observe(site.name)
        assert found
        site.runtime.server.delete(found.served_as or "")
        assert site.runtime.observe(site.name) is None
        site.runtime.create(site.spec())
        assert known_to_run(site)
        return
    site.runtime.create(site.spec(fail_start="PORT_IN_USE"))
    wait_ended(site.runtime, site.name)
    site.runtime.create(site.spec())
    assert wait_ready(site.runtime, site.name).running
    assert any("PORT_IN_USE" in line.text for line in site.runtime.tail(site.name, previous=True))
    assert not any("PORT_IN_USE" in line.text for line in site.runtime.tail(site.name))


def test_logs_resume_where_they_were_left(site: Site) -> None:
    site.runtime.create(site.spec())
    wait_ready(site.runtime, site.name, site.health_path)
    if not can(site, Ability.PROCESSES):
        assert site.runtime.tail(site.name) == site.runtime.logs(site.name, after=-1) == []
        return
    lines = eventually(
        lambda: found if len(found := site.runtime.logs(site.name, after=-1)) > 10 else None
    )
    assert lines is not None
    offsets = [line.offset for line in lines]
    assert offsets == sorted(set(offsets))
    for index, line in enumerate(lines):
        assert site.runtime.logs(site.name, after=line.offset)[: len(lines)] == lines[index + 1 :]
    assert site.runtime.logs(site.name, after=-1, limit=2) == lines[:2]
    assert site.runtime.tail(site.name, lines=3)[-1].text


def test_stats_show_memory_and_growing_activity(site: Site) -> None:
    if not can(site, Ability.PROCESSES):
        site.runtime.create(site.spec())
        found = wait_ready(site.runtime, site.name, site.health_path)
        assert site.runtime.stats(site.name) is None  # made, and not in memory yet
        assert site.serves(found)
        stats = site.runtime.stats(site.name)
        assert stats is not None
        assert 92 << 20 < stats.memory_bytes < 512 << 20
        assert stats.cpu_percent is None
        return
    site.runtime.create(site.spec(memory_mb=64))
    address = wait_ready(site.runtime, site.name).address
    first = site.runtime.stats(site.name)
    assert first is not None
    assert 64 << 20 < first.memory_bytes < 256 << 20

    def works() -> bool:
        body = {"prompt": "hello", "fake": {"tokens_per_s": 0}}
        httpx.post(f"http://{address}/v1/completions", json=body)
        later = site.runtime.stats(site.name)
        return (
            later is not None and later.activity > first.activity and known(later.cpu_percent) > 0
        )

    eventually(works)


def test_artifacts_are_verified_in_slices(site: Site) -> None:
    artifact = site.stored()
    seen = [site.runtime.ensure_artifact(artifact, seconds=0)]
    until = time.monotonic() + LONGEST_S
    while not seen[-1].finished:
        assert time.monotonic() < until
        seen.append(site.runtime.ensure_artifact(artifact, seconds=0))
        assert seen[-1].done_bytes >= seen[-2].done_bytes
    assert len({one.done_bytes for one in seen}) > 1
    assert seen[-1].sha256 == artifact.sha256
    assert (seen[-1].path is not None) == can(site, Ability.FILES)
    assert site.runtime.ensure_artifact(artifact, seconds=0).finished
    site.runtime.remove_artifact(artifact)
    site.runtime.remove_artifact(artifact)
    assert not site.runtime.ensure_artifact(artifact, seconds=0).finished


def test_a_damaged_or_absent_artifact_is_refused(site: Site) -> None:
    artifact = store_file(site.root / "models")
    wish = replace(site.spec(), artifact=replace(artifact, sha256="0" * 64))
    path = ModelStore(site.root / "models").path_of(artifact.sha256, artifact.file_name)
    site.runtime.remove_artifact(artifact)  # the wish may have brought it there
    site.damage(artifact)
    with pytest.raises(FailureError) as damaged:
        site.runtime.ensure_artifact(artifact, seconds=10)
    assert damaged.value.failure.code == FailureCode.CHECKSUM
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(FailureError) as short:
        site.runtime.ensure_artifact(artifact, seconds=10)
    assert short.value.failure.code == FailureCode.CHECKSUM
    path.unlink()
    with pytest.raises(FailureError) as absent:
        site.runtime.ensure_artifact(artifact, seconds=10)
    assert absent.value.failure.code == FailureCode.ARTIFACT_MISSING
    with pytest.raises(FailureError) as refused:
        site.runtime.create(wish)
    assert refused.value.failure.code == FailureCode.ARTIFACT_MISSING
    assert site.runtime.observe(site.name) is None


def test_names_that_could_leave_the_folder_are_refused(site: Site) -> None:
    for name in ("../x", "a/b", "", ".", "A", "-a", "a" * 200, "a\n"):
        with pytest.raises(FailureError):
            site.runtime.observe(name)


def test_an_image_that_is_there_needs_no_wait(site: Site) -> None:
    assert site.runtime.ensure_image(site.spec()).finished
