"""A Docker host of a test's own installation, on the engine that the whole run shares."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker_engine import DockerEngine
from tests.runtime_sites import DockerSite, docker_site


@pytest.fixture
def site(tmp_path: Path, docker_engine: DockerEngine) -> Iterator[DockerSite]:
    with docker_site(tmp_path, docker_engine, "unix") as there:
        yield there
