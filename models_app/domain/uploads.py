"""Files on their way in: received in pieces, so that a broken line costs what had not come yet.

An upload is `<id>.upload` in one folder. Its id holds the user's own number, a secret part, and the
size that was announced: nobody can write into another's, and nothing can grow beyond what was said
(`u3-<32 hex digits>-<size in hex>`). The front door writes it; the hands move it away when the
import begins. Its sha256 is computed as it arrives, and lies beside it in `<id>.sha256` once it is
whole, with the time of the last byte: a file that was touched since is read again.
"""

import errno
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from models_app.domain.errors import ConflictError, NotFoundError, TooLargeError
from models_app.domain.running_hashes import Hash, RunningHashes

SPACE_KEPT_BYTES = 512 << 20  # of the disk, for everything else
LARGEST_BYTES = 1 << 40
ABANDONED_S = 24 * 3600.0  # without a byte for so long: nobody will finish it
_CHUNK = 1 << 20
_hashes = RunningHashes()
_ID = re.compile(r"u([0-9]{1,18})-[0-9a-f]{32}-([0-9a-f]{1,10})")


class Body(Protocol):
    """Where a piece is read from: a request."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end. Raises OSError when the line is cut."""
        ...


@dataclass(frozen=True, slots=True)
class Upload:
    """How far one upload has come."""

    id: str
    size_bytes: int
    offset: int  # how much of it is here: where the next piece begins

    @property
    def is_whole(self) -> bool:
        """Return whether nothing is missing."""
        return self.offset == self.size_bytes


