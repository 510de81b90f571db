"""The server's end of a connection: requests for the gateway skip ASGI, everything else goes on.

Measured, ASGI was two fifths of what a request of the gateway cost: a scope, an event, a second
write, clocks. A request with an unusual frame (an upgrade, an old HTTP, another one still being
answered on this connection) takes ASGI's way to the same code.
"""

import contextvars
from collections.abc import Coroutine
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from controlplane.gateway.v1.application import answer_call
from controlplane.gateway.v1.call import Headers
from controlplane.gateway.v1.desk import desk
from controlplane.gateway.v1.direct_call import DirectCall
from controlplane.gateway.v1.known_request import KnownRequest, known_request
from controlplane.gateway.v1.ollama import ASKED
from controlplane.gateway.v1.plain import PlainRequest, ask_plainly
from controlplane.gateway.v1.spoken import POSTS
from controlplane.launch.http_heads import BoundedHeads

_PATHS = {path.encode(): path for path in (*POSTS, *ASKED)}


class Front(BoundedHeads):
    """One connection."""

    _call: DirectCall | PlainRequest | None = None  # the one under way
    _known: KnownRequest | None = None  # the head that came last
    _read: tuple[bytes, int, str, Headers] | None = None  # the request that came last in one piece
    _piece = b""  # being read, with which a request began
    _is_between = True  # no request has begun whose end has not come
    _rests_since = 0.0
    _rest_timer: Any = None

    def default_headers(self) -> Headers:
        """Return what every answer of this server carries."""
        return self.server_state.default_headers

    def call_ended(self) -> None:
        """Answer what waits in the pipeline, or begin to rest."""
        self._call = None
        if self.pipeline:
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._rests_since = self.loop.time()
        if self._rest_timer is None and not self.transport.is_closing():
            self._rest_timer = self.loop.call_later(self.timeout_keep_alive, self._look_at_rest)

    def hand_over(self, call: DirectCall, answering: Coroutine[None, None, None]) -> None:
        """Go on with a request on the long way."""
        cycle: object = self.cycle  # it may be a later one, which waits in the pipeline
        if cycle is self._call:
            self.cycle = call  # type: ignore[assignment]
        self._call = call
        self._answer(answering)

    # --- asyncio's side ----------------------------------------------------------------------

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request under way that its client left."""
        if self._rest_timer is not None:
            self._rest_timer.cancel()
        super().connection_lost(exc)
        if self._call is not None:
            self._call.lost()

    def data_received(self, data: bytes) -> None:
        """A plain request is answered here; llhttp reads all others."""
        self._rests_since = self.loop.time()
        if not self._is_between:
            super().data_received(data)
        elif not self._asked_plainly(data):
            self._piece = data
            super().data_received(data)
            self._piece = b""

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        super().pause_writing()
        if self._call is not None:
            self._call.room(is_there=False)

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        if self._call is not None:
            self._call.room(is_there=True)

    # --- llhttp's side -----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin to collect a head; what ASGI wants to know of it is put together if it is asked."""
        self._is_between = False
        self._in_head, self._head_bytes = True, 0
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Answer the gateway's requests here, and let ASGI have the others."""
        path = _PATHS.get(self.url)
        if path is None or not self._is_plain():
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers.extend(headers)
            super().on_headers_complete()
            return
        self._end_head()
        self._call = self.cycle = DirectCall(self, path, self.headers)  # type: ignore[assignment]
        self._answer(answer_call(self._call))

    def on_body(self, body: bytes) -> None:
        """Hand on a piece of a body."""
        cycle: object = self.cycle
        if type(cycle) is DirectCall:
            cycle.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._is_between = True
        cycle: object = self.cycle
        if type(cycle) is DirectCall:
            cycle.whole()
            if self._piece:
                end = self._piece.find(b"\r\n\r\n") + 4
                head, body_size = self._piece[:end], len(self._piece) - end
                self._read = head, body_size, cycle.path, cycle.headers
        else:
            super().on_message_complete()

    def _asked_plainly(self, data: bytes) -> bool:
        """Return whether these bytes are a plain request, which is asked now."""
        if not self._is_free() or self.pipeline or self.flow.write_paused:
            return False
        if self._read is not None:
            self._known, self._read = known_request(desk(), *self._read), None
        known = self._known
        body = known.body_of(data) if known is not None else None
        request = ask_plainly(self, known, body) if known is not None and body else None
        if request is None:
            return False
        self._call = self.cycle = request  # type: ignore[assignment]
        return True

    def _answer(self, answering: Coroutine[None, None, None]) -> None:
        context = contextvars.Context()  # nothing of another request's
        task = self.loop.create_task(answering, context=context)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _is_plain(self) -> bool:
        parser = self.parser
        return (
            parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.root_path
            and self._is_free()
        )

    def _is_free(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is None or cycle.response_complete

    def _look_at_rest(self) -> None:
        """Close a connection that has rested for long; one clock serves all its requests."""
        self._rest_timer = None
        if self.transport.is_closing() or not self._is_free():
            return  # its end sets the clock again
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self._rest_timer = self.loop.call_later(left, self._look_at_rest)
