"""Speaks HTTP to one replica's engine: opens an answer, reads it, and lets go of it at once.

The only user of httpx in the routing core. Bytes pass as they came. When the caller stops reading
(cancelled, or it closes the answer) the connection is closed, which tells the engine to stop.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import NoReturn, Self

import httpx

from controlplane.gateway.errors import (
    AnswerStalledError,
    EngineBusyError,
    EngineDiedError,
    EngineRefusedError,
    EngineUnreachableError,
    FirstTokenTimeoutError,
    RoutingError,
)
from controlplane.gateway.patience import Patience, Timeouts
from models_app.domain.routes import ReplicaRoute

ERROR_BODY_LIMIT = 64 * 1024
MESSAGE_LIMIT = 500
BUSY = frozenset({502, 503, 504})
KEEPALIVE_S = 4.0  # llama.cpp closes idle connections after 5 s; we do first, so none is stale
CLOSE_S = 2.0


def make_client(timeouts: Timeouts) -> httpx.AsyncClient:
    """Return the HTTP client of a routing core: no proxies, no redirects, no cookies kept."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(None, connect=timeouts.connect_s),
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=64, keepalive_expiry=KEEPALIVE_S
        ),
        trust_env=False,
        follow_redirects=False,
    )


class Answer:
    """An engine's answer whose first bytes have come. Close it, or use it as a context."""

    def __init__(self, replica: ReplicaRoute, response: httpx.Response, patience: Patience) -> None:
        self.replica = replica
        self.status = response.status_code
        self.headers = response.headers
        self.patience = patience
        self._response = response
        self._stream = response.aiter_raw()
        self._first: bytes | None = None
        self._read_any = False

    async def first(self) -> None:
        """Wait for the first bytes. Raises RoutingError."""
        self._first = await self._next()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises EngineDiedError and the two timeouts."""
        chunk, self._first = self._first, None
        while chunk is not None:
            yield chunk
            chunk = await self._next()

    async def close(self) -> None:
        """Let go of the engine; bounded, and safe to repeat."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._response.aclose()
        except (TimeoutError, httpx.HTTPError):
            pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(self.patience.wait()):
                chunk = await anext(self._stream, None)
        except TimeoutError:
            raise _timed_out(self.replica, self.patience) from None
        except httpx.HTTPError as error:
            raise self._broken(error) from error
        finally:
            self.patience.waited()
        self._read_any = self._read_any or chunk is not None
        return chunk

    def _broken(self, error: httpx.HTTPError) -> RoutingError:
        kind = EngineDiedError if self._read_any else EngineUnreachableError
        return kind(params=_where(self.replica) | {"detail": type(error).__name__})


async def open_answer(
    client: httpx.AsyncClient,
    replica: ReplicaRoute,
    *,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    patience: Patience,
) -> Answer:
    """Ask one replica and wait for the first bytes of its answer.

    Raises RoutingError: EngineUnreachableError, EngineBusyError, EngineRefusedError,
    FirstTokenTimeoutError.
    """
    request = client.build_request(
        "POST", f"http://{replica.address}{path}", content=body, headers=dict(headers)
    )
    try:
        async with asyncio.timeout(patience.wait()):
            response = await client.send(request, stream=True)
    except TimeoutError:
        raise _timed_out(replica, patience) from None
    except httpx.HTTPError as error:
        params = _where(replica) | {"detail": type(error).__name__}
        raise EngineUnreachableError(params=params) from error
    finally:
        patience.waited()
    answer = Answer(replica, response, patience)
    try:
        if not response.is_success:
            await _refuse(answer)
        await answer.first()
    except BaseException:
        await answer.close()
        raise
    return answer


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
    said = {"engine_status": answer.status, "message": error_message(body)}
    raise kind(params=_where(answer.replica) | said)


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