class UploadFolder:
    """The uploads below one folder. Any number of processes may use it at the same time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self, user_id: int | None, size_bytes: int, *, limit_bytes: int) -> Upload:
        """Return a new upload. Raises TooLargeError: over the limit, or the disk has no room."""
        if size_bytes > min(limit_bytes, LARGEST_BYTES):
            raise TooLargeError("UPLOAD_TOO_LARGE", params={"limit_bytes": limit_bytes})
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(self.root).free - SPACE_KEPT_BYTES - self._still_to_come()
        if size_bytes > free:
            raise _no_space(size_bytes, free)
        upload = f"u{user_id or 0}-{token_hex(16)}-{size_bytes:x}"
        self._place(upload).touch(mode=0o600)
        return Upload(upload, size_bytes, 0)

    def find(self, user_id: int | None, upload: str) -> Upload:
        """Return one's own upload. Raises NotFoundError UPLOAD_UNKNOWN."""
        size = _size_of(user_id, upload)
        try:
            offset = self._place(upload).stat().st_size if size is not None else None
        except FileNotFoundError:
            offset = None
        if size is None or offset is None:
            raise NotFoundError("UPLOAD_UNKNOWN")
        return Upload(upload, size, offset)

    def append(self, user_id: int | None, upload: str, offset: int, body: Body) -> Upload:
        """Write a piece at `offset`, which must be where the file ends; return how far it came.

        Raises ConflictError UPLOAD_OFFSET with the right offset, UPLOAD_BUSY, UPLOAD_INCOMPLETE
        when the line was cut (what came is kept), TooLargeError beyond the announced size.
        """
        found = self.find(user_id, upload)
        with self._locked(upload) as handle:
            end = os.lseek(handle, 0, os.SEEK_END)
            if offset != end:
                raise ConflictError("UPLOAD_OFFSET", params={"done": end})
            piece = _Piece(handle, end, found.size_bytes, _hashes.take(upload, end))
            try:
                piece.write(body)
            finally:
                _hashes.put(upload, piece.end, piece.state)
            now = Upload(upload, found.size_bytes, piece.end)
            if now.is_whole and piece.state is not None:
                self._note_hash(upload, handle, piece.state.hexdigest())
            return now

    def arrived(self, upload: str, file: Path) -> str | None:
        """Return the sha256 that an upload had when it arrived; None unless `file` is still that.

        `file` is where it lies now: the hands have moved it.
        """
        if not _ID.fullmatch(upload):
            return None
        try:
            size, modified_ns, sha256 = self._note(upload).read_text().split()
            found = file.stat()
        except (FileNotFoundError, ValueError):
            return None
        is_same = (str(found.st_size), str(found.st_mtime_ns)) == (size, modified_ns)
        return sha256 if is_same else None

    def forget(self, user_id: int | None, upload: str) -> None:
        """Delete one's own upload; one that is not there is forgotten already."""
        if _size_of(user_id, upload) is not None:
            self._place(upload).unlink(missing_ok=True)
            self.forget_hash(upload)

    def forget_hash(self, upload: str) -> None:
        """Delete what is known of an upload's content, if that is an upload's id."""
        if _ID.fullmatch(upload):
            self._note(upload).unlink(missing_ok=True)

    def path_of(self, upload: str) -> Path | None:
        """Return where an upload lies or would lie; None for what is no upload's id."""
        return self._place(upload) if _ID.fullmatch(upload) else None

    def sweep(self, *, older_than_s: float = ABANDONED_S) -> int:
        """Delete what nobody has written to for so long; return how many there were."""
        gone, before = 0, time.time() - older_than_s
        for path in [*self.root.glob("*.upload"), *self.root.glob("*.sha256")]:
            try:
                if path.stat().st_mtime < before:
                    path.unlink()
                    gone += path.suffix == ".upload"
            except FileNotFoundError:  # an import took it meanwhile
                continue
        return gone

    def _still_to_come(self) -> int:
        """Return what was announced and has not arrived: two large files must not share a gap."""
        missing = 0
        for path in self.root.glob("*.upload"):
            match = _ID.fullmatch(path.stem)
            try:
                missing += max(int(match[2], 16) - path.stat().st_size, 0) if match else 0
            except FileNotFoundError:
                continue
        return missing

    def _place(self, upload: str) -> Path:
        return self.root / f"{upload}.upload"

    def _note(self, upload: str) -> Path:
        return self.root / f"{upload}.sha256"

    def _note_hash(self, upload: str, handle: int, sha256: str) -> None:
        found = os.fstat(handle)
        half = self.root / f"{upload}.new.sha256"
        half.write_text(f"{found.st_size} {found.st_mtime_ns} {sha256}\n")
        half.replace(self._note(upload))

    @contextmanager
    def _locked(self, upload: str) -> Iterator[int]:
        """Open the file for one writer; the kernel lets go of the lock whatever happens."""
        try:
            handle = os.open(self._place(upload), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise NotFoundError("UPLOAD_UNKNOWN") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield handle
        except BlockingIOError:
            raise ConflictError("UPLOAD_BUSY") from None
        finally:
            os.close(handle)


class _Piece:
    """One piece on its way into the file: where it ends by now, and the hash of all before that."""

    def __init__(self, handle: int, begin: int, size: int, state: Hash | None) -> None:
        self.end = begin
        self.state = state
        self._handle, self._begin, self._size = handle, begin, size
        self._before = state.copy() if state else None

    def write(self, body: Body) -> None:
        """Append what comes."""
        while True:
            try:
                chunk = body.read(_CHUNK)
            except OSError:
                raise ConflictError("UPLOAD_INCOMPLETE", params={"done": self.end}) from None
            if not chunk:
                return
            if self.end + len(chunk) > self._size:
                self._undo()
                raise TooLargeError("UPLOAD_OVERRUN", params={"size_bytes": self._size})
            self._add(chunk)

    def _add(self, chunk: bytes) -> None:
        try:
            _write_all(self._handle, chunk)
        except OSError as error:
            self._undo()
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise _no_space(self._size, 0) from None
        self.end += len(chunk)
        if self.state:
            self.state.update(chunk)

    def _undo(self) -> None:
        os.ftruncate(self._handle, self._begin)
        self.end, self.state = self._begin, self._before


def _write_all(handle: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _size_of(user_id: int | None, upload: str) -> int | None:
    """Return the announced size in an upload's id; None unless it is this user's."""
    match = _ID.fullmatch(upload)
    return int(match[2], 16) if match and int(match[1]) == (user_id or 0) else None


def _no_space(needed: int, free: int) -> TooLargeError:
    return TooLargeError("DISK_SPACE", params={"needed_bytes": needed, "free_bytes": max(free, 0)})
