"""One connection to Valkey for one event loop, with as little per command as Python can.

redis-py takes a connection out of a pool, wraps and walks each reply: measured, that took longer
than the rest of a request. Here what is asked in one step of the loop goes out in one write, and
the replies come in order. The protocol itself is read and written by hiredis.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis
from redis.asyncio.connection import SSLConnection, parse_url


class ValkeyLine(asyncio.Protocol):
    """A connection that is open, or was. A reply that is an error is returned, not raised."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_NOT_YET)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._commands: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether something can be asked."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, *command: str | bytes | int) -> asyncio.Future[Any]:
        """Return what will be the reply. It raises OSError, or TimeoutError after the patience."""
        future = self._loop.create_future()
        if not self.is_open:
            future.set_exception(ConnectionResetError())
            return future
        if not self._commands:
            self._loop.call_soon(self._send)
        self._commands.append(hiredis.pack_command(command))  # type: ignore[arg-type] # it takes any length
        self._waiting.append((self._loop.time() + self._patience_s, future))
        if self._timer is None:
            self._timer = self._loop.call_later(self._patience_s, self._look_at_the_clock)
        return future

    def close(self) -> None:
        """Let go of it; who waits is told."""
        if self._transport is not None:
            self._transport.abort()
        self._fail(ConnectionResetError())

    # --- asyncio's side ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        """Hand the replies to who asked."""
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _NOT_YET:
                _, future = self._waiting.popleft()
                if not future.done():
                    future.set_result(reply)
        except (hiredis.HiredisError, IndexError):  # not its protocol, or a reply nobody asked for
            self.close()

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell who waits."""
        self._fail(ConnectionResetError())

    # --- inside ------------------------------------------------------------------------------

    def _send(self) -> None:
        commands, self._commands = self._commands, []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(commands))

    def _look_at_the_clock(self) -> None:
        """One timer serves all that is asked: it looks at the oldest, and sets itself anew."""
        self._timer = None
        if not self._waiting:
            return
        left = self._waiting[0][0] - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look_at_the_clock)
            return
        self._fail(TimeoutError())
        self.close()  # replies that come late would be taken for those of others

    def _fail(self, error: Exception) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, deque()
        for _, future in waiting:
            if not future.done():
                future.set_exception(error)


_NOT_YET = object()


async def open_line(url: str, patience_s: float) -> ValkeyLine:
    """Return a connection to the server of a URL. Raises OSError, TimeoutError."""
    loop, place = asyncio.get_running_loop(), parse_url(url)
    make: Callable[[], ValkeyLine] = lambda: ValkeyLine(patience_s)  # noqa: E731
    async with asyncio.timeout(patience_s):
        if "path" in place:
            _, line = await loop.create_unix_connection(make, place["path"])
        else:
            is_tls = place.get("connection_class") is SSLConnection
            _, line = await loop.create_connection(
                make,
                place.get("host", "localhost"),
                place.get("port", 6379),
                ssl=ssl.create_default_context() if is_tls else None,
            )
    credentials = [place[part] for part in ("username", "password") if place.get(part)]
    if credentials:
        _check(await line.ask("AUTH", *credentials))
    if place.get("db"):
        _check(await line.ask("SELECT", place["db"]))
    return line


def _check(reply: object) -> None:
    if isinstance(reply, Exception):
        raise ConnectionRefusedError(str(reply)) from reply
