"""Bounds what uvicorn leaves open: how long the head of a request may be, and how long it may take.

Without this a stranger's endless header would be kept in memory, and a connection that never
finishes its head would stay for ever. Bodies are bounded in `controlplane/bodies.py`.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT_BYTES = 64 << 10
HEAD_S = 15.0


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's own protocol, with a bound on the part in front of the body."""

    _head_bytes = 0
    _in_head = True
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Give the first head its time."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_S, self._refuse)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes while a head is open; one that came whole needs no clock."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT_BYTES:
                self._refuse()
            elif self._timer is None:
                self._timer = self.loop.call_later(HEAD_S, self._refuse)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It is whole."""
        self._end_head()
        super().on_headers_complete()

    def _end_head(self) -> None:
        self._in_head = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self) -> None:
        self._end_head()
        if not self.transport.is_closing():
            self.send_400_response("The head of the request is too long, or took too long.")
