"""One request and its answer on the wire, whichever way it came: through ASGI, or straight from the
socket (`direct_call.py`), which costs a fifth.

Knows whether anything was sent yet, since what the client has cannot be taken back; and whether
the client still takes what it is sent.
"""

import asyncio
import fcntl
import sys
import termios
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from random import Random

from controlplane.gateway.pump import Outlet

Headers = list[tuple[bytes, bytes]]

_dice = Random()  # noqa: S311 - names a request, keeps no secret; the kernel's costs a call each
_LOW_62_BITS = (1 << 62) - 1
TAKES_NOTHING_S = 60.0  # a client that took no byte for so long is let go


def header_of(headers: Headers, wanted: bytes) -> str:
    """Return a header; empty when it was not sent."""
    for name, value in headers:
        if name == wanted:
            return value.decode("latin-1")
    return ""


class Call(ABC):
    """A request as it stands."""

    def __init__(
        self,
        method: str,
        path: str,
        headers: Headers,
        transport: asyncio.WriteTransport | None,
    ) -> None:
        self.id = new_id()
        self.method = method
        self.path = path
        self.headers = headers
        self._announced: int | None = None
        self.body_size = 0  # memory set aside for it
        self.status = 0
        self.is_stream = False
        self.started = False
        self.ended = False
        self.sent = 0
        self._transport = transport
        self._blocked_at = 0.0
        self._left = -1

    def header(self, wanted: bytes) -> str:
        """Return a header of the request; empty when it was not sent."""
        return header_of(self.headers, wanted)

    @property
    def outlet(self) -> Outlet | None:
        """Return where bytes can go out in the step in which they came, if there is such a way."""
        return None

    @property
    def announced(self) -> int:
        """How long the body will be, as far as the client says: without a word, without an end."""
        if self._announced is None:
            text = self.header(b"content-length")
            self._announced = int(text) if text.isdecimal() else sys.maxsize
        return self._announced

    @abstractmethod
    async def body(self, limit: int, within_s: float) -> bytes:
        """Return the body. Raises TooLargeError (at once), ClientLeftError, BodySlowError."""

    @abstractmethod
    def watch(self, when_left: Callable[[], None]) -> None:
        """Call back when the client hangs up before it has everything; until `unwatch`."""

    @abstractmethod
    def unwatch(self) -> None:
        """Whether the client leaves is of no interest any more."""

    @abstractmethod
    async def begin(self, status: int, headers: Headers) -> None:
        """Send status and headers."""

    @abstractmethod
    async def write(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece of the body; waits while the client takes less than it is sent."""

    @abstractmethod
    async def answer(self, status: int, body: bytes, headers: Headers) -> None:
        """Send a whole answer."""

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

    def _own_headers(self) -> Headers:
        """Return what every answer of the gateway carries."""
        return [
            (b"x-request-id", str(self.id).encode()),
            (b"x-content-type-options", b"nosniff"),
        ]

    def _block(self, *, is_blocked: bool) -> None:
        self._blocked_at = time.monotonic() if is_blocked else 0.0


def new_id() -> uuid.UUID:
    """Return a UUID of version 7: later ones are larger, which an index of them is glad of."""
    dice = _dice.getrandbits(74)
    milliseconds = time.time_ns() // 1_000_000
    upper = (milliseconds << 16) | 0x7000 | (dice >> 62)
    return uuid.UUID(int=(upper << 64) | (2 << 62) | (dice & _LOW_62_BITS))


def _not_taken(transport: asyncio.WriteTransport) -> int:
    """Return how many bytes the client has not taken: in our buffer and in the kernel's.

    The kernel alone sees a client that takes a little: it tells us only when much is free again.
    """
    left = transport.get_write_buffer_size()
    sock = transport.get_extra_info("socket")
    with suppress(OSError, ValueError, AttributeError):
        left += int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4), "little")
    return left
