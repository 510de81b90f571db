"""Writes how far a model has been loaded, from a process of its own.

The library holds the interpreter while it loads, so no thread of the engine could tell. The lines
are a real sign of progress: one is written only when more of the model lies in memory than before.
"""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

EVERY_S = 1.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20


@contextmanager
def told(size_bytes: int) -> Iterator[None]:
    """Tell of the loading that happens in the block. Fork first, import the library later."""
    sys.stderr.flush()
    ended, ends = os.pipe()
    engine = os.getpid()
    teller = os.fork()
    if teller == 0:
        os.close(ends)
        _tell(engine, size_bytes, ended)
        os._exit(0)
    os.close(ended)
    try:
        yield
    finally:
        os.close(ends)  # as the kernel does when the engine dies: the teller ends with it
        os.waitpid(teller, 0)


def _tell(engine: int, size_bytes: int, ended: int) -> None:
    last = 0
    while not select.select([ended], [], [], EVERY_S)[0]:
        resident = _resident_bytes(engine)
        if resident // MIB > last // MIB:
            last = resident
            text = f"loading: {resident // MIB} MiB in memory, the model has {size_bytes // MIB}\n"
            sys.stderr.write(text)
            sys.stderr.flush()


def _resident_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123 - an import less at every start
            return int(file.read().split()[1]) * PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0
