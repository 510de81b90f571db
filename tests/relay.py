"""A relay of a test's own: a port of this machine that leads elsewhere, or into silence."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

PIECE = 64 << 10


class Relay:
    """Carries bytes between whoever connects to it and `to`; without `to` it answers nothing."""

    def __init__(self, to: tuple[str, int] | None = None) -> None:
        self.bytes_per_s: float | None = None  # of each direction of each connection
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._open.append(near)
                if self._to is None:
                    continue
                far = socket.create_connection(self._to, timeout=10)
                far.settimeout(None)
                self._open.append(far)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                target.sendall(piece)
                if self.bytes_per_s:
                    time.sleep(len(piece) / self.bytes_per_s)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
