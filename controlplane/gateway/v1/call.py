"""One request and its answer on the wire: what ASGI leaves to the application, and no more.

Knows whether anything was sent yet, since what the client has cannot be taken back; and whether
the client still takes what it is sent.
"""

import asyncio
import fcntl
import sys
import termios
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from random import Random
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_dice = Random()  # noqa: S311 - names a request, keeps no secret; the kernel's costs a call each
TAKES_NOTHING_S = 60.0  # a client that took no byte for so long is let go


class Call:
    """A request as it stands."""

    __slots__ = (
        "_blocked_at",
        "_left",
        "_send",
        "_transport",
        "body_size",
        "ended",
        "headers",
        "id",
        "is_stream",
        "method",
        "path",
        "receive",
        "sent",
        "started",
        "status",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.id = uuid.UUID(int=_dice.getrandbits(128), version=4)
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.receive = receive
        self.body_size = 0
        self.status = 0
        self.is_stream = False
        self.started = False
        self.ended = False
        self.sent = 0
        self._send = send
        self._transport = _transport_of(send)
        self._blocked_at = 0.0
        self._left = -1

    def header(self, wanted: bytes) -> str:
        """Return a header of the request; empty when it was not sent."""
        for name, value in self.headers:
            if name == wanted:
                return value.decode("latin-1")
        return ""

    @property
    def announced(self) -> int:
        """How long the body will be, as far as the client says: without a word, without an end."""
        text = self.header(b"content-length")
        return int(text) if text.isdecimal() else sys.maxsize

    async def begin(self, status: int, headers: Headers) -> None:
        """Send status and headers."""
        self.started, self.status = True, status
        headers = [
            *headers,
            (b"x-request-id", str(self.id).encode()),
            (b"x-content-type-options", b"nosniff"),
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece of the body; waits while the client takes less than it is sent."""
        self._blocked_at = time.monotonic()
        try:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})
        finally:
            self._blocked_at = 0.0
        self.sent += len(body)
        self.ended = not more

    async def answer(self, status: int, body: bytes, headers: Headers) -> None:
        """Send a whole answer."""
        await self.begin(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.write(body, more=False)

    async def until_left(self) -> None:
        """Return when the client has hung up. Only once the body was read."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def takes_nothing(self, now: float) -> bool:
        """Return whether the client has taken no byte for TAKES_NOTHING_S. Ask every few seconds.

        Blocked alone does not say that: a slow client may take a minute for what is waiting.
        """
        if not self._blocked_at:
            self._left = -1
            return False
        left = _not_taken(self._transport) if self._transport is not None else -1
        if left != self._left and self._left >= 0:
            self._blocked_at = now
        self._left = left
        return now - self._blocked_at > TAKES_NOTHING_S

    def cut(self) -> None:
        """Break the connection; nothing that still waits for the client reaches it."""
        if self._transport is not None:
            with suppress(RuntimeError):
                self._transport.abort()


def _not_taken(transport: asyncio.WriteTransport) -> int:
    """Return how many bytes the client has not taken: in our buffer and in the kernel's.

    The kernel alone sees a client that takes a little: it tells us only when much is free again.
    """
    left = transport.get_write_buffer_size()
    sock = transport.get_extra_info("socket")
    with suppress(OSError, ValueError, AttributeError):
        left += int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4), "little")
    return left


def _transport_of(send: Send) -> asyncio.WriteTransport | None:
    """Return the socket behind uvicorn's `send`: ASGI has no word for how much still waits there.

    Under another server there is none: then a blocked client is judged by the clock alone.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return transport if hasattr(transport, "get_write_buffer_size") else None
