"""Artifacts on a Docker host: in a volume of ours, written there by a command in our helper.

A call sends for a bounded time; what has arrived stays, so that whoever calls next goes on there,
after a kill too. Only after the whole file's sha256 was computed on the host does it get its name.
Nothing of the host's own file system is ever mounted.
"""

import time
from pathlib import Path

from models_app.domain.failures import FailureCode, FailureError, fail
from models_app.domain.specs import ArtifactRef, Transfer
from models_app.domain.store import RESERVE, ROOM_FACTOR
from workers.runtimes.docker.arrivals import NONE, Arrivals, Arrived
from workers.runtimes.docker.helper import Helper
from workers.runtimes.docker.naming import artifact_path
from workers.runtimes.docker.sending import Sender
from workers.runtimes.process.verification import Verifier, present


class Artifacts:
    """The artifacts of one installation on one host."""

    def __init__(self, helper: Helper, verifier: Verifier) -> None:
        self._helper = helper
        self._verifier = verifier

    def ensure(self, artifact: ArtifactRef, source: Path, *, seconds: float) -> Transfer:
        """Bring it there for at most `seconds`."""
        until = time.monotonic() + seconds
        present(artifact, source)
        arrivals = Arrivals(self._helper, artifact)
        arrived = arrivals.look()
        if arrived.whole_bytes == artifact.size_bytes:
            return _transfer(artifact, artifact.size_bytes, finished=True)
        done = arrived.part_bytes
        if done < artifact.size_bytes:
            done = self._send(arrivals, artifact, source, arrived, until)
        elif arrived.sha256 == NONE and not arrived.is_hashing:
            arrivals.begin_hashing()
        if done < artifact.size_bytes:
            return _transfer(artifact, done, finished=False)
        is_named = self._verify(arrivals, artifact, source, until)
        return _transfer(artifact, done, finished=is_named, phase="verifying")

    def remove(self, artifact: ArtifactRef) -> None:
        """Delete it and what was begun of it."""
        Arrivals(self._helper, artifact).remove()

    def has(self, artifact: ArtifactRef) -> bool:
        """Return whether it lies there whole."""
        return Arrivals(self._helper, artifact).look().whole_bytes == artifact.size_bytes

    def _send(
        self,
        arrivals: Arrivals,
        artifact: ArtifactRef,
        source: Path,
        arrived: Arrived,
        until: float,
    ) -> int:
        """Send for a while, with a look at the room before; return how much is there."""
        needed = int((artifact.size_bytes - arrived.part_bytes) * ROOM_FACTOR) + RESERVE
        if arrived.free_bytes < needed:
            raise fail(
                FailureCode.DISK_SPACE,
                needed_bytes=needed,
                free_bytes=arrived.free_bytes,
                file=artifact.file_name,
            )
        sender = Sender(self._helper, artifact.sha256, source, artifact.size_bytes)
        if not arrived.is_hashing:
            arrivals.begin_hashing()
        sender.send(arrived.part_bytes, until)
        return sender.at

    def _verify(
        self, arrivals: Arrivals, artifact: ArtifactRef, source: Path, until: float
    ) -> bool:
        """Have the host's sum compared; return whether the file has its name now.

        Raises FailureError that says where it was damaged.
        """
        found = arrivals.name(seconds=until - time.monotonic())
        if found in {NONE, artifact.sha256}:
            return found == artifact.sha256
        # Damaged here or on the way? CHECKSUM is raised when it is the store's own file.
        left = max(0.0, until - time.monotonic())
        try:
            is_fine_here = self._verifier.verify(artifact, source, seconds=left).finished
        except FailureError:
            arrivals.drop()
            raise
        if is_fine_here:
            arrivals.drop()
            raise fail(
                FailureCode.TRANSFER_DAMAGED,
                file=artifact.file_name,
                expected=artifact.sha256,
                found=found,
            )
        return False


def _transfer(
    artifact: ArtifactRef, done: int, *, finished: bool, phase: str = "copying"
) -> Transfer:
    return Transfer(
        done_bytes=done,
        total_bytes=artifact.size_bytes,
        finished=finished,
        phase=phase,
        path=artifact_path(artifact) if finished else None,
        sha256=artifact.sha256 if finished else None,
    )
