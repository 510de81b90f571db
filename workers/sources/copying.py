"""Writes part files: enough room first, then append, sync, and say how far it has come."""

import errno
import os
import shutil
import time
from pathlib import Path

from models_app.domain.failures import FailureCode, fail
from models_app.domain.specs import Transfer

CHUNK = 4 << 20
RESERVE = 2 << 30  # bytes that stay free for everything else on the disk
ROOM_FACTOR = 1.1


def check_space(part: Path, size: int) -> None:
    """Raise FailureError DISK_SPACE, with figures, unless the rest of the file has room."""
    have = part.stat().st_size if part.exists() else 0
    needed = int((size - have) * ROOM_FACTOR) + RESERVE
    free = shutil.disk_usage(part.parent).free
    if free < needed:
        raise fail(FailureCode.DISK_SPACE, needed_bytes=needed, free_bytes=free)


def append_slice(source: Path, part: Path, *, size: int, until: float) -> Transfer:
    """Copy on behind the last byte of `part` until the monotonic time `until`; a chunk at least.

    Raises FailureError DISK_FULL when the disk is.
    """
    try:
        with source.open("rb") as reader, part.open("ab") as writer:
            done = writer.seek(0, os.SEEK_END)
            reader.seek(done)
            while done < size and (chunk := reader.read(min(CHUNK, size - done))):
                writer.write(chunk)
                done += len(chunk)
                if time.monotonic() >= until:
                    break
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise fail(FailureCode.DISK_FULL, path=str(part.parent)) from error
        raise
    return Transfer(done_bytes=done, total_bytes=size, finished=done >= size, path=str(part))
