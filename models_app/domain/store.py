"""The model store: files named by their sha256, so that what is there is what its name says.

    <root>/<first two digits>/<sha256>/<file name>

A file appears whole or not at all: it is written elsewhere on the same disk, synced, then renamed.
Every function may be repeated after a crash at any point.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

_DIGEST = re.compile(r"[0-9a-f]{64}")
CHUNK = 4 << 20


class ModelStore:
    """The files below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_of(self, sha256: str, file_name: str) -> Path:
        """Return where a file lies, or would. Raises ValueError on a name that is not one."""
        if not _DIGEST.fullmatch(sha256):
            raise ValueError(f"not a sha256: {sha256[:80]!r}")
        if not file_name or file_name.startswith(".") or Path(file_name).name != file_name:
            raise ValueError(f"not a file name: {file_name[:80]!r}")
        return self.root / sha256[:2] / sha256 / file_name

    def adopt(self, part: Path, sha256: str, file_name: str) -> Path:
        """Move a verified file into the store; one that is there already wins. Raises OSError."""
        path = self.path_of(sha256, file_name)
        if path.is_file():
            part.unlink(missing_ok=True)
            return path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o600)
        part.replace(path)
        _sync_folder(path.parent)
        return path

    def verify(self, sha256: str, file_name: str) -> bool:
        """Return whether the file is there and its content is what its name says."""
        path = self.path_of(sha256, file_name)
        if not path.is_file():
            return False
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        return digest.hexdigest() == sha256

    def remove(self, sha256: str) -> None:
        """Forget a content. Absent is success."""
        if not _DIGEST.fullmatch(sha256):
            raise ValueError(f"not a sha256: {sha256[:80]!r}")
        shutil.rmtree(self.root / sha256[:2] / sha256, ignore_errors=True)

    def free_bytes(self) -> int:
        """Return how much the disk of the store still takes."""
        return shutil.disk_usage(self.root).free

    def contents(self) -> Iterator[str]:
        """Return the sha256 of everything that lies here; orphans are told by comparing."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]/*")):
            if _DIGEST.fullmatch(folder.name):
                yield folder.name


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
