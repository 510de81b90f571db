"""A host whose disk is small: refused beforehand with figures; full midway, told and cleaned up."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from models_app.domain.failures import FailureCode, FailureError
from tests.docker_engine import DockerEngine, new_engine
from tests.requirements import need
from tests.runtime_sites import docker_site
from tests.workloads import store_file
from workers.runtimes.docker import artifacts

pytestmark = pytest.mark.slow
MIB = 1 << 20
GIB = 1 << 30
DISK = 480 * MIB


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DockerEngine]:
    """An engine whose data lie on a file system of their own."""
    need("docker")
    image, point = tmp_path / "disk.img", tmp_path / "disk"
    point.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(point)], check=True)
    try:
        with new_engine(data_root=point / "data") as made:
            yield made
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)


def test_a_small_disk_is_told_before_and_midway(
    engine: DockerEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with docker_site(tmp_path, engine, "unix") as site:
        free = site.runtime.usage().disk_free_bytes
        assert free
        assert free < DISK
        large = store_file(site.root / "models", os.urandom(free - 8 * MIB), "large.gguf")
        with pytest.raises(FailureError) as refused:
            site.runtime.ensure_artifact(large, seconds=0)
        assert refused.value.failure.code == FailureCode.DISK_SPACE
        assert refused.value.failure.params["needed_bytes"] == int(large.size_bytes * 1.1) + GIB * 2
        assert site.runtime.usage().disk_free_bytes == pytest.approx(free, abs=2 * MIB)

        # Somebody else fills the disk after it was looked at.
        monkeypatch.setattr(artifacts, "RESERVE", -2 * DISK)
        filler = tmp_path / "disk" / "filler"
        filler.write_bytes(bytes(free - 24 * MIB))
        with pytest.raises(FailureError) as full:
            site.runtime.ensure_artifact(large, seconds=30)
        assert full.value.failure.code == FailureCode.DISK_FULL
        assert not full.value.failure.retry

        # Room again: it goes on, and ends well.
        filler.unlink()
        small = store_file(site.root / "models", os.urandom(8 * MIB), "small.gguf")
        site.runtime.remove_artifact(large)
        assert site.runtime.ensure_artifact(small, seconds=30).finished
