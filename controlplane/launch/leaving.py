"""Leaving a process without Python's own tidying up.

Taking thousands of loaded modules apart one by one costs half a second of processor for each part,
several on a busy machine: that is what made parts miss their time to stop, and be killed.
"""

import atexit
import os
import sys
from contextlib import suppress


def leave_at_once() -> None:
    """Have this process end as soon as its last exit handler has run."""
    atexit.register(_leave)  # the first that is registered runs last


def _leave() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a closed terminal
            stream.flush()
    os._exit(0)
