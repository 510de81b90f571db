"""The plain case of a request, from its last byte to its answer without a task: two steps of the
event loop, one when it has come, one when its answer has.

A task, its waiting and its waking cost more than all that is decided for most requests. Plain is a
request with a head that is known, of a good key, that waits for nothing (no limit to ask Valkey
for, a free slot, an open connection) and is answered whole and soon. What is allowed and where it
goes is decided by the functions that decide it on the long way (`serving.py`); whatever turns out
not to be plain goes on there, from where it stands.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Protocol

from controlplane.gateway.exchange import Connection
from controlplane.gateway.meter import Meter
from controlplane.gateway.router import Asked
from controlplane.gateway.upstream import SUCCESS
from controlplane.gateway.v1.answer_head import AnswerHeads
from controlplane.gateway.v1.asking import ask_for, understood
from controlplane.gateway.v1.call import new_id
from controlplane.gateway.v1.desk import Desk
from controlplane.gateway.v1.direct_call import NOBODY_WAITS, DirectCall, Line
from controlplane.gateway.v1.known_request import KnownRequest
from controlplane.gateway.v1.noting import record_of
from controlplane.gateway.v1.relay import EVENT_STREAM, content_type_of, take_usage
from controlplane.gateway.v1.serving import Serving
from models_app.domain.errors import SlipwayError
from models_app.domain.gateway import GatewayKeyFacts

log = logging.getLogger(__name__)
_heads = AnswerHeads()


class PlainLine(Line, Protocol):
    """The connection that a request came on."""

    def hand_over(self, call: DirectCall, answering: Coroutine[None, None, None]) -> None:
        """Have the request answered on the long way."""
        ...


class PlainRequest:
    """A request that was asked. The server's protocol takes it for one of its own cycles."""

    __slots__ = (
        *("body_size", "disconnected", "keep_alive", "key", "message_event"),
        *("response_complete", "since", "_asked", "_desk", "_known", "_line", "_meter"),
    )

    def __init__(
        self,
        line: PlainLine,
        known: KnownRequest,
        key: GatewayKeyFacts,
        body_size: int,
        asked: Asked,
    ) -> None:
        self.disconnected = False
        self.keep_alive = True
        self.key = key
        self.message_event = NOBODY_WAITS
        self.response_complete = False
        self.since = asked.began
        self._asked = asked
        self.body_size = body_size
        self._desk = known.desk
        self._known = known
        self._line = line
        self._meter = Meter()

    def stop(self, error: SlipwayError) -> None:
        """End it from outside; the client is told why."""
        serving = self.go_on()
        asyncio.get_running_loop().call_soon(serving.stop, error)  # once its task has begun

    def lost(self) -> None:
        """The client has hung up."""
        call = self.go_on().call
        assert isinstance(call, DirectCall)
        call.lost()

    def room(self, *, is_there: bool) -> None:
        """The client takes what it is sent, or not: looked at when there is something to send."""

    def go_on(self) -> Serving:
        """Go the long way from here."""
        asked, desk = self._asked, self._desk
        assert asked.connection is not None
        asked.connection.listener = None
        desk.end_plain(self)
        call = DirectCall(self._line, self._known.path, self._known.headers)
        call.keep_alive = self.keep_alive
        desk.enter()
        desk.remember(call, self.body_size)
        serving = Serving(desk, call, self.key, self._known.spoken)
        self._line.hand_over(call, _answered(desk, serving, asked, self._meter))
        return serving

    def look(self) -> None:
        """Something came of the answer, or its connection broke."""
        connection = self._asked.connection
        assert connection is not None
        if connection.is_unsettled and not _is_stream(connection):
            return
        if (
            connection.is_whole
            and connection.status in SUCCESS
            and not _is_stream(connection)
            and not self._line.flow.write_paused
        ):
            self._finish(connection.status, connection.take() or b"")
        else:
            self.go_on()

    def _finish(self, status: int, body: bytes) -> None:
        """The answer is whole: send it, and write down what it took."""
        asked, line, desk = self._asked, self._line, self._desk
        assert asked.connection is not None
        content_type = content_type_of(asked.connection.headers)
        asked.connection.listener = None
        desk.end_plain(self)
        desk.router.close_asked(asked)
        request_id, route = new_id(), asked.route
        try:
            head = _heads.head(
                line.default_headers(), status, route.name, content_type, len(body), request_id
            )
            end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
            line.transport.write(b"".join((head, end, body)))
            take_usage(body, self._meter)
            record = record_of(
                request_id,
                self._meter.figures(),
                key=self.key,
                spoken=self._known.spoken,
                route=route,
                replica_id=asked.replica.row_id,
            )
            desk.usage.note(record)
        except Exception:
            log.exception("a request of the gateway failed")
            self.keep_alive = False
        self.response_complete = True
        if not self.keep_alive:
            line.transport.close()
        line.call_ended()


def ask_plainly(line: PlainLine, known: KnownRequest, body: bytes) -> PlainRequest | None:
    """Ask an engine for an answer; None, with nothing done, for what has to go the long way."""
    desk = known.desk
    key = desk.keys.good(known.key_id)
    if key is None or key.limits.is_counted or not desk.has_room(len(body)):
        return None
    try:
        asked = _asked(desk, known, key, body)
    except (SlipwayError, ValueError):
        return None  # it is refused there
    if asked is None or asked.connection is None:
        return None
    request = PlainRequest(line, known, key, len(body), asked)
    desk.begin_plain(request)
    asked.connection.listener = request.look
    return request


def _asked(desk: Desk, known: KnownRequest, key: GatewayKeyFacts, body: bytes) -> Asked | None:
    fields = understood(key, known.spoken, body)
    meant = None if fields.stream else desk.names.known(fields.model, key)
    if meant is None or meant.alias:
        return None
    route = meant.candidates[0]
    if route.limits.is_counted:
        return None
    ask = ask_for(key, route, known.spoken, known.wishes, fields, body)
    return desk.router.ask_at_once(route, ask)


def _is_stream(connection: Connection) -> bool:
    return connection.headers.get("content-type", "").startswith(EVENT_STREAM)


async def _answered(desk: Desk, serving: Serving, asked: Asked, meter: Meter) -> None:
    try:
        await serving.go_on(asked, meter)
    finally:
        desk.forget_body(serving.call)
        desk.leave()
