"""Artifacts on a Docker host: in a volume of ours, streamed there by the engine's own archive call.

A call sends pieces for a bounded time; what has arrived stays, so that whoever calls next goes on
there, after a kill too. Only after the whole file's sha256 was computed on the host does it get its
name. Nothing of the host's own file system is ever mounted.
"""

import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from models_app.domain.failures import FailureCode, FailureError, fail
from models_app.domain.specs import ArtifactRef, Transfer
from workers.runtimes.docker.errors import meaning
from workers.runtimes.docker.helper import Helper
from workers.runtimes.docker.naming import MODELS, artifact_path
from workers.runtimes.process.verification import Verifier, present

PARTS = f"{MODELS}/.part"
FIRST_PIECE = 4 << 20  # also a second's worth, before the link has shown what it carries
LEAST_PIECE = 1 << 20
LARGEST_PIECE = 256 << 20
BLOCK = 1 << 20
ROOM = 64 << 20  # beyond the artifact itself
PUT_S = 60.0  # for the engine to write a piece down
POLL_S = 0.1

# Each script gets its words as arguments: $1 is the sha256, checked by the ledger's own grammar.
_LOOK = f"""
mkdir -p {PARTS}
size() {{ stat -c %s "$1" 2>/dev/null || echo 0; }}
size "$2"; size "{PARTS}/$1"; cat "{PARTS}/$1.sum" 2>/dev/null || echo none
pid=$(cat "{PARTS}/$1.pid" 2>/dev/null || echo none)
grep -qs "$1" "/proc/$pid/cmdline" && echo busy || echo idle
df -k {MODELS} | tail -n 1
"""
_APPEND = f"""
part="{PARTS}/$1"; piece="{PARTS}/$1.piece"
have=$(stat -c %s "$part" 2>/dev/null || echo 0)
[ "$have" = "$2" ] || {{ rm -f "$piece"; exit 0; }}
if [ "$have" = 0 ]; then mv "$piece" "$part"; else cat "$piece" >> "$part" && rm "$piece"; fi
"""
_HASH = f"""
echo $$ > "{PARTS}/$1.pid"
sum=$(sha256sum "{PARTS}/$1") && echo "${{sum%% *}}" > "{PARTS}/$1.sum.new"
mv "{PARTS}/$1.sum.new" "{PARTS}/$1.sum"; rm -f "{PARTS}/$1.pid"
"""
_ACCEPT = f"""
mkdir -p "{MODELS}/$1" && chmod 755 "{MODELS}/$1" && chmod 444 "{PARTS}/$1" &&
mv "{PARTS}/$1" "$2" && sync && rm -f "{PARTS}/$1".*
"""
_DROP = f'rm -rf "{PARTS}/$1" "{PARTS}/$1".*'
_REMOVE = f'rm -rf "{MODELS}/$1" "{PARTS}/$1" "{PARTS}/$1".*'

_speeds: dict[str, float] = {}  # host -> bytes per second, as last measured


@dataclass(frozen=True, slots=True)
class Arrived:
    """What lies on the host of one artifact."""

    whole_bytes: int  # under its final name
    part_bytes: int
    sha256: str  # of the part; "none" before it was computed
    is_hashing: bool
    free_bytes: int


