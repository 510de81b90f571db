"""Several processes on one listening socket: Python uses one core in each.

The socket is opened before the first of them and outlives them all: while one is begun anew its
clients wait instead of being refused. None outlives this one.
"""

import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

_PR_SET_PDEATHSIG = 1
AGAIN_S = 1.0  # one that ends at once must not keep a core busy with beginning it


class Processes:
    """Keeps `count` processes running `serve` until INT or TERM, then waits for their end."""

    def __init__(self, count: int, serve: Callable[[socket.socket], None]) -> None:
        self._count = count
        self._serve = serve
        self._running: set[int] = set()
        self._is_stopping = False
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # before any fork

    def run(self, listening: socket.socket) -> None:
        """Return when all have ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._is_stopping and len(self._running) < self._count:
            self._begin(listening)
        while self._running:
            pid, _ = os.wait()
            self._running.discard(pid)
            if not self._is_stopping:
                time.sleep(AGAIN_S)
            if not self._is_stopping:
                self._begin(listening)

    def _begin(self, listening: socket.socket) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._running.add(pid)
            if self._is_stopping:  # the signal came in between
                os.kill(pid, signal.SIGTERM)
            return
        code = 1
        try:
            if self._libc is not None:
                self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            if os.getppid() == parent:  # else it died before the lines above
                self._serve(listening)
            code = 0
        finally:
            os._exit(code)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)
