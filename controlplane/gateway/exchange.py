"""One HTTP/1.1 exchange at a time on a socket to an engine, with as little per byte as Python can.

Why not httpx or aiohttp here: docs/decisions/gateway-upstream-client.md. llhttp does the parsing
(the `httptools` package, which uvicorn reads requests with too); this module moves its results.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Mapping
from typing import cast

import httptools

from controlplane.gateway.known_answers import KnownAnswers

HELD_LIMIT = 64 * 1024  # of an answer that nobody reads: beyond it the engine has to wait
READ_SIZE = 64 * 1024
HEADERS_LIMIT = 64 * 1024
_INTERIM_BELOW = 200
_NO_HEADERS: Mapping[str, str] = {}
_shared = memoryview(bytearray(READ_SIZE))  # filled and parsed in one step of the loop, never kept
_known = KnownAnswers()


class ConnectionBrokenError(Exception):
    """The connection ended, or said what is not HTTP. `unused`: no byte of an answer had come."""

    def __init__(self, detail: str, *, unused: bool) -> None:
        self.detail = detail
        self.unused = unused
        super().__init__(detail)


class Connection(asyncio.BufferedProtocol):
    """A socket to one engine. `ask`, `head`, then `read` until it gives None.

    A connection whose exchange has not ended is closed by `release`: that tells the engine to stop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.idle_since = 0.0
        self.exchanges = 0
        self.listener: Callable[[], None] | None = None  # called for whatever is new
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._own_headers: dict[str, str] = {}  # as they are being read
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._headers_size = 0
        self._is_paused = False
        self._has_head = False
        self._has_ended = True
        self._any_byte = False
        self._lost: str | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # --- what the pool and the answer use ----------------------------------------------------

    @property
    def is_usable(self) -> bool:
        """Whether another exchange can begin on it."""
        return self._has_ended and self._lost is None

    def ask(self, head: bytes, body: bytes) -> None:
        """Send a request."""
        self.exchanges += 1
        self.status, self.headers = 0, _NO_HEADERS
        self._has_head = self._has_ended = self._any_byte = False
        if self._transport is None or self._lost is not None:
            return  # `head` says so
        if len(body) <= READ_SIZE:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    async def head(self, within_s: float) -> None:
        """Wait for status and headers. Raises ConnectionBrokenError, TimeoutError."""
        while not self._has_head:
            self._check()
            await self._wait(within_s)

    async def read(self, within_s: float) -> bytes | None:
        """Return what came since, None at the end. Raises ConnectionBrokenError, TimeoutError."""
        while not self._pieces:
            if self._has_ended:
                return None
            self._check()
            await self._wait(within_s)
        return self.take()

    def take(self) -> bytes | None:
        """Return what is there, None for nothing."""
        if not self._pieces:
            return None
        found = self._pieces.popleft() if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        if self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()
        return found

    @property
    def is_whole(self) -> bool:
        """Whether all of the answer has come, as HTTP says."""
        return self._has_ended and self._has_head

    @property
    def is_unsettled(self) -> bool:
        """Whether it is not whole and may become so: nothing is wrong, not much has come."""
        return not self._has_ended and self._lost is None and self._held <= HELD_LIMIT // 2

    def is_over(self) -> bool:
        """Return whether nothing more will come. Raises ConnectionBrokenError."""
        if not self._has_ended:
            self._check()
        return self._has_ended

    def release(self) -> bool:
        """Let go of the exchange; return whether the connection can serve another one.

        Its timer stays: the next exchange most likely needs it no sooner.
        """
        self._pieces.clear()
        self._held = 0
        if self.is_usable and not self._is_paused:
            self.idle_since = self._loop.time()
            return True
        self.close()
        return False

    def close(self) -> None:
        """Break the connection at once: nothing that it still holds matters to anybody."""
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio's side ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def get_buffer(self, _size_hint: int) -> memoryview:
        """Lend the shared buffer: it is parsed before anybody else can be given it."""
        return _shared

    def buffer_updated(self, size: int) -> None:
        """Parse what came."""
        if self._has_ended:  # nobody asked
            self._lose("spoke unasked")
            self.close()
            return
        if self._any_byte:
            self._parse(_shared[:size])
        else:
            self._begin(bytes(_shared[:size]))
        if self._held > HELD_LIMIT and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def _begin(self, data: bytes) -> None:
        """An answer begins; one whose head is known and that is whole is not parsed."""
        self._any_byte = True
        found = _known.find(data)
        if found is None:
            self._parse(data)
            if self._has_ended and self._lost is None:
                _known.learn(data, self.status, self.headers)
            return
        known, body = found
        self.status, self.headers = known.status, known.headers
        self._has_head = self._has_ended = True
        if body:
            self._pieces.append(body)
            self._held = len(body)

    def _parse(self, data: bytes | memoryview) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._lose(f"not HTTP: {type(error).__name__}")
            self.close()

    def eof_received(self) -> bool:
        """Close our side too."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Take the end of the connection as the end of a body only where HTTP says so."""
        framed = "content-length" in self.headers or "transfer-encoding" in self.headers
        if self._has_head and not self._has_ended and not framed and error is None:
            self._has_ended = True
        self._lose(type(error).__name__ if error else "closed")
        self._wake()

    # --- llhttp's side -----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A head begins; an interim one before it does not count."""
        if self._has_ended:
            raise _UnaskedError
        self.headers = self._own_headers = {}
        self._headers_size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header; the last of equal names wins."""
        self._headers_size += len(name) + len(value)
        if self._headers_size > HEADERS_LIMIT:
            raise _RefusedHeadError
        self._own_headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is whole, unless it only says that the real one follows."""
        self.status = self._parser.get_status_code()
        self._has_head = self.status >= _INTERIM_BELOW

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._pieces.append(body)
        self._held += len(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if not self._has_head:
            return
        self._has_ended = True
        if not self._parser.should_keep_alive():
            self._lose("closed")

    # --- waiting -----------------------------------------------------------------------------

    def _check(self) -> None:
        if self._lost is not None:
            raise ConnectionBrokenError(self._lost, unused=not self._any_byte)

    def _lose(self, why: str) -> None:
        if self._lost is None:
            self._lost = why

    async def _wait(self, within_s: float) -> None:
        """Wait for anything new. One timer serves a whole stream: it looks when it fires."""
        self._deadline = self._loop.time() + within_s
        if self._timer is None or self._timer.when() > self._deadline:
            self._stop_timer()
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)
        else:
            self._waiter.set_exception(TimeoutError())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        if self.listener is not None:
            self.listener()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _UnaskedError(Exception):
    """A second answer comes behind the one that was asked for."""


class _RefusedHeadError(Exception):
    """The engine's headers are longer than anybody's need to be."""
