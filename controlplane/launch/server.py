"""uvicorn's server, settled: what is loaded at its start is not walked again by the collector.

A full collection of all that Django and the pages load takes longer than the gateway may hold up a
token, and so does a thread that keeps the interpreter for Python's usual five milliseconds.
"""

import gc
import socket
import sys

import uvicorn

YOUNG_LIMIT = 10_000  # objects made before the youngest are looked through; 700 is a few requests
SWITCH_S = 0.001


class SettledServer(uvicorn.Server):
    """Settles the process once everything is loaded. One per process."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then settle."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_LIMIT, 20, 20)
        sys.setswitchinterval(SWITCH_S)
