"""Pulls from a real registry: progress, one at a time, killed, cut, denied, missing."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from models_app.domain.failures import Failure, FailureCode, FailureError
from models_app.domain.specs import Transfer, WorkloadSpec
from tests.docker_registry import Registry, random_image, registry
from tests.runtime_sites import DockerSite
from tests.workloads import eventually, fake_spec
from workers.runtimes.docker.pulls import Progress, split_name
from workers.runtimes.docker.runtime import DockerRuntime

pytestmark = pytest.mark.slow
MIB = 1 << 20


@pytest.fixture
def shelf() -> Iterator[Registry]:
    with registry() as made:
        yield made


def wish(site: DockerSite, image: str) -> WorkloadSpec:
    return replace(fake_spec(site.root, site.name, site.host), image=image)


def poll(site: DockerSite, image: str) -> Transfer:
    return site.runtime.ensure_image(wish(site, image))


def test_a_pull_goes_on_beside_the_steps_and_tells_its_bytes(
    site: DockerSite, shelf: Registry, tmp_path: Path
) -> None:
    image = shelf.add("slow/engine", random_image(tmp_path))
    shelf.bytes_per_s = 4 * MIB
    began = time.monotonic()
    seen = [poll(site, image)]
    assert time.monotonic() - began < 2
    while not seen[-1].finished:
        time.sleep(0.05)
        seen.append(poll(site, image))
    figures = [one.done_bytes for one in seen if not one.finished]
    assert figures == sorted(figures)
    assert len(set(figures)) > 3
    assert max(one.total_bytes or 0 for one in seen) > 8 * MIB
    assert site.engine.docker("image", "inspect", "-f", "{{.Size}}", image)
    assert set(shelf.served.values()) == {1}


def test_many_who_poll_start_one_pull(site: DockerSite, shelf: Registry, tmp_path: Path) -> None:
    image = shelf.add("many/engine", random_image(tmp_path))
    shelf.bytes_per_s = 8 * MIB
    threads = [threading.Thread(target=poll, args=(site, image)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: poll(site, image).finished)
    assert set(shelf.served.values()) == {1}


def test_a_killed_puller_is_followed_by_another(
    site: DockerSite, shelf: Registry, tmp_path: Path
) -> None:
    image = shelf.add("killed/engine", random_image(tmp_path, layers=6))
    shelf.bytes_per_s = 3 * MIB
    puller = multiprocessing.get_context("spawn").Process(target=pull_alone, args=(
        str(site.root), site.instance, str(site.engine.socket), image))  # fmt: skip
    puller.start()
    eventually(lambda: len(shelf.served) == len(shelf.blobs))  # three at a time: some are whole
    puller.kill()
    puller.join()
    assert not poll(site, image).finished  # the kernel freed the lock: this process goes on
    shelf.bytes_per_s = 0
    eventually(lambda: poll(site, image).finished)
    # Docker 20.10 forgets the layers of a pull that was cut; none is fetched by two at a time.
    assert max(shelf.served.values()) == 2


def pull_alone(root: str, instance: str, socket: str, image: str) -> None:
    """Pull in a process of its own, until killed."""
    folder = Path(root)
    runtime = DockerRuntime(
        connection={"transport": "unix", "path": socket},
        workloads=folder / "workloads",
        models=folder / "models",
        instance=instance,
    )
    spec = replace(fake_spec(folder), image=image)
    with runtime:
        while not runtime.ensure_image(spec).finished:
            time.sleep(0.1)


def ending(site: DockerSite, image: str) -> FailureCode:
    """Poll until the pull has failed; return with which code."""
    found: list[Failure] = []

    def look() -> bool:
        try:
            return poll(site, image).finished
        except FailureError as error:
            found.append(error.failure)
            return True

    eventually(look, seconds=60)
    assert found, "the pull ended well"
    assert found[0].params["image"] == image
    assert found[0].evidence
    return found[0].code


def test_a_missing_image_and_a_denied_one_are_told_apart(site: DockerSite, shelf: Registry) -> None:
    assert ending(site, shelf.name("none/engine")) == FailureCode.IMAGE_MISSING
    shelf.is_denied = True
    assert ending(site, shelf.name("private/engine")) == FailureCode.REGISTRY_DENIED
    assert ending(site, "127.0.0.1:1/no/registry:1") == FailureCode.REGISTRY_UNREACHABLE


def test_a_failure_is_told_once_and_then_tried_again(
    site: DockerSite, shelf: Registry, tmp_path: Path
) -> None:
    image = shelf.name("late/engine")
    assert ending(site, image) == FailureCode.IMAGE_MISSING
    shelf.add("late/engine", random_image(tmp_path))
    eventually(lambda: poll(site, image).finished)


def test_a_cut_download_ends_well_by_itself(
    site: DockerSite, shelf: Registry, tmp_path: Path
) -> None:
    image = shelf.add("cut/engine", random_image(tmp_path))
    shelf.cut_after = MIB
    eventually(lambda: poll(site, image).finished, seconds=60)
    assert max(shelf.served.values()) > 1


def test_progress_counts_layers_and_never_goes_back() -> None:
    assert Progress().total_bytes is None
    progress = Progress()
    for line in (
        {"id": "a", "status": "Downloading", "progressDetail": {"current": 5, "total": 10}},
        {"id": "b", "status": "Already exists"},
        {"id": "a", "status": "Downloading", "progressDetail": {"current": 2, "total": 10}},
        {"status": "Pulling from x"},
    ):
        progress.hear(line)
    assert (progress.done_bytes, progress.total_bytes) == (5, 10)
    progress.hear({"id": "a", "status": "Download complete"})
    assert progress.done_bytes == 10


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("busybox:1.37", ("busybox", "1.37")),
        ("ollama/ollama", ("ollama/ollama", "latest")),
        ("lan:5000/a/b:c", ("lan:5000/a/b", "c")),
        ("lan:5000/a", ("lan:5000/a", "latest")),
        ("ghcr.io/a/b@sha256:00", ("ghcr.io/a/b", "sha256:00")),
    ],
)
def test_names_of_images_are_taken_apart(image: str, parts: tuple[str, str]) -> None:
    assert split_name(image) == parts
