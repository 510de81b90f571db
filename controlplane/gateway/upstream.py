"""Asks one replica's engine: opens an answer, reads it, and lets go of it at once.

Bytes pass as they came. When the caller stops reading (cancelled, or it closes the answer) the
connection is closed, which tells the engine to stop.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import NoReturn, Self

from controlplane.gateway.capture_book import Recording
from controlplane.gateway.errors import (
    AnswerStalledError,
    EngineBusyError,
    EngineDiedError,
    EngineRefusedError,
    EngineUnreachableError,
    FirstTokenTimeoutError,
    RoutingError,
)
from controlplane.gateway.exchange import Connection, ConnectionBrokenError
from controlplane.gateway.http_pool import HeadTimeoutError, HttpPool, request_head
from controlplane.gateway.patience import Patience
from controlplane.gateway.pump import Outlet, Pump
from models_app.domain.doors import place_of
from models_app.domain.routes import ReplicaRoute

ERROR_BODY_LIMIT = 64 * 1024
MESSAGE_LIMIT = 500
BUSY = frozenset({502, 503, 504})
SUCCESS = range(200, 300)
END_S = 0.05  # a connection that can be kept is worth so much waiting


class Answer:
    """An engine's answer whose first bytes have come. Close it, or use it as a context."""

    def __init__(
        self, pool: HttpPool, replica: ReplicaRoute, connection: Connection, patience: Patience
    ) -> None:
        self.replica = replica
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers
        self.patience = patience
        self.recording: Recording | None = None  # what an admin has kept of it
        self._pool = pool
        self._connection: Connection | None = connection
        self._first: bytes | None = None
        self._read_any = False

    async def first(self) -> None:
        """Wait for the first bytes. Raises RoutingError."""
        self._first = await self._next()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises EngineDiedError and the two timeouts."""
        while (chunk := await self.read()) is not None:
            yield chunk

    async def read(self) -> bytes | None:
        """Return what has come since, None at the end. Raises as `chunks` does."""
        chunk, self._first = self._first, None
        if chunk is None:
            chunk = await self._next()
        if self.recording is not None and chunk is not None:
            self.recording.take(chunk)
        return chunk

    def close(self) -> None:
        """Let go of the engine; safe to repeat."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(self.replica.address, connection)

    async def finish(self) -> None:
        """Wait a moment for the end of a body whose content is known to be over."""
        if self._connection is not None:
            with suppress(ConnectionBrokenError, TimeoutError):
                await self._connection.read(END_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def pump(self, take: Callable[[bytes], bool], outlet: Outlet) -> None:
        """Hand what comes to `take`, in the step in which it comes, until it returns False.

        Returns at the end of the body too. Raises as `chunks` does.
        """
        first, self._first = self._first, None
        if (first is not None and not take(first)) or self._connection is None:
            return
        try:
            await Pump(self._connection, self.patience, take, outlet).run()
        except (TimeoutError, ConnectionBrokenError) as error:
            raise self._told(error) from error

    async def _next(self) -> bytes | None:
        if self._connection is None:
            return None
        try:
            chunk = await self._connection.read(self.patience.wait())
        except (TimeoutError, ConnectionBrokenError) as error:
            raise self._told(error) from error
        finally:
            self.patience.waited()
        self._read_any = self._read_any or chunk is not None
        return chunk

    def _told(self, error: TimeoutError | ConnectionBrokenError) -> RoutingError:
        if isinstance(error, TimeoutError):
            return _timed_out(self.replica, self.patience)
        kind = EngineDiedError if self._read_any else EngineUnreachableError
        return kind(params=_where(self.replica) | {"detail": error.detail})


async def open_answer(  # noqa: PLR0913 - each a part of the exchange
    pool: HttpPool,
    replica: ReplicaRoute,
    *,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    patience: Patience,
    asked: Connection | None = None,
) -> Answer:
    """Ask one replica and wait for the first bytes of its answer. `asked`: it was, there.

    Raises RoutingError: EngineUnreachableError, EngineBusyError, EngineRefusedError,
    FirstTokenTimeoutError.
    """
    head = engine_head(replica, path, len(body), headers)
    connect_s = patience.timeouts.connect_s
    try:
        connection = await pool.ask(
            replica.address,
            head,
            body,
            connect_s=connect_s,
            head_s=patience.wait(),
            certificate=replica.door.certificate_sha256,
            asked=asked,
        )
    except HeadTimeoutError:
        raise _timed_out(replica, patience) from None
    except (OSError, ConnectionBrokenError) as error:
        params = _where(replica) | {"detail": type(error).__name__}
        raise EngineUnreachableError(params=params) from error
    finally:
        patience.waited()
    answer = Answer(pool, replica, connection, patience)
    try:
        if answer.status not in SUCCESS:
            await _refuse(answer)
        await answer.first()
    except BaseException:
        answer.close()
        raise
    return answer


def engine_head(
    replica: ReplicaRoute, path: str, body_size: int, headers: Mapping[str, str]
) -> bytes:
    """Return the head of a request to a replica. Raises ValueError for a header of many lines."""
    place, authorization = place_of(replica.address), replica.door.authorization
    if authorization:
        headers = {**headers, "authorization": authorization}
    return request_head("POST", f"{place.base}{path}", place.netloc, body_size, headers)


async def _refuse(answer: Answer) -> NoReturn:
    body = b""
    try:
        await answer.first()
        async for chunk in answer.chunks():
            body += chunk
            if len(body) > ERROR_BODY_LIMIT:
                break
    except RoutingError:
        pass  # the status says enough
    kind = EngineBusyError if answer.status in BUSY else EngineRefusedError
    said = {
        "engine_status": answer.status,
        "engine_code": error_code(body),
        "message": error_message(body),
    }
    raise kind(params=_where(answer.replica) | said)


def error_code(body: bytes) -> str:
    """Return the engine's own word for an error, if it has one."""
    try:
        found = json.loads(body[:ERROR_BODY_LIMIT])
    except (ValueError, RecursionError):
        return ""
    error = found.get("error") if isinstance(found, dict) else None
    words = (error.get("code"), error.get("type")) if isinstance(error, dict) else ()
    return next((word[:MESSAGE_LIMIT] for word in words if isinstance(word, str) and word), "")


def error_message(body: bytes) -> str:
    """Return the engine's own words from an error body in any of the usual shapes, bounded."""
    text = body[:ERROR_BODY_LIMIT].decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text[:MESSAGE_LIMIT].strip()
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    return (found if isinstance(found, str) else json.dumps(found))[:MESSAGE_LIMIT]


def _timed_out(replica: ReplicaRoute, patience: Patience) -> RoutingError:
    where = _where(replica)
    if patience.started:
        return AnswerStalledError(params=where | {"seconds": patience.timeouts.idle_s})
    return FirstTokenTimeoutError(params=where | {"seconds": patience.timeouts.first_token_s})


def _where(replica: ReplicaRoute) -> dict[str, object]:
    return {"workload": replica.workload, "host": replica.host}
