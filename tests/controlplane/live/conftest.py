"""Sockets of signed-in people, closed when the test ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from asgiref.sync import sync_to_async

from controlplane.gateway.core import stop_routing_core
from models_app.models import User
from tests.controlplane.live.browser_socket import BrowserSocket, session_cookie

Opener = Callable[..., Awaitable[BrowserSocket]]


@pytest.fixture
async def open_socket(transactional_db: None) -> AsyncIterator[Opener]:
    """`await open_socket(user, "/ws/live/")`: an open socket of that user."""
    opened: list[BrowserSocket] = []

    async def opener(user: User, path: str = "/ws/live/", cookie: str = "") -> BrowserSocket:
        cookie = cookie or await sync_to_async(session_cookie)(user)
        socket = BrowserSocket(path, cookie)
        assert await socket.open()
        opened.append(socket)
        return socket

    ticking = asyncio.create_task(_tick())
    try:
        yield opener
        for socket in opened:
            await socket.leave()
    finally:
        ticking.cancel()
        await stop_routing_core()


async def _tick() -> None:
    """Wake the loop: the in-memory layer, fed from the relay's thread, does not do it itself."""
    while True:  # noqa: ASYNC110 - nothing to wait for: time is the point
        await asyncio.sleep(0.02)
