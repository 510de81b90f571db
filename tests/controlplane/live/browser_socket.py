"""A browser's end of a websocket, against the whole ASGI application: origin, session, routes.

Channels' own communicator imports daphne, which we do not run.
"""

import asyncio
import json
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from controlplane.asgi import application
from models_app.models import User

ORIGIN = settings.LOCAL_ORIGINS[0]
WAIT_S = 10  # a bound for "hung", not a measure


def session_cookie(user: User) -> str:
    """Sign the user in and return the Cookie header of that session. Touches the database."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


class BrowserSocket:
    """Open with `await open()`, talk with `send` and `receive`; `closed` waits for the code."""

    def __init__(self, path: str, cookie: str = "", origin: str | None = ORIGIN) -> None:
        headers = [(b"host", b"127.0.0.1:8400")]
        if cookie:
            headers.append((b"cookie", cookie.encode()))
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": headers,
            "subprotocols": [],
            "client": ("127.0.0.1", 50000),
        }
        self._wire = ApplicationCommunicator(application, scope)

    async def open(self) -> bool:
        """Return whether the server took the socket."""
        await self._wire.send_input({"type": "websocket.connect"})
        return (await self._output())["type"] == "websocket.accept"

    async def send(self, frame: Any) -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        await self._wire.send_input({"type": "websocket.receive", "text": text})

    async def receive(self, type_: str = "") -> dict[str, Any]:
        """Return the next frame, or the next of that type."""
        while True:
            output = await self._output()
            assert output["type"] == "websocket.send", output
            frame = json.loads(output["text"])
            if type_ in ("", frame["type"]):
                return frame

    async def closed(self) -> int:
        """Wait for the server to close; return its code."""
        while True:
            output = await self._output()
            if output["type"] == "websocket.close":
                return output.get("code", 1000)

    async def silent(self, seconds: float = 0.3) -> bool:
        """Return whether nothing comes for a while."""
        return await self._wire.receive_nothing(seconds)

    async def leave(self, code: int = 1001) -> None:
        """Go away, as a browser does, and wait until the server is done with it.

        A server that was cancelled meanwhile is a failure, and no cancellation: pytest would end
        no fixture after it, and leave its patches to every test that follows.
        """
        try:
            await self._wire.send_input({"type": "websocket.disconnect", "code": code})
            await self._wire.wait(WAIT_S)
        except asyncio.CancelledError as error:
            raise AssertionError("the server's side was cancelled") from error

    async def _output(self) -> dict[str, Any]:
        return await self._wire.receive_output(WAIT_S)