class Artifacts:
    """The artifacts of one installation on one host. `host` names it in this process."""

    def __init__(self, helper: Helper, host: str, verifier: Verifier) -> None:
        self._helper = helper
        self._host = host
        self._verifier = verifier

    def ensure(self, artifact: ArtifactRef, source: Path, *, seconds: float) -> Transfer:
        """Bring it there for at most `seconds`."""
        until = time.monotonic() + seconds
        present(artifact, source)
        while True:
            arrived = self._look(artifact)
            if arrived.whole_bytes == artifact.size_bytes:
                return _transfer(artifact, artifact.size_bytes, finished=True)
            if arrived.part_bytes < artifact.size_bytes:
                self._send(artifact, source, arrived, seconds)
                phase = "copying"
            else:
                self._verify(artifact, source, arrived, until)
                phase = "verifying"
            if time.monotonic() >= until:
                have = self._look(artifact)
                is_whole = have.whole_bytes == artifact.size_bytes
                done = have.whole_bytes if is_whole else have.part_bytes
                return _transfer(artifact, done, finished=is_whole, phase=phase)

    def remove(self, artifact: ArtifactRef) -> None:
        """Delete it and what was begun of it."""
        code, text = self._helper.run(_REMOVE, artifact.sha256)
        if code:
            raise meaning(text)

    def has(self, artifact: ArtifactRef) -> bool:
        """Return whether it lies there whole."""
        return self._look(artifact).whole_bytes == artifact.size_bytes

    def _look(self, artifact: ArtifactRef) -> Arrived:
        code, text = self._helper.run(_LOOK, artifact.sha256, artifact_path(artifact))
        lines = text.splitlines()
        if code or len(lines) < len(Arrived.__slots__):
            raise meaning(text or "the helper did not answer")
        return Arrived(
            whole_bytes=int(lines[0]),
            part_bytes=int(lines[1]),
            sha256=lines[2],
            is_hashing=lines[3] == "busy",
            free_bytes=int(lines[4].split()[-3]) << 10,
        )

    # --- sending ---------------------------------------------------------------------------

    def _send(self, artifact: ArtifactRef, source: Path, arrived: Arrived, seconds: float) -> None:
        """Send one piece, as large as the link has shown to carry in half of the time."""
        at = arrived.part_bytes
        left = artifact.size_bytes - at
        wished = int(_speeds.get(self._host, FIRST_PIECE) * max(seconds, 1.0) / 2)
        size = min(left, max(LEAST_PIECE, min(wished, LARGEST_PIECE)))
        needed = left + (size if at else 0) + ROOM
        if arrived.free_bytes < needed:
            raise fail(
                FailureCode.DISK_SPACE,
                needed_bytes=needed,
                free_bytes=arrived.free_bytes,
                file=artifact.file_name,
            )
        began = time.monotonic()
        with source.open("rb") as file:
            file.seek(at)
            archive = _archive(f"{artifact.sha256}.piece", file, size)
            self._helper.put(PARTS, archive, seconds=PUT_S)
        _speeds[self._host] = size / max(time.monotonic() - began, 0.001)
        code, text = self._helper.run(_APPEND, artifact.sha256, str(at), seconds=PUT_S)
        if code:
            raise meaning(text)

    # --- verifying -------------------------------------------------------------------------

    def _verify(self, artifact: ArtifactRef, source: Path, arrived: Arrived, until: float) -> None:
        """Have the host compute the sha256; name the file, or say what was damaged."""
        if arrived.sha256 == "none":
            if not arrived.is_hashing:
                self._helper.begin(_HASH, artifact.sha256)
            time.sleep(max(0.0, min(POLL_S, until - time.monotonic())))
            return
        if arrived.sha256 == artifact.sha256:
            code, text = self._helper.run(_ACCEPT, artifact.sha256, artifact_path(artifact))
            if code:
                raise meaning(text)
            return
        # Damaged here or on the way? CHECKSUM is raised when it is the store's own file.
        left = max(0.0, until - time.monotonic())
        try:
            is_fine_here = self._verifier.verify(artifact, source, seconds=left).finished
        except FailureError:
            self._helper.run(_DROP, artifact.sha256)
            raise
        if is_fine_here:
            self._helper.run(_DROP, artifact.sha256)
            raise fail(
                FailureCode.TRANSFER_DAMAGED,
                file=artifact.file_name,
                expected=artifact.sha256,
                found=arrived.sha256,
            )


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


def _archive(name: str, file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield a tar archive of one file with the next `size` bytes."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    yield entry.tobuf(tarfile.PAX_FORMAT)
    left = size
    while left:
        block = file.read(min(BLOCK, left))
        if not block:
            raise fail(FailureCode.ARTIFACT_MISSING, file=name)
        left -= len(block)
        yield block
    yield bytes(-size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)
