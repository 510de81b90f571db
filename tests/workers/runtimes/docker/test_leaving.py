"""A host that is forgotten: nothing of ours stays on it, unless it still serves."""

import pytest

from tests.runtime_sites import DockerSite
from tests.workloads import eventually, wait_ready

pytestmark = pytest.mark.slow


def ours(site: DockerSite) -> list[str]:
    """Return what is ours there, as Docker's own command line lists it."""
    docker, mark = site.engine.docker, site.instance[-8:]
    containers = docker("ps", "-a", "--format", "{{.Names}} {{.Labels}}").splitlines()
    networks = docker("network", "ls", "--format", "{{.Name}}").splitlines()
    volumes = docker("volume", "ls", "--format", "{{.Name}}").splitlines()
    return [line for line in (*containers, *networks, *volumes) if mark in line]


def end(site: DockerSite) -> None:
    eventually(lambda: site.runtime.remove(site.name, force=True))


def test_nothing_stays_where_nothing_runs(site: DockerSite) -> None:
    site.runtime.create(site.spec())
    wait_ready(site.runtime, site.name)
    end(site)
    assert len(ours(site)) == 4  # helper, output of the last run, network, volume
    assert sorted(site.runtime.may_leave_behind()) == sorted(
        line.split()[0] for line in ours(site) if site.name not in line
    )
    assert site.runtime.leave() == []
    assert ours(site) == []
    assert site.runtime.leave() == []


def test_what_still_serves_is_left_and_told(site: DockerSite) -> None:
    site.runtime.create(site.spec())
    wait_ready(site.runtime, site.name)
    left = site.runtime.leave()
    assert site.name in left
    assert site.engines() == 1
    assert wait_ready(site.runtime, site.name).running
    end(site)
    assert site.runtime.leave() == []
    assert ours(site) == []
