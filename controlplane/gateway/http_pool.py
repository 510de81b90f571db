"""Keeps connections to engines open between requests, a few for each.

No proxies, no redirects, no cookies: an engine is where the ledger says, and nowhere else.
"""

import asyncio
import hashlib
import socket
import ssl
from collections import defaultdict, deque
from collections.abc import Mapping
from functools import cache, lru_cache

from controlplane.gateway.exchange import Connection, ConnectionBrokenError
from models_app.domain.doors import place_of

KEEPALIVE_S = 4.0  # llama.cpp closes idle connections after 5 s; we do first, so none is stale
KEPT = 64  # idle connections of one engine
SWEEP_S = 2.0
SILENT_S = 8  # of a machine that acknowledges nothing we send, not even that we are still there


class HeadTimeoutError(Exception):
    """Connected and asked, and no head of an answer came in time."""


class HttpPool:
    """Connections of one event loop."""

    def __init__(self) -> None:
        self._idle: defaultdict[str, deque[Connection]] = defaultdict(deque)
        self._sweep: asyncio.TimerHandle | None = None

    async def ask(  # noqa: PLR0913 - each a part of the exchange
        self,
        address: str,
        head: bytes,
        body: bytes,
        *,
        connect_s: float,
        head_s: float,
        certificate: str = "",
        asked: Connection | None = None,
    ) -> Connection:
        """Send a request and wait for the head of its answer. `asked`: where it went out already.

        A kept connection that turns out closed before it said anything is replaced by a new one:
        the engine had hung up before the request came. Raises OSError (which a connection that
        takes too long is too), ConnectionBrokenError, HeadTimeoutError.
        """
        connection = asked or self.kept(address)
        if connection is not None:
            try:
                if asked is None:
                    connection.ask(head, body)
                return await self._head_of(connection, head_s)
            except ConnectionBrokenError as error:
                if not error.unused:
                    raise
        connection = await self._connect(address, connect_s, certificate)
        connection.ask(head, body)
        return await self._head_of(connection, head_s)

    def give_back(self, address: str, connection: Connection) -> None:
        """Take a connection whose answer was read, or is no longer wanted."""
        if connection.release():
            kept = self._idle[address]
            kept.append(connection)
            if len(kept) > KEPT:
                kept.popleft().close()
            if self._sweep is None:
                self._sweep = asyncio.get_running_loop().call_later(SWEEP_S, self._close_old)

    def close(self) -> None:
        """Close what is idle."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for kept in self._idle.values():
            for connection in kept:
                connection.close()
        self._idle.clear()

    def kept(self, address: str) -> Connection | None:
        """Return an open connection on which nothing is asked, taken out of the pool."""
        kept = self._idle.get(address)
        while kept:
            connection = kept.pop()  # the one used last: the others may grow old and go
            if connection.is_usable:
                return connection
            connection.close()
        return None

    async def _connect(self, address: str, connect_s: float, certificate: str) -> Connection:
        loop, place = asyncio.get_running_loop(), place_of(address)
        async with asyncio.timeout(connect_s):
            transport, connection = await loop.create_connection(
                lambda: Connection(loop),
                place.host,
                place.port,
                ssl=_any_certificate() if place.encrypted else None,
            )
        _notice_silence(transport.get_extra_info("socket"))
        if place.encrypted and not _shows(transport, certificate):
            connection.close()  # before a byte of ours was sent
            raise ssl.SSLCertVerificationError(f"{place.netloc} shows another certificate")
        return connection

    async def _head_of(self, connection: Connection, head_s: float) -> Connection:
        try:
            await connection.head(head_s)
        except TimeoutError:
            connection.close()
            raise HeadTimeoutError from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _close_old(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - KEEPALIVE_S
        for address in list(self._idle):
            kept = self._idle[address]
            while kept and kept[0].idle_since < oldest:
                kept.popleft().close()
            if not kept:
                del self._idle[address]
        self._sweep = loop.call_later(SWEEP_S, self._close_old) if self._idle else None


def _notice_silence(own: socket.socket) -> None:
    """Have the kernel break the connection to a machine that is gone without a word.

    An engine may be silent for minutes; its machine's kernel answers all the while. Without this a
    request on a kept connection into a cut cable waits until the first token's timeout.
    """
    own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", SILENT_S // 2),
        ("TCP_KEEPINTVL", SILENT_S // 4),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", SILENT_S * 1000),  # milliseconds
    ):
        option = getattr(socket, name, None)  # macOS lacks some
        if option is not None:
            own.setsockopt(socket.IPPROTO_TCP, option, value)


@cache
def _any_certificate() -> ssl.SSLContext:
    """Return a context that asks for a certificate and leaves it to `_shows` to trust it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _shows(transport: asyncio.BaseTransport, certificate: str) -> bool:
    """Return whether the peer showed the pinned certificate; nothing pinned is nothing trusted."""
    peer = transport.get_extra_info("ssl_object")
    shown = peer.getpeercert(binary_form=True) if peer else None
    if not shown or not certificate:
        return False
    return hashlib.sha256(shown).hexdigest() == certificate


def request_head(
    method: str, path: str, address: str, body_size: int, headers: Mapping[str, str]
) -> bytes:
    """Return the head of a request. Raises ValueError for a header that is not one line."""
    known = _head_without_length(method, path, address, tuple(headers.items()))
    return b"%bcontent-length: %d\r\n\r\n" % (known, body_size)


@lru_cache(maxsize=1024)
def _head_without_length(
    method: str, path: str, address: str, headers: tuple[tuple[str, str], ...]
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"host: {address}"]
    for name, value in headers:
        if "\r" in value or "\n" in value or "\0" in value:
            raise ValueError(name)
        lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n").encode("latin-1", "replace")
