"""Artifacts on their way into a host's volume: resumed, refused, damaged, thrown away."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from models_app.domain.failures import FailureCode, FailureError, RuntimeUnreachableError
from models_app.domain.specs import ArtifactRef
from models_app.domain.store import ModelStore
from tests.runtime_sites import DockerSite
from tests.workloads import eventually, store_file
from workers.runtimes.docker import arrivals, artifacts, sending
from workers.runtimes.docker.conversation import Conversation
from workers.runtimes.docker.naming import artifact_path, helper_name

pytestmark = pytest.mark.slow
MIB = 1 << 20


def big(site: DockerSite, size: int = 12 * MIB) -> ArtifactRef:
    return store_file(site.root / "models", os.urandom(size))


def on_host(site: DockerSite, *command: str) -> str:
    return site.engine.docker("exec", helper_name(site.instance), *command, check=False)


@dataclass
class Wire:
    """What goes over the connection: counted, and hurt at will."""

    sent: int = 0
    cut_at: int | None = None  # hang up after so many bytes
    flip_at: int | None = None  # turn a bit of this byte around
    begun_at: list[int] = field(default_factory=list)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Every byte of a file that is sent passes here; what is hurt is the connection's, not ours."""
    wire = Wire()

    def send(self: Conversation, file: Any, at: int, size: int, buffer: memoryview) -> int:
        wire.begun_at.append(at)
        file.seek(at)
        piece = bytearray(file.read(size))
        if wire.flip_at is not None and at <= wire.flip_at < at + size:
            piece[wire.flip_at - at] ^= 1
        if wire.cut_at is not None and wire.sent + size > wire.cut_at:
            self._socket.sendall(piece[: wire.cut_at - wire.sent])
            self._socket.close()
            raise RuntimeUnreachableError("cut", FailureCode.CONNECTION_LOST)
        self._socket.sendall(piece)
        wire.sent += size
        return size

    monkeypatch.setattr(Conversation, "send", send)
    return wire


def test_what_has_arrived_is_not_sent_again(site: DockerSite, wire: Wire) -> None:
    artifact = big(site)
    first = site.runtime.ensure_artifact(artifact, seconds=0)
    assert 0 < first.done_bytes < artifact.size_bytes
    # As after a reboot: what was hashing is gone too, and reads again what lies there.
    site.engine.docker("restart", "-t", "0", helper_name(site.instance))
    eventually(lambda: site.runtime.ensure_artifact(artifact, seconds=5).finished, seconds=60)
    assert wire.sent == artifact.size_bytes
    there = on_host(site, "sha256sum", artifact_path(artifact))
    assert there.split()[0] == artifact.sha256
    assert on_host(site, "ls", arrivals.PARTS) == ""


def test_a_connection_that_was_cut_is_gone_on_with(site: DockerSite, wire: Wire) -> None:
    artifact = big(site)
    wire.cut_at = 5 * MIB + 12345
    with pytest.raises(RuntimeUnreachableError):
        site.runtime.ensure_artifact(artifact, seconds=5)
    wire.cut_at = None
    part = f"{arrivals.PARTS}/{artifact.sha256}"
    eventually(lambda: int(on_host(site, "stat", "-c", "%s", part)) >= 5 * MIB)
    wire.begun_at.clear()
    eventually(lambda: site.runtime.ensure_artifact(artifact, seconds=5).finished, seconds=60)
    assert wire.begun_at[0] >= 5 * MIB
    assert on_host(site, "sha256sum", artifact_path(artifact)).split()[0] == artifact.sha256


def test_one_who_slept_and_writes_on_changes_nothing(site: DockerSite) -> None:
    artifact = big(site)
    path = ModelStore(site.root / "models").path_of(artifact.sha256, artifact.file_name)
    helper, buffer = site.runtime._helper(), memoryview(bytearray(MIB))
    site.runtime.ensure_artifact(artifact, seconds=0)
    with (
        helper.converse(sending._WRITE, artifact.sha256, "0") as sleeper,
        path.open("rb", buffering=0) as file,
    ):
        sleeper.say("16 0")  # and says no more, until others have gone on
        site.runtime.ensure_artifact(artifact, seconds=0)
        sleeper.send(file, 0, MIB, buffer)
        assert sleeper.heard(wait=True) == ["written"]
        eventually(lambda: site.runtime.ensure_artifact(artifact, seconds=5).finished, seconds=60)
        sleeper.say("16 0")
        sleeper.send(file, MIB, MIB, buffer)
        assert sleeper.heard(wait=True) == ["written"]
    assert on_host(site, "sha256sum", artifact_path(artifact)).split()[0] == artifact.sha256
    assert on_host(site, "ls", arrivals.PARTS) == ""


def test_a_byte_flipped_on_the_way_is_found_and_sent_again(site: DockerSite, wire: Wire) -> None:
    artifact = big(site)
    wire.flip_at = 3 * MIB + 100
    with pytest.raises(FailureError) as damaged:
        eventually(lambda: site.runtime.ensure_artifact(artifact, seconds=5).finished, seconds=60)
    assert damaged.value.failure.code == FailureCode.TRANSFER_DAMAGED
    assert damaged.value.failure.retry
    assert on_host(site, "ls", arrivals.PARTS) == ""
    assert on_host(site, "ls", artifact_path(artifact)) == ""
    wire.flip_at = None
    eventually(lambda: site.runtime.ensure_artifact(artifact, seconds=5).finished, seconds=60)


def test_the_first_pieces_are_small_and_follow_the_link() -> None:
    assert sending.piece_of(0) == sending.FIRST_PIECE
    assert sending.piece_of(40 * MIB) == 10 * MIB
    assert sending.piece_of(40 * MIB + 5) % arrivals.UNIT == 0
    assert sending.piece_of(10_000 * MIB) == sending.LARGEST_PIECE


def test_too_little_space_is_refused_before_the_first_byte(
    site: DockerSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = big(site)
    site.runtime.usage()
    free = site.runtime.usage().disk_free_bytes
    assert free
    monkeypatch.setattr(artifacts, "RESERVE", free)  # as if the artifact were as large as the disk
    with pytest.raises(FailureError) as refused:
        site.runtime.ensure_artifact(artifact, seconds=0)
    assert refused.value.failure.code == FailureCode.DISK_SPACE
    assert refused.value.failure.params["free_bytes"] <= free
    assert on_host(site, "ls", arrivals.PARTS) == ""


def test_removing_leaves_nothing_of_it(site: DockerSite) -> None:
    whole, part = big(site, MIB), big(site)
    assert site.runtime.ensure_artifact(whole, seconds=30).finished
    site.runtime.ensure_artifact(part, seconds=0)
    for artifact in (whole, part):
        site.runtime.remove_artifact(artifact)
    assert on_host(site, "find", "/models", "-type", "f") == ""
    store = ModelStore(site.root / "models")
    assert all(Path(store.path_of(one.sha256, one.file_name)).exists() for one in (whole, part))
