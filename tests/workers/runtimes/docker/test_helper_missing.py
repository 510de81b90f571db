"""A Docker host that the helper cannot look after yet: a warning, and everything else goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models_app.domain.failures import FailureCode, FailureError, RuntimeUnreachableError
from models_app.domain.specs import (
    HELPER_FAILED,
    HELPER_MISSING,
    HELPER_PULLING,
    HELPER_WARNINGS,
    ArtifactRef,
)
from models_app.models import Host, User
from models_app.services.hosts import host_add
from tests.docker_engine import DockerEngine, new_engine
from tests.docker_images import BUSYBOX
from tests.docker_registry import random_image, registry
from tests.factories import actor_of
from tests.requirements import need
from tests.runtime_sites import DockerSite, docker_site, reached_by
from tests.workers.reconcilers.driving import settle
from tests.workloads import eventually, wait_ready
from workers.runtimes.docker import helping
from workers.runtimes.docker.naming import helper_name
from workers.runtimes.docker.runtime import DockerRuntime

pytestmark = pytest.mark.slow
LONG_S = 120.0


@pytest.fixture(scope="module")
def bare() -> Iterator[DockerEngine]:
    """An engine as it comes: it has no image at all."""
    need("docker")
    with new_engine() as engine:
        yield engine


def runtime_on(
    bare: DockerEngine, root: Path, image: str, monkeypatch: pytest.MonkeyPatch
) -> DockerRuntime:
    """Return a runtime whose helper comes from that image."""
    monkeypatch.setattr(helping, "WAIT_S", 0.0)
    monkeypatch.setattr(helping, "AGAIN_S", 0.0)
    connection, secret = reached_by(bare, "unix")
    return DockerRuntime(
        connection=connection | {"images": {"helper": image}},
        secret=secret,
        workloads=root / "workloads",
        models=root / "models",
        instance="bare",
    )


def test_one_without_the_image_is_ready_with_a_warning_until_it_is_loaded(
    bare: DockerEngine, alice: User, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helping, "AGAIN_S", 0.0)
    connection, secret = reached_by(bare, "unix")
    connection |= {"image_prefix": "127.0.0.1:9/nobody/"}  # a registry that does not answer
    host_add(actor_of(alice), name="bare", runtime="docker", connection=connection, secret=secret)

    def has(warning: str | None) -> bool:
        host = Host.objects.get()
        told = set(host.facts.get("warnings", ())) & HELPER_WARNINGS
        assert host.state in {"pending", "ready"}, (host.state, host.failure_code)
        return host.state == "ready" and told == ({warning} if warning else set())

    settle(lambda: has(HELPER_MISSING), within_s=LONG_S)
    host = Host.objects.get()
    assert host.facts["disk_total_bytes"] is None
    assert host.facts["memory_total_bytes"]
    assert host.usage["disk_free_bytes"] is None
    bare.load(BUSYBOX)
    bare.docker("tag", BUSYBOX, f"127.0.0.1:9/nobody/{BUSYBOX}")
    settle(lambda: has(None), within_s=LONG_S)
    host = Host.objects.get()
    assert host.facts["disk_total_bytes"]
    assert host.usage["disk_free_bytes"]


def test_an_image_on_its_way_is_told_and_a_denied_one_too(
    bare: DockerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with registry() as shelf:
        image = shelf.add("slow/helper", random_image(tmp_path, layers=1))
        shelf.is_stuck = True
        with runtime_on(bare, tmp_path, image, monkeypatch) as runtime:
            eventually(lambda: HELPER_PULLING in runtime.facts().warnings, seconds=LONG_S)
            assert runtime.usage().disk_free_bytes is None
            with pytest.raises(RuntimeUnreachableError):
                runtime._helper()
        shelf.is_denied = True
        shelf.is_stuck = False
        denied = shelf.name("denied/helper")
        with runtime_on(bare, tmp_path, denied, monkeypatch) as runtime:
            eventually(lambda: HELPER_MISSING in runtime.facts().warnings, seconds=LONG_S)
            assert runtime.usage().disk_free_bytes is None


def test_a_strangers_container_in_the_helpers_place_stops_no_engine(
    tmp_path: Path, docker_engine: DockerEngine
) -> None:
    with docker_site(tmp_path, docker_engine, "unix") as site:
        spec = site.spec()
        site.runtime.create(spec)
        running = wait_ready(site.runtime, site.name)
        own = helper_name(site.instance)
        docker_engine.docker("rm", "-f", own)
        docker_engine.docker("run", "-d", "--name", own, BUSYBOX, "sleep", "600")
        try:
            assert_alone(site, spec.artifact, running.external_id)
        finally:
            docker_engine.docker("rm", "-f", own)
        assert site.runtime.usage().disk_free_bytes
        assert not HELPER_WARNINGS & set(site.runtime.facts().warnings)
        site.runtime.remove(site.name, force=True)


def assert_alone(site: DockerSite, artifact: ArtifactRef, container: str) -> None:
    """Fail unless the engine is seen as it runs, and only what needs the helper is refused."""
    assert HELPER_FAILED in site.runtime.facts().warnings
    assert site.runtime.usage().disk_free_bytes is None
    assert [one.external_id for one in site.runtime.list_owned()] == [container]
    with pytest.raises(FailureError) as refused:
        site.runtime.ensure_artifact(artifact, seconds=1.0)
    assert refused.value.failure.code == FailureCode.NAME_TAKEN
