"""Artifacts on their way into a host's volume: resumed, refused, damaged, thrown away."""

import os
from pathlib import Path
from typing import Any

import pytest

from models_app.domain.failures import FailureCode, FailureError, RuntimeUnreachableError
from models_app.domain.specs import ArtifactRef
from models_app.domain.store import ModelStore
from tests.runtime_sites import DockerSite
from tests.workloads import store_file
from workers.runtimes.docker import artifacts
from workers.runtimes.docker.helper import Helper
from workers.runtimes.docker.naming import artifact_path, helper_name

pytestmark = pytest.mark.slow
MIB = 1 << 20


def big(site: DockerSite, size: int = 12 * MIB) -> ArtifactRef:
    return store_file(site.root / "models", os.urandom(size))


def on_host(site: DockerSite, *command: str) -> str:
    return site.engine.docker("exec", helper_name(site.instance), *command, check=False)


def test_what_has_arrived_is_not_sent_again(
    site: DockerSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact, sent = big(site), [0]
    put = Helper.put

    def counted(self: Helper, folder: str, archive: Any, *, seconds: float) -> None:
        pieces = list(archive)
        sent[0] += sum(map(len, pieces))
        put(self, folder, iter(pieces), seconds=seconds)

    monkeypatch.setattr(Helper, "put", counted)
    first = site.runtime.ensure_artifact(artifact, seconds=0)
    assert 0 < first.done_bytes < artifact.size_bytes
    site.engine.docker("restart", "-t", "0", helper_name(site.instance))  # as after a reboot
    assert site.runtime.ensure_artifact(artifact, seconds=30).finished
    assert sent[0] < artifact.size_bytes + 64 * 1024
    there = on_host(site, "sha256sum", artifact_path(artifact))
    assert there.split()[0] == artifact.sha256


def test_a_piece_that_was_cut_is_sent_again(
    site: DockerSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = big(site)
    put = Helper.put

    def cut(self: Helper, folder: str, archive: Any, *, seconds: float) -> None:
        def half() -> Any:
            for number, piece in enumerate(archive):
                if number == 2:
                    raise ConnectionResetError
                yield piece

        put(self, folder, half(), seconds=seconds)

    monkeypatch.setattr(Helper, "put", cut)
    with pytest.raises(RuntimeUnreachableError):
        site.runtime.ensure_artifact(artifact, seconds=0)
    monkeypatch.setattr(Helper, "put", put)
    assert site.runtime.ensure_artifact(artifact, seconds=30).finished


def test_a_byte_flipped_on_the_way_is_found_and_sent_again(
    site: DockerSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = big(site)
    put = Helper.put

    def flipped(self: Helper, folder: str, archive: Any, *, seconds: float) -> None:
        pieces = [bytearray(piece) for piece in archive]
        pieces[1][100] ^= 1
        put(self, folder, iter(map(bytes, pieces)), seconds=seconds)

    monkeypatch.setattr(Helper, "put", flipped)
    with pytest.raises(FailureError) as damaged:
        site.runtime.ensure_artifact(artifact, seconds=30)
    assert damaged.value.failure.code == FailureCode.TRANSFER_DAMAGED
    assert damaged.value.failure.retry
    assert on_host(site, "ls", artifacts.PARTS) == ""
    assert on_host(site, "ls", artifact_path(artifact)) == ""
    monkeypatch.setattr(Helper, "put", put)
    assert site.runtime.ensure_artifact(artifact, seconds=30).finished


def test_too_little_space_is_refused_before_the_first_byte(
    site: DockerSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = big(site)
    site.runtime.usage()
    free = site.runtime.usage().disk_free_bytes
    assert free
    monkeypatch.setattr(artifacts, "ROOM", free)  # as if the artifact were as large as the disk
    with pytest.raises(FailureError) as refused:
        site.runtime.ensure_artifact(artifact, seconds=0)
    assert refused.value.failure.code == FailureCode.DISK_SPACE
    assert refused.value.failure.params["free_bytes"] <= free
    assert on_host(site, "ls", artifacts.PARTS) == ""


def test_removing_leaves_nothing_of_it(site: DockerSite) -> None:
    whole, part = big(site, MIB), big(site)
    assert site.runtime.ensure_artifact(whole, seconds=30).finished
    site.runtime.ensure_artifact(part, seconds=0)
    for artifact in (whole, part):
        site.runtime.remove_artifact(artifact)
    assert on_host(site, "find", "/models", "-type", "f") == ""
    store = ModelStore(site.root / "models")
    assert all(Path(store.path_of(one.sha256, one.file_name)).exists() for one in (whole, part))
