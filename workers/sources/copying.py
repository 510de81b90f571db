"""Writes part files: enough room first, then on behind the last byte, and say how far it has come.

Every byte is written at its own offset, never "at the end": a worker that slept, and wakes when
another has gone on or has the file in the store already, writes again what lies there and spoils
nothing.
"""

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from models_app.domain.failures import FailureCode, fail
from models_app.domain.specs import Transfer
from models_app.domain.store import RESERVE, ROOM_FACTOR

CHUNK = 4 << 20


def check_space(part: Path, size: int) -> None:
    """Raise FailureError DISK_SPACE, with figures, unless the rest of the file has room."""
    have = part.stat().st_size if part.exists() else 0
    needed = int((size - have) * ROOM_FACTOR) + RESERVE
    free = shutil.disk_usage(part.parent).free
    if free < needed:
        raise fail(FailureCode.DISK_SPACE, needed_bytes=needed, free_bytes=free)


@contextmanager
def write_at(part: Path, offset: int) -> Iterator[BinaryIO]:
    """Open a part file, made when it is missing, to write from `offset` on."""
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as writer:
        writer.seek(offset)
        yield writer


def append_slice(source: Path, part: Path, *, size: int, until: float) -> Transfer:
    """Copy on behind the last byte of `part` until the monotonic time `until`; a chunk at least.

    Raises FailureError DISK_FULL when the disk is.
    """
    try:
        done = part.stat().st_size if part.exists() else 0
        with source.open("rb") as reader, write_at(part, done) as writer:
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
