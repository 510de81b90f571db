"""A request straight from the socket of our own server: no ASGI, no second task, one write for a
whole answer. `controlplane/launch/front.py` makes them and feeds them.

The server's protocol takes it for one of its own cycles: `response_complete`, `keep_alive`,
`disconnected` and `message_event` are what it asks of those.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Protocol

from controlplane.gateway.pump import Outlet
from controlplane.gateway.v1.answer_head import lines_of
from controlplane.gateway.v1.body import ClientLeftError
from controlplane.gateway.v1.call import Call, Headers
from controlplane.gateway.v1.errors import BodySlowError
from models_app.domain.errors import TooLargeError

HELD_LIMIT = 64 << 10  # of a body, before anybody has asked for it


class Flow(Protocol):
    """Stops and resumes the reading from a connection; safe to repeat."""

    write_paused: bool  # the client does not take what it was sent

    def pause_reading(self) -> None:
        """Read nothing more."""
        ...

    def resume_reading(self) -> None:
        """Read on."""
        ...


class Line(Protocol):
    """The connection that a request came on."""

    transport: asyncio.Transport

    @property
    def flow(self) -> Flow:
        """Return what stops and resumes reading, and tells of writing."""
        ...

    def default_headers(self) -> Headers:
        """Return what every answer of this server carries."""
        ...

    def call_ended(self) -> None:
        """The answer is whole: the next request may be answered."""
        ...


class _NobodyWaits:
    """Stands for the event by which the server wakes an ASGI application."""

    def set(self) -> None:
        """Wake nobody."""


NOBODY_WAITS = _NobodyWaits()


class DirectCall(Call):
    """A request as the parser tells it."""

    def __init__(self, line: Line, path: str, headers: Headers) -> None:
        super().__init__("POST", path, headers, line.transport)
        self.response_complete = False
        self.keep_alive = True
        self.disconnected = False
        self.message_event = NOBODY_WAITS
        self.is_blocked = line.flow.write_paused  # answers before this one may wait for it
        self.when_room: Callable[[], None] | None = None
        self._line = line
        self._pieces: list[bytes] = []
        self._size = 0
        self._limit = -1  # nobody has asked for the body yet
        self._is_whole = False
        self._waiter: asyncio.Future[None] | None = None
        self._when_left: Callable[[], None] | None = None
        self._head = b""  # of the answer, until the first piece of its body goes with it
        self._is_chunked = False
        if self.is_blocked:
            self._block(is_blocked=True)

    @property
    def outlet(self) -> Outlet:
        """Return itself: see `write_now`."""
        return self

    # --- the server's side -------------------------------------------------------------------

    def feed(self, piece: bytes) -> None:
        """Take a piece of the request's body; what nobody will read is dropped."""
        if self.response_complete or (self._size > self._limit >= 0):
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._limit < 0:
            if self._size > HELD_LIMIT:
                self._line.flow.pause_reading()
        elif self._size > self._limit:
            self._pieces = []
            self._wake(TooLargeError(params={"limit_bytes": self._limit}))

    def whole(self) -> None:
        """The request is whole."""
        self._is_whole = True
        self._wake(None)

    def lost(self) -> None:
        """The client has hung up."""
        self.disconnected = True
        self.is_blocked = False
        self._wake(ClientLeftError())
        if self._when_left is not None and not self.ended:
            self._when_left()

    def room(self, *, is_there: bool) -> None:
        """The client takes more, or no more, for now."""
        self.is_blocked = not is_there
        self._block(is_blocked=self.is_blocked)
        if is_there:
            self._wake(None)
            if self.when_room is not None:
                self.when_room()

    # --- the gateway's side ------------------------------------------------------------------

    async def body(self, limit: int, within_s: float) -> bytes:
        """Return the body. Raises TooLargeError (at once), ClientLeftError, BodySlowError."""
        is_large = limit < self.announced < sys.maxsize
        self._limit = 0 if is_large else limit
        self._line.flow.resume_reading()
        if is_large or self._size > limit:
            raise TooLargeError(params={"limit_bytes": limit})
        if not self._is_whole:
            try:
                async with asyncio.timeout(within_s):
                    await self._wait()
            except TimeoutError:
                raise BodySlowError from None
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def watch(self, when_left: Callable[[], None]) -> None:
        """Call back when the client hangs up."""
        self._when_left = when_left
        if self.disconnected:
            when_left()

    def unwatch(self) -> None:
        """Not any more."""
        self._when_left = None

    async def begin(self, status: int, headers: Headers) -> None:
        """Keep status and headers; they go with the first piece of the body."""
        self.started, self.status = True, status
        self._is_chunked = all(name != b"content-length" for name, _ in headers)
        framing = [(b"transfer-encoding", b"chunked")] if self._is_chunked else []
        self._head = self._head_of(status, [*headers, *framing])

    def write_now(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece of the body, whether or not the client takes it: see `is_blocked`."""
        head, self._head = self._head, b""
        self.sent += len(body)
        if self._is_chunked:
            piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self._send(head + piece if more else head + piece + b"0\r\n\r\n")
        else:
            self._send(head + body)
        if not more:
            self._end()

    async def write(self, body: bytes, *, more: bool = True) -> None:
        """Send a piece of the body; waits while the client takes less than it is sent."""
        if self.is_blocked:
            await self._wait()
        self.write_now(body, more=more)
        if self.is_blocked and not self.ended:
            await self._wait()

    async def answer(self, status: int, body: bytes, headers: Headers) -> None:
        """Send a whole answer at once, or once the client has taken those before it."""
        if self.is_blocked:
            await self._wait()
        self.started, self.status = True, status
        length = (b"content-length", b"%d" % len(body))
        self._send(self._head_of(status, [*headers, length]) + body)
        self.sent += len(body)
        self._end()

    # --- inside ------------------------------------------------------------------------------

    def _head_of(self, status: int, headers: Headers) -> bytes:
        headers = [*self._line.default_headers(), *headers, *self._own_headers()]
        if (b"connection", b"close") in headers:
            self.keep_alive = False
        elif not self.keep_alive:
            headers.append((b"connection", b"close"))
        return lines_of(status, headers) + b"\r\n"

    def _send(self, data: bytes) -> None:
        if data and not self.disconnected:
            self._line.transport.write(data)

    def _end(self) -> None:
        self.ended = self.response_complete = True
        self._pieces = []
        if not self.keep_alive:
            self._line.transport.close()
        self._line.call_ended()

    async def _wait(self) -> None:
        if self.disconnected:
            raise ClientLeftError
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self, error: Exception | None) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
