"""What all requests of one process share: keys, model names, the routing core, what is under way.

One per event loop, put together here, started and stopped with the web server.
"""

import asyncio
import time
from collections import defaultdict
from typing import Protocol
from weakref import WeakKeyDictionary

from controlplane.gateway.core import RoutingCore, routing_core
from controlplane.gateway.limits.counting import RENEW_S, Counters
from controlplane.gateway.limits.shared import SharedCounters
from controlplane.gateway.v1.alias_book import AliasBook
from controlplane.gateway.v1.allowance import Allowance
from controlplane.gateway.v1.body import BODY_LIMIT
from controlplane.gateway.v1.call import Call
from controlplane.gateway.v1.errors import KeyRevokedError, OverloadedError, SlowClientError
from controlplane.gateway.v1.key_book import KeyBook
from models_app.domain.errors import SlipwayError
from models_app.domain.gateway import GatewayKeyFacts

UNDER_WAY_LIMIT = 2000  # requests of this process; more would only wait for each other
BODIES_LIMIT = 256 << 20  # bytes of all bodies that are being read or answered
BODY_S = 30.0  # for a body that comes in drops
SWEEP_S = 5.0
SOON_S = 0.25  # what is not answered by then has clocks of its own from there on


class UnderWay(Protocol):
    """A request that can be ended from outside."""

    key: GatewayKeyFacts
    call: Call
    allowed: Allowance

    def stop(self, error: SlipwayError) -> None:
        """End it."""
        ...


class Plain(Protocol):
    """A request without a task, as long as it is plain."""

    key: GatewayKeyFacts
    body_size: int
    since: float

    def go_on(self) -> object:
        """Go the long way."""
        ...

    def stop(self, error: SlipwayError) -> None:
        """End it."""
        ...


class Desk:
    """The gateway of one process. Used on one event loop."""

    clock = staticmethod(time.monotonic)

    def __init__(self, core: RoutingCore) -> None:
        self.router = core.router
        self.usage = core.usage
        self.keys = KeyBook(in_use=self._keys_in_use)
        self.names = AliasBook(core.table)
        self.counters: Counters = SharedCounters()
        self.under_way_limit = UNDER_WAY_LIMIT
        self._under_way: defaultdict[str, set[UnderWay]] = defaultdict(set)
        self._plain: set[Plain] = set()
        self._plain_timer: asyncio.TimerHandle | None = None
        self._count = 0
        self._body_bytes = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.keys.on_bad(self._end_those_of)

    def start(self) -> None:
        """Start the background work; needs the running event loop."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self.keys.keep_fresh(), name="gateway keys"),
                asyncio.create_task(self.names.keep_fresh(), name="aliases"),
                asyncio.create_task(self._sweep(), name="slow clients"),
                asyncio.create_task(self._renew(), name="places"),
            ]

    async def stop(self) -> None:
        """Stop the background work."""
        if self._plain_timer is not None:
            self._plain_timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if isinstance(self.counters, SharedCounters):
            await self.counters.close()

    def enter(self) -> None:
        """Count a request in; `leave` has to follow. Raises OverloadedError."""
        if self._count >= self.under_way_limit:
            raise OverloadedError(params={"wait_s": 1})
        self._count += 1

    def leave(self) -> None:
        """Count it out."""
        self._count -= 1

    async def read_body(self, call: Call) -> bytes:
        """Return the body of a request; `forget_body` has to follow. Raises OverloadedError too.

        Memory is set aside for what the client announces, or for the most it may send.
        """
        size = min(call.announced, BODY_LIMIT)
        if self._body_bytes + size > BODIES_LIMIT:
            raise OverloadedError(params={"wait_s": 1})
        self.remember(call, size)
        return await call.body(BODY_LIMIT, BODY_S)

    def forget_body(self, call: Call) -> None:
        """The body of a request takes no memory any more."""
        self._body_bytes -= call.body_size
        call.body_size = 0

    def has_room(self, size: int) -> bool:
        """Return whether one more request may enter, with a body of this size."""
        return self._count < self.under_way_limit and self._body_bytes + size <= BODIES_LIMIT

    def remember(self, call: Call, size: int) -> None:
        """Set memory aside for the body of a request; `forget_body` frees it."""
        call.body_size = size
        self._body_bytes += size

    def begin_plain(self, request: Plain) -> None:
        """Count a request without a task in, if it `has_room`; it does not wait for long so."""
        self._count += 1
        self._body_bytes += request.body_size
        self._plain.add(request)
        if self._plain_timer is None:
            loop = asyncio.get_running_loop()
            self._plain_timer = loop.call_later(SOON_S, self._look_at_plain)

    def end_plain(self, request: Plain) -> None:
        """Count it out."""
        self._count -= 1
        self._body_bytes -= request.body_size
        self._plain.discard(request)

    def _look_at_plain(self) -> None:
        self._plain_timer = None
        if self._plain:
            loop = asyncio.get_running_loop()
            self._plain_timer = loop.call_later(SOON_S, self._look_at_plain)
        long_ago = time.monotonic() - SOON_S
        for request in [one for one in self._plain if one.since < long_ago]:
            request.go_on()

    def begin(self, serving: UnderWay) -> None:
        """Remember a request, so that it ends with its key."""
        self._under_way[serving.key.id].add(serving)

    def end(self, serving: UnderWay) -> None:
        """Forget it."""
        own = self._under_way[serving.key.id]
        own.discard(serving)
        if not own:
            del self._under_way[serving.key.id]

    def _keys_in_use(self) -> set[str]:
        return {*self._under_way, *(one.key.id for one in self._plain)}

    def _end_those_of(self, key_id: str) -> None:
        plain = [one for one in self._plain if one.key.id == key_id]
        for request in (*self._under_way.get(key_id, ()), *plain):
            request.stop(KeyRevokedError())

    async def _sweep(self) -> None:
        """Let go of clients that take nothing: their engines could be answering somebody."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            for serving in self._all_under_way():
                if serving.call.takes_nothing(now):
                    serving.stop(SlowClientError())

    async def _renew(self) -> None:
        """Keep the places of requests that take long."""
        while True:
            await asyncio.sleep(RENEW_S)
            for serving in self._all_under_way():
                allowed = serving.allowed
                if allowed.ticket is not None:
                    await self.counters.renew(allowed.subjects, allowed.ticket)

    def _all_under_way(self) -> list[UnderWay]:
        return [one for own in self._under_way.values() for one in own]


_desks: WeakKeyDictionary[asyncio.AbstractEventLoop, Desk] = WeakKeyDictionary()


def desk() -> Desk:
    """Return this event loop's gateway, started."""
    loop = asyncio.get_running_loop()
    found = _desks.get(loop)
    if found is None:
        found = _desks[loop] = Desk(routing_core())
        found.start()
    return found


async def stop_desk() -> None:
    """Stop this event loop's gateway, if there is one; the routing core goes on."""
    found = _desks.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.stop()
