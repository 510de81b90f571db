"""Checking an artifact's size and sha256 in slices of time, once per file and not per start.

On this machine the model store is the host's copy, so nothing is moved. The result is kept as a
stamp (size, modification time, inode): a restart does not read 40 GB again, a changed file does.
"""

import hashlib
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models_app.domain.failures import FailureCode, fail
from models_app.domain.specs import ArtifactRef, Transfer

CHUNK = 4 << 20


@dataclass(slots=True)
class _Progress:
    """A hash begun by this process; another worker process begins its own."""

    identity: tuple[int, int, int]
    digest: Any
    done: int = 0


_begun: dict[tuple[str, str], _Progress] = {}


class Verifier:
    """Verifies artifacts of one model store; keeps its stamps in `stamps`."""

    def __init__(self, stamps: Path) -> None:
        self._stamps = stamps

    def verify(self, artifact: ArtifactRef, path: Path, *, seconds: float) -> Transfer:
        """Read on for at most `seconds`. Raises FailureError: ARTIFACT_MISSING, CHECKSUM."""
        found = present(artifact, path)
        identity = (found.st_size, found.st_mtime_ns, found.st_ino)
        if self._stamped(artifact, path, identity):
            return _finished(artifact, path)
        progress = _begun.get((artifact.sha256, str(path)))
        if progress is None or progress.identity != identity:
            progress = _Progress(identity, hashlib.sha256())
            _begun[artifact.sha256, str(path)] = progress
        _read_on(progress, path, time.monotonic() + seconds)
        if progress.done < artifact.size_bytes:
            return Transfer(progress.done, artifact.size_bytes, finished=False, phase="verifying")
        del _begun[artifact.sha256, str(path)]
        if progress.digest.hexdigest() != artifact.sha256:
            raise fail(
                FailureCode.CHECKSUM,
                file=artifact.file_name,
                expected=artifact.sha256,
                found=progress.digest.hexdigest(),
            )
        self._stamp(artifact, path, identity)
        return _finished(artifact, path)

    def forget(self, artifact: ArtifactRef) -> None:
        """Drop the stamp: the next use reads the file again."""
        (self._stamps / f"{artifact.sha256}.json").unlink(missing_ok=True)

    def _stamped(self, artifact: ArtifactRef, path: Path, identity: tuple[int, int, int]) -> bool:
        try:
            stamp = json.loads((self._stamps / f"{artifact.sha256}.json").read_text())
        except (FileNotFoundError, ValueError):
            return False
        return bool(stamp == [str(path), *identity])

    def _stamp(self, artifact: ArtifactRef, path: Path, identity: tuple[int, int, int]) -> None:
        self._stamps.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._stamps / f".{artifact.sha256}.{secrets.token_hex(6)}"
        part.write_text(json.dumps([str(path), *identity]))
        part.replace(self._stamps / f"{artifact.sha256}.json")


def present(artifact: ArtifactRef, path: Path) -> os.stat_result:
    """Return the file's stat. Raises FailureError when it is absent or of another size."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise fail(FailureCode.ARTIFACT_MISSING, file=artifact.file_name) from None
    if found.st_size != artifact.size_bytes:
        raise fail(
            FailureCode.CHECKSUM,
            file=artifact.file_name,
            expected_bytes=artifact.size_bytes,
            found_bytes=found.st_size,
        )
    return found


def _read_on(progress: _Progress, path: Path, until: float) -> None:
    """Hash at least one piece, so that each call makes progress however little time it has."""
    with path.open("rb") as file:
        file.seek(progress.done)
        while piece := file.read(CHUNK):
            progress.digest.update(piece)
            progress.done += len(piece)
            if time.monotonic() >= until:
                break


def _finished(artifact: ArtifactRef, path: Path) -> Transfer:
    return Transfer(
        done_bytes=artifact.size_bytes,
        total_bytes=artifact.size_bytes,
        finished=True,
        phase="verifying",
        path=str(path),
        sha256=artifact.sha256,
    )
