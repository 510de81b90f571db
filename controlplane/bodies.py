"""How much of a request is let in before anybody knows who sends it.

Django's ASGI handler writes a whole body to the temporary disk before any code of ours runs, so
that a stranger could fill it. Here a body is refused by what it announces, and counted while it
comes; it ends at the limit, whatever was announced. Uploads are the exception: Django sees them
without a body, finds out who asks, and only then their view reads the body itself, piece by piece.
"""

import asyncio
import concurrent.futures
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from django.http import HttpRequest, HttpResponse

from controlplane.wording.errors import error_text
from models_app.domain.errors import TooLargeError
from models_app.domain.uploads import Body

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

BODY_LIMIT_BYTES = 1 << 20
IDLE_S = 30.0  # of an upload without a byte: the sender is given up
REFUSED = "slipway.body_limit"  # in the scope: the body was larger than this many bytes
STREAM = "slipway.body"  # in the scope: the body of an upload
_UPLOAD = re.compile(r"/(?:api/v1/)?uploads/[^/]+")
_NOTHING: Message = {"type": "http.request", "body": b"", "more_body": False}


class BodyGuard:
    """ASGI middleware in front of Django's handler."""

    def __init__(self, application: Application, limit: int = BODY_LIMIT_BYTES) -> None:
        self._application = application
        self._limit = limit

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on with a body that cannot be larger than its limit, or that is not read yet."""
        if scope["method"] == "PUT" and _UPLOAD.fullmatch(scope["path"]):
            body: _Counted | Streamed = Streamed(receive)
            scope[STREAM] = body
        else:
            body = _Counted(scope, receive, self._limit)

        async def closing(message: Message) -> None:
            """What was not read cannot be followed by another request: the line ends here."""
            if message["type"] == "http.response.start" and not body.is_at_end:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._application(scope, body.receive, closing)


class _Counted:
    """A body that ends at the limit; the scope then says so, and `BodyLimitMiddleware` answers."""

    def __init__(self, scope: Message, receive: Receive, limit: int) -> None:
        self._scope, self._receive, self._limit = scope, receive, limit
        self._count = 0
        self.is_at_end = False
        if _announced(scope) > limit:
            self._scope[REFUSED] = limit

    async def receive(self) -> Message:
        """Return the next message for Django."""
        if REFUSED in self._scope:
            return await self._cut_off()
        message = await self._next()
        if message["type"] == "http.request":
            self._count += len(message.get("body", b""))
            self.is_at_end = not message.get("more_body", False)
            if self._count > self._limit:
                self.is_at_end = False
                self._scope[REFUSED] = self._limit
                return await self._cut_off()
        return message

    async def _next(self) -> Message:
        """Return what comes; a sender who goes silent in the middle of a body is given up."""
        if self.is_at_end:
            return await self._receive()
        try:
            return await asyncio.wait_for(self._receive(), IDLE_S)
        except TimeoutError:
            return {"type": "http.disconnect"}

    async def _cut_off(self) -> Message:
        """End the body once; afterwards there is nothing to hear but the end of the line."""
        if self._count < 0:
            await asyncio.Event().wait()  # Django cancels this when it has answered
        self._count = -1
        return _NOTHING


class Streamed:
    """The body of an upload: Django sees none, the view reads this one from its own thread."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._shown = False
        self._rest = b""
        self.is_at_end = False

    async def receive(self) -> Message:
        """Return an empty body, then wait for the end of the line."""
        if not self._shown:
            self._shown = True
            return _NOTHING
        await self._over.wait()
        return await self._receive()

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end. Raises OSError when no more will come."""
        while not self._rest and not self.is_at_end:
            waiting = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
            try:
                self._rest = waiting.result(IDLE_S)
            except concurrent.futures.TimeoutError:
                waiting.cancel()
                raise TimeoutError("the sender went silent") from None
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            self._over.set()
            raise ConnectionError("the line was cut")
        if not message.get("more_body", False):
            self.is_at_end = True
            self._over.set()
        return bytes(message.get("body", b""))


class BodyLimitMiddleware:
    """Answers 413 to a request whose body was cut off, before anything looks at the rest of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Refuse, or pass on. The API's own middleware gives the answer its shape."""
        limit = getattr(request, "scope", {}).get(REFUSED)
        if limit is None:
            return self.get_response(request)
        text = error_text(TooLargeError(params={"limit_bytes": limit}))
        return HttpResponse(f"{text.sentence} {text.remedy}\n", "text/plain", status=413)


def body_of(request: HttpRequest) -> Body:
    """Return what an upload's view reads."""
    stream: Body | None = getattr(request, "scope", {}).get(STREAM)
    return cast("Body", request) if stream is None else stream


def _announced(scope: Message) -> int:
    """Return the length that the headers announce; 0 when they do not, or not in digits."""
    for name, value in scope.get("headers", ()):
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0
