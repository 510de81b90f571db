"""Containers that are hurt, renamed, edited, imitated, or left half-made by a crash."""

import time
from typing import Any

import httpx
import pytest

from models_app.domain.failures import FailureCode, FailureError
from tests.docker_images import BUSYBOX
from tests.runtime_sites import DockerSite
from tests.workloads import eventually, wait_ended, wait_ready
from workers.runtimes.docker.naming import helper_name
from workers.runtimes.docker.transport import Pool

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """The worker dies here."""


def test_an_engine_out_of_memory_is_told_so(site: DockerSite) -> None:
    spec = site.spec(memory_mb=200, memory_limit_mb=64, startup_delay_s=0.2)
    site.runtime.create(spec)
    ended = wait_ended(site.runtime, site.name)
    assert ended.out_of_memory
    assert ended.exit_code == 137


def test_a_stranger_with_our_name_is_told_and_left_alone(site: DockerSite) -> None:
    spec = site.spec()
    stranger = site.engine.docker("run", "-d", "--name", site.name, BUSYBOX, "sleep", "600")
    try:
        assert site.runtime.observe(site.name) is None
        with pytest.raises(FailureError) as refused:
            site.runtime.create(spec)
        assert refused.value.failure.code == FailureCode.NAME_TAKEN
        assert refused.value.failure.params["image"] == BUSYBOX
        assert site.runtime.remove(site.name, force=True)
        assert site.engine.docker("inspect", "-f", "{{.State.Status}}", stranger) == "running"
    finally:
        site.engine.docker("rm", "-f", stranger)


def test_a_forged_label_of_another_installation_is_not_ours(site: DockerSite) -> None:
    label = f"dev.slipway.workload={site.name}"
    forged = site.engine.docker("run", "-d", "--label", label, BUSYBOX, "sleep", "600")
    try:
        assert site.runtime.observe(site.name) is None
        assert list(site.runtime.list_owned()) == []
    finally:
        site.engine.docker("rm", "-f", forged)


def test_one_from_an_image_made_of_ours_is_not_ours_for_all_its_labels(site: DockerSite) -> None:
    site.runtime.create(site.spec())
    wait_ready(site.runtime, site.name)
    docker, copy = site.engine.docker, f"copy-{site.name}"
    docker("commit", site.name, copy)
    eventually(lambda: site.runtime.remove(site.name, force=True))
    site.runtime.purge(site.name)
    forged = docker("run", "-d", "--entrypoint", "sleep", copy, "600")
    try:
        assert docker(
            "inspect", "-f", '{{index .Config.Labels "dev.slipway.workload"}}', forged
        ) == (site.name)
        assert site.runtime.observe(site.name) is None
        assert list(site.runtime.list_owned()) == []
        assert site.runtime.remove(site.name, force=True)
        site.runtime.create(site.spec())
        found = wait_ready(site.runtime, site.name)
        assert [one.external_id for one in site.runtime.list_owned()] == [found.external_id]
        assert found.external_id != forged
        assert site.name in site.runtime.leave()
        assert docker("inspect", "-f", "{{.State.Status}}", forged) == "running"
    finally:
        docker("rm", "-f", forged)
        site.runtime.remove(site.name, force=True)
        docker("image", "rm", "-f", copy)


def test_one_renamed_by_hand_is_found_told_and_gets_its_name_back(site: DockerSite) -> None:
    spec = site.spec()
    site.runtime.create(spec)
    first = wait_ready(site.runtime, site.name)
    site.engine.docker("rename", site.name, f"{site.name}-mine")
    found = site.runtime.observe(site.name)
    assert found is not None
    assert (found.external_id, found.drift) == (first.external_id, ("renamed",))
    site.runtime.create(spec)
    assert site.runtime.observe(site.name) == first
    assert site.engines() == 1


def test_one_frozen_by_hand_is_told_and_woken(site: DockerSite) -> None:
    spec = site.spec()
    site.runtime.create(spec)
    found = wait_ready(site.runtime, site.name)
    site.engine.docker("pause", site.name)
    paused = site.runtime.observe(site.name)
    assert paused is not None
    assert paused.drift == ("paused",)
    site.runtime.create(spec)
    assert httpx.get(f"http://{found.address}/health", timeout=5).is_success


def test_one_edited_by_hand_is_told_and_put_right(site: DockerSite) -> None:
    spec = site.spec(memory_limit_mb=128)
    site.runtime.create(spec)
    wait_ready(site.runtime, site.name)
    site.engine.docker("update", "--memory", "256m", "--memory-swap", "256m", site.name)
    found = site.runtime.observe(site.name)
    assert found is not None
    assert found.drift == ("edited",)
    site.runtime.create(spec)
    assert site.inspect(site.name)["HostConfig"]["Memory"] == 128 << 20
    again = site.runtime.observe(site.name)
    assert again is not None
    assert (again.external_id, again.drift) == (found.external_id, ())


def test_one_removed_or_stopped_by_hand_is_seen(site: DockerSite) -> None:
    site.runtime.create(site.spec())
    wait_ready(site.runtime, site.name)
    site.engine.docker("stop", "-t", "5", site.name)
    found = site.runtime.observe(site.name)
    assert found is not None
    assert not found.running
    site.engine.docker("rm", "-f", site.name)
    assert site.runtime.observe(site.name) is None


def test_a_helper_removed_by_hand_comes_back(site: DockerSite) -> None:
    site.runtime.usage()
    site.engine.docker("rm", "-f", helper_name(site.instance))
    assert site.runtime.usage().disk_free_bytes
    site.engine.docker("kill", helper_name(site.instance))
    assert site.runtime.usage().disk_free_bytes


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_call_of_a_start_leaves_one_engine_in_the_end(
    site: DockerSite, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    spec = site.spec()
    calls = crash_everywhere(site, monkeypatch, moment, lambda: site.runtime.create(spec))
    assert calls >= 4
    wait_ready(site.runtime, site.name)
    assert site.engines() == 1
    assert len(named(site)) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_call_of_an_end_leaves_nothing_running(
    site: DockerSite, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    spec = site.spec()

    def end() -> None:
        if site.runtime.observe(site.name) is None:
            site.runtime.create(spec)
        eventually(lambda: site.runtime.remove(site.name, force=True))

    assert crash_everywhere(site, monkeypatch, moment, end) >= 4
    assert site.engines() == 0
    assert site.runtime.observe(site.name) is None


def crash_everywhere(
    site: DockerSite, monkeypatch: pytest.MonkeyPatch, moment: str, act: Any
) -> int:
    """Die at call 1, then 2 ... until the act comes through; return how many calls it made."""
    ask, left = Pool.urlopen, [0]

    def dying(self: Pool, *request: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and moment == "before":
            raise Killed
        answer = ask(self, *request, **options)
        if left[0] == 0:
            answer.close()
            raise Killed
        return answer

    monkeypatch.setattr(Pool, "urlopen", dying)
    for at in range(1, 60):
        left[0] = at
        try:
            act()
        except Killed:
            site.runtime.__exit__(None, None, None)
            left[0] = 0
            site.runtime.__enter__()
            assert site.engines() <= 1
            time.sleep(0.05)
            continue
        monkeypatch.setattr(Pool, "urlopen", ask)
        return at
    raise AssertionError("it never came through")


def named(site: DockerSite) -> list[str]:
    """Return every container of the workload, running or not."""
    wanted = ["--filter", f"label=dev.slipway.workload={site.name}"]
    return site.engine.docker("ps", "-aq", *wanted).split()
