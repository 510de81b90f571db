"""The routing core of this process, put together: table, router, usage book, their background work.

One per event loop. The web process starts and stops it with its lifespan; whoever asks for it
earlier starts it.
"""

import asyncio
import contextlib
import logging
import uuid
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError

from controlplane.gateway.figures import Figures
from controlplane.gateway.router import Router
from controlplane.gateway.slots.shares import Shares
from controlplane.gateway.table import RouteTable
from controlplane.gateway.usage_book import UsageBook
from models_app.notify.lines import LineBoard

log = logging.getLogger(__name__)
TELL_S = 2.0


class RoutingCore:
    """What routes requests, and what it needs to stay fresh."""

    def __init__(self) -> None:
        self.table = RouteTable()
        self.router = Router(self.table)
        self.shares = Shares(self.router.places)
        self.router.places.share_with(self.shares)
        process = uuid.uuid4().hex
        self.figures = Figures(self.table, self.router.places, process)
        self.usage = UsageBook(also=self.figures.note)
        self._board = LineBoard(process)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the background work; needs the running event loop."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self.table.keep_fresh(), name="routes"),
                asyncio.create_task(self.usage.write_regularly(), name="usage"),
                asyncio.create_task(self._tell_lines(), name="lines"),
                asyncio.create_task(self.figures.tell_regularly(), name="figures"),
                asyncio.create_task(self.shares.keep_alive(), name="slots"),
                asyncio.create_task(self.router.captures.write_regularly(), name="captures"),
            ]

    async def stop(self) -> None:
        """Stop the background work and write what was noted."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.shares.stop()
        await self.figures.stop()
        await self.router.stop()
        with contextlib.suppress(RedisError, OSError):
            await self._board.put({})
        await self._board.close()
        with contextlib.suppress(Exception):  # logged there; stopping goes on
            await self.usage.write_now()
        await self.router.captures.write_now()

    async def _tell_lines(self) -> None:
        """Tell the pages who waits; while the broker is away they show nothing."""
        while True:
            with contextlib.suppress(RedisError, OSError):
                await self._board.put(self.router.places.business())
            await asyncio.sleep(TELL_S)


_cores: WeakKeyDictionary[asyncio.AbstractEventLoop, RoutingCore] = WeakKeyDictionary()


def routing_core() -> RoutingCore:
    """Return this event loop's routing core, started."""
    loop = asyncio.get_running_loop()
    if loop not in _cores:
        _cores[loop] = RoutingCore()
        _cores[loop].start()
    return _cores[loop]


async def stop_routing_core() -> None:
    """Stop this event loop's routing core, if there is one."""
    core = _cores.pop(asyncio.get_running_loop(), None)
    if core is not None:
        await core.stop()
