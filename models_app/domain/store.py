"""The model store: every file lies under its own sha256, whole, or it does not lie there at all.

Layout: `<root>/<first two of sha256>/<sha256>/<file name>`. A file enters by one atomic rename
after its bytes are on the disk, and leaves by one atomic rename before it is deleted; a kill at any
point leaves either the old state or the new one, and rubbish that the next removal sweeps.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from models_app.domain.failures import FailureCode, fail
from models_app.domain.names import safe_file_name

CHUNK_BYTES = 4 << 20
RESERVE = 2 << 30  # bytes of a disk that stay free for everything else, here and on hosts
ROOM_FACTOR = 1.1  # of what is still to come
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REMOVING = ".removing-"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of the store; `modified_at` is in seconds since the epoch."""

    sha256: str
    file_name: str
    size_bytes: int
    modified_at: float


class ModelStore:
    """The files below one folder. Any number of processes may use it at the same time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_of(self, sha256: str, file_name: str) -> Path:
        """Return where the file lies or would lie. Raises ValueError for an unsafe name."""
        if file_name != safe_file_name(file_name):
            raise ValueError(file_name)
        return self._folder(sha256) / file_name

    def adopt(self, part: Path, sha256: str, file_name: str) -> Path:
        """Move a verified file into the store, replacing what lies there; return its place.

        Safe to repeat: when the part is gone and the file is there, the move has happened. Raises
        FailureError ARTIFACT_MISSING when neither is, DISK_FULL when the disk is.
        """
        place = self.path_of(sha256, file_name)
        if not part.exists():
            if place.exists():
                return place
            raise fail(FailureCode.ARTIFACT_MISSING, file=file_name)
        try:
            _sync(part)
            place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            part.chmod(0o444)
            _move(part, place)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise fail(FailureCode.DISK_FULL, path=str(self.root)) from None
            raise
        for folder in (place.parent, place.parent.parent, self.root):
            _sync(folder)
        return place

    def verify(
        self, sha256: str, file_name: str, *, heartbeat: Callable[[int], None] | None = None
    ) -> bool:
        """Read the whole file and return whether it still is what its name says.

        Raises FileNotFoundError. `heartbeat` hears how many bytes have been read.
        """
        return hash_file(self.path_of(sha256, file_name), heartbeat=heartbeat) == sha256

    def remove(self, sha256: str) -> None:
        """Forget every file of that content. Absent is success; running readers keep theirs."""
        folder = self._folder(sha256)
        try:
            folder.rename(self.root / f"{_REMOVING}{sha256}-{secrets.token_hex(4)}")
        except FileNotFoundError:
            pass
        else:
            _sync(folder.parent)
        for rubbish in self.root.glob(f"{_REMOVING}*"):
            shutil.rmtree(rubbish, ignore_errors=True)

    def free_bytes(self) -> int:
        """Return how much more the disk under the store takes."""
        return shutil.disk_usage(self.root).free

    def files(self) -> Iterator[StoredFile]:
        """Return every file that lies in the store."""
        for path in sorted(self.root.glob("??/*/*")):
            sha256 = path.parent.name
            if _SHA256.fullmatch(sha256) and path.parent.parent.name == sha256[:2]:
                try:
                    status = path.stat()
                except FileNotFoundError:  # removed meanwhile
                    continue
                yield StoredFile(sha256, path.name, status.st_size, status.st_mtime)

    def orphans(self, known: Collection[str]) -> list[StoredFile]:
        """Return the files whose sha256 is not known.

        A file is adopted before its row is written: callers leave young ones alone.
        """
        return [stored for stored in self.files() if stored.sha256 not in known]

    def _folder(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(sha256)
        return self.root / sha256[:2] / sha256


def hash_file(path: Path, *, heartbeat: Callable[[int], None] | None = None) -> str:
    """Return the sha256 of a file; `heartbeat` hears how many bytes have been read."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            if heartbeat:
                heartbeat(done)
    return digest.hexdigest()


def _move(part: Path, place: Path) -> None:
    try:
        part.replace(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The uploads lie on another disk: copy beside the place, so that the rename stays atomic.
        draft = place.parent / f".{place.name}.{secrets.token_hex(4)}"
        try:
            shutil.copyfile(part, draft)
            draft.chmod(0o444)
            _sync(draft)
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
        part.unlink()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
