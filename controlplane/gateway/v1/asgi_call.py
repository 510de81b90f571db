"""A request that came through ASGI, from whatever server. What comes straight from our own goes by
`direct_call.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from controlplane.gateway.v1.body import read_body
from controlplane.gateway.v1.call import Call, Headers

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

WATCH_AFTER_S = 0.05  # an answer that takes less costs no task that looks whether anybody waits


class AsgiCall(Call):
    """A request as ASGI tells it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope["method"], scope["path"], scope["headers"], _transport_of(send))
        self._receive = receive
        self._send = send
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None

    async def body(self, limit: int, within_s: float) -> bytes:
        """Return the body, counted while it is read."""
        return await read_body(self._receive, self.header(b"content-length"), limit, within_s)

    def watch(self, when_left: Callable[[], None]) -> None:
        """Look in a task of its own, soon: ASGI has no other word for it."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(WATCH_AFTER_S, self._begin_to_watch, when_left)

    def unwatch(self) -> None:
        """Look no longer."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()

    async def begin(self, status: int, headers: Headers) -> None:
        """Send status and headers."""
        self.started, self.status = True, status
        headers = [*headers, *self._own_headers()]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece of the body; waits while the client takes less than it is sent."""
        self._block(is_blocked=True)
        try:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
        finally:
            self._block(is_blocked=False)
        self.sent += len(body)
        self.ended = not more

    async def answer(self, status: int, body: bytes, headers: Headers) -> None:
        """Send a whole answer."""
        await self.begin(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.write(body, more=False)

    def _begin_to_watch(self, when_left: Callable[[], None]) -> None:
        self._watch = asyncio.create_task(self._until_left(when_left))

    async def _until_left(self, when_left: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.ended:  # else it has everything
            when_left()


def _transport_of(send: Send) -> asyncio.WriteTransport | None:
    """Return the socket behind uvicorn's `send`: ASGI has no word for how much still waits there.

    Under another server there is none: then a blocked client is judged by the clock alone.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return transport if hasattr(transport, "get_write_buffer_size") else None
