"""The kernel's word on whether a workload lives: an flock that its processes inherit.

The lock belongs to the open file, not to a process: the spawner takes it, the engine's group
inherits the descriptor, and the kernel frees it when the last of them is gone, however they end.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock, or None when somebody else does.

    A folder that was purged meanwhile leaves us with the lock of a deleted file: look again.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_current(handle, path):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Return whether somebody holds the lock. Creates nothing.

    Looks by taking a shared lock for an instant: a spawner that meets it tries again.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(handle)


@contextmanager
def held(path: Path) -> Iterator[int | None]:
    """Hold the lock for the block; yields None when somebody else holds it."""
    handle = try_lock(path)
    try:
        yield handle
    finally:
        if handle is not None:
            os.close(handle)


def _is_current(handle: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(handle)
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
