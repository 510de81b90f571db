"""Hands an engine's answer to the client: a stream event by event, anything else whole.

A whole answer is held until it ends, up to a limit, so that one which breaks off is told as an
error and not as half an answer with status 200.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from controlplane.gateway.errors import EngineDiedError, EngineMalformedError, EngineRefusedError
from controlplane.gateway.meter import Meter
from controlplane.gateway.pump import Outlet
from controlplane.gateway.router import Routed
from controlplane.gateway.upstream import Answer
from controlplane.gateway.v1.call import Call, Headers
from controlplane.gateway.v1.long_answers import TAIL_LIMIT, usage_of_ends
from controlplane.gateway.v1.spoken import Spoken
from controlplane.gateway.v1.stream_reader import (
    StreamMalformedError,
    StreamReader,
    StreamRefusedError,
)

WHOLE_LIMIT = 256 << 10  # what is longer passes through as it comes; only its ends are looked at
EVENT_STREAM = "text/event-stream"
_NO_BUFFERING: Headers = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]


class Relay(Protocol):
    """How an engine's answer reaches the client: as it is, or translated."""

    async def __call__(
        self,
        call: Call,
        routed: Routed,
        spoken: Spoken,
        meter: Meter,
        /,
        *,
        hides_usage: bool,
        headers: Headers,
    ) -> None:
        """Send the answer to its end. Raises RoutingError."""
        ...


class _Usage(msgspec.Struct):
    """The only part of a whole answer that matters here."""

    usage: dict[str, Any] | None = None


_usage = msgspec.json.Decoder(_Usage)


async def relay(
    call: Call, routed: Routed, spoken: Spoken, meter: Meter, *, hides_usage: bool, headers: Headers
) -> None:
    """Send the answer to its end. Raises RoutingError, with or without a part of it sent."""
    if routed.answer.headers.get("content-type", "").startswith(EVENT_STREAM):
        await _relay_stream(call, routed, spoken, meter, hides_usage=hides_usage, headers=headers)
    else:
        await _relay_whole(call, routed, meter, headers)


async def _relay_stream(
    call: Call, routed: Routed, spoken: Spoken, meter: Meter, *, hides_usage: bool, headers: Headers
) -> None:
    answer = routed.answer
    reader = StreamReader(spoken.route, meter, answer.patience.progress, hides_usage=hides_usage)
    where = {"workload": routed.replica.workload, "host": routed.replica.host}
    while not reader.ended:
        if call.started and call.outlet is not None:
            if not await _pump(answer, reader, call.outlet):
                raise EngineDiedError(params=where)
        else:
            chunk = await answer.read()
            if chunk is None:
                raise EngineDiedError(params=where)
            out = reader.feed(chunk)
            if out and not call.started:
                call.is_stream = True
                await call.begin(200, [*headers, _content_type(answer.headers), *_NO_BUFFERING])
            if out:
                await call.write(out, more=not reader.ended)
        if reader.failed:
            raise _told(reader.failed, where)
    await answer.finish()


async def _pump(answer: Answer, reader: StreamReader, outlet: Outlet) -> bool:
    """Return whether the stream came to an end of its own, good or bad."""

    def take(chunk: bytes) -> bool:
        out = reader.feed(chunk)
        if out:
            outlet.write_now(out, more=not reader.ended)
        return not (reader.ended or reader.failed)

    await answer.pump(take, outlet)
    return reader.ended or reader.failed is not None


def _told(
    error: StreamRefusedError | StreamMalformedError, where: Mapping[str, Any]
) -> EngineRefusedError | EngineMalformedError:
    if isinstance(error, StreamMalformedError):
        return EngineMalformedError(params=where)
    said = {"message": error.message, "engine_code": error.code, "engine_status": 502}
    return EngineRefusedError(params={**where, **said})


async def _relay_whole(call: Call, routed: Routed, meter: Meter, headers: Headers) -> None:
    answer = routed.answer
    pieces: list[bytes] = []
    size = 0
    while size <= WHOLE_LIMIT:
        chunk = await answer.read()
        if chunk is None:
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            take_usage(body, meter)
            await call.answer(answer.status, body, [*headers, _content_type(answer.headers)])
            return
        pieces.append(chunk)
        size += len(chunk)
    await _pass_long(call, answer, b"".join(pieces), meter, headers)


async def _pass_long(
    call: Call, answer: Answer, head: bytes, meter: Meter, headers: Headers
) -> None:
    """Send what is too long to be kept, as it comes; `head` has come."""
    length = answer.headers.get("content-length")
    counted = [(b"content-length", length.encode())] if length else []
    await call.begin(answer.status, [*headers, _content_type(answer.headers), *counted])
    await call.write(head)
    head, tail = head[:TAIL_LIMIT], head[-TAIL_LIMIT:]
    while (chunk := await answer.read()) is not None:
        await call.write(chunk)
        tail = (tail + chunk)[-TAIL_LIMIT:]
    usage = usage_of_ends(head, tail)
    if usage is not None:
        meter.usage(usage)
    await call.write(b"", more=False)


def take_usage(body: bytes, meter: Meter) -> None:
    """Tell the meter what a whole answer says that it used, if it says so."""
    try:
        usage = _usage.decode(body).usage
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return
    if usage is not None:
        meter.usage(usage)


def content_type_of(headers: Mapping[str, str]) -> str:
    """Return what an engine says that its answer is; JSON where it says nothing."""
    return headers.get("content-type", "application/json")


def _content_type(headers: Mapping[str, str]) -> tuple[bytes, bytes]:
    return (b"content-type", content_type_of(headers).encode("latin-1"))
