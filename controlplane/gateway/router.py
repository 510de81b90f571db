"""Routes one request: takes a slot, asks its replica, and asks another once if no byte has come.

After the first byte there is no second try: the caller may have acted on what it got.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from random import Random

from msgspec import Struct, field

from controlplane.gateway.addressing import addressed_to
from controlplane.gateway.capture_book import CaptureBook, Recording
from controlplane.gateway.choose import Load
from controlplane.gateway.errors import RoutingError
from controlplane.gateway.exchange import Connection
from controlplane.gateway.http_pool import HttpPool
from controlplane.gateway.patience import Patience, Timeouts
from controlplane.gateway.places import LINE_S, Places
from controlplane.gateway.table import RouteTable
from controlplane.gateway.upstream import Answer, engine_head, open_answer
from models_app.domain.routes import DeploymentRoute, ReplicaRoute

JSON_HEADERS = {"content-type": "application/json"}


class Ask(Struct, frozen=True):
    """One request, as it goes to the engine."""

    deployment: str  # public id or name
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_HEADERS)
    timeouts: Timeouts | None = None  # None: the deployment's
    caller: str = ""  # whose turn it is when slots are short
    affinity: str = ""  # what should meet the same replica again
    line_s: float = LINE_S
    when_asked: Callable[[], None] | None = None  # its turn has come: an engine works from here on


class Routed(Struct, frozen=True):
    """An answer and where it comes from."""

    route: DeploymentRoute
    replica: ReplicaRoute
    answer: Answer
    ask: Ask


class Asked(Struct, frozen=True):
    """A request whose slot of a replica is taken; `connection`: where it went out, if it did."""

    route: DeploymentRoute
    replica: ReplicaRoute
    ask: Ask
    connection: Connection | None
    began: float


class Router:
    """Asks engines for this process. Used on one event loop."""

    def __init__(
        self, table: RouteTable, pool: HttpPool | None = None, dice: Random | None = None
    ) -> None:
        self.table = table
        self.captures = CaptureBook()
        self.places = Places(table, dice)
        self._pool = pool or HttpPool()

    @asynccontextmanager
    async def ask(self, ask: Ask) -> AsyncIterator[Routed]:
        """Give the answer, its first bytes read. Leaving the context lets go of the engine.

        Raises NotFoundError for an unknown deployment, RoutingError for everything else; an error
        raised inside the context by reading the answer counts against its replica.
        """
        route = await self.table.find(ask.deployment)
        routed, began = await self.open(route, ask)
        try:
            yield routed
        except RoutingError as error:
            self.close(routed, error=error)
            raise
        except BaseException:  # the caller left, or failed itself: says nothing about the replica
            self.close(routed)
            raise
        self.close(routed, seconds=time.monotonic() - began)

    async def open(self, route: DeploymentRoute, ask: Ask) -> tuple[Routed, float]:
        """Return the answer, its first bytes read, and when the engine was asked.

        `close` has to follow. Raises RoutingError.
        """
        if not route.replicas:
            route = await self._looked_up_again(route)
        replica = await self._take(route, ask)
        return await self.open_asked(Asked(route, replica, ask, None, time.monotonic()))

    def ask_at_once(self, route: DeploymentRoute, ask: Ask) -> Asked | None:
        """Ask an engine if nothing has to be waited for first: a slot is free, a connection open.

        `open_asked` or `close_asked` has to follow. Raises NoReplicaError, ValueError.
        """
        if route.capture is not None:
            return None
        replica = self.places.free_at_once(route, ask.affinity)
        if replica is None:
            return None
        body = addressed_to(replica, ask.body)
        head = engine_head(replica, ask.path, len(body), ask.headers)
        connection = self._pool.kept(replica.address)
        if connection is None:
            return None
        self.places.hold(replica)
        connection.ask(head, body)
        return Asked(route, replica, ask, connection, time.monotonic())

    def close_asked(self, asked: Asked) -> None:
        """The whole answer has come, and was good."""
        if asked.connection is not None:
            self._pool.give_back(asked.replica.address, asked.connection)
        self.places.succeeded(asked.route, asked.replica, time.monotonic() - asked.began)

    async def open_asked(self, asked: Asked) -> tuple[Routed, float]:
        """As `open`, from where a slot is taken or the request went out."""
        route, ask = asked.route, asked.ask
        try:
            return await self._routed(asked), asked.began
        except RoutingError as error:
            if not error.retry_elsewhere or len(route.replicas) == 1:
                raise
        other = await self._take(route, ask, besides=asked.replica)
        again = Asked(route, other, ask, None, time.monotonic())
        return await self._routed(again), again.began

    def close(
        self, routed: Routed, *, error: RoutingError | None = None, seconds: float | None = None
    ) -> None:
        """Let go of the engine and of its slot. `seconds`: it answered, and took so long."""
        routed.answer.close()
        if routed.answer.recording is not None:
            status = error.code if error else "left" if seconds is None else "ok"
            self._captured(routed, routed.answer.recording, status)
        if seconds is None:
            self.places.give_back(routed.route, routed.replica, error=error)
        else:
            self.places.succeeded(routed.route, routed.replica, seconds)

    def load_of(self, replica_id: str) -> Load:
        """Return what this process has asked of a replica."""
        return self.places.load_of(replica_id)

    async def stop(self) -> None:
        """Close idle connections."""
        self._pool.close()

    async def _looked_up_again(self, route: DeploymentRoute) -> DeploymentRoute:
        """Nobody is ready, as far as we know: how is it now? Costs a query a second at most."""
        with suppress(Exception):  # with the database away what is known has to do
            await self.table.look_again()
        return self.table.by_id(route.id) or route

    async def _take(
        self, route: DeploymentRoute, ask: Ask, besides: ReplicaRoute | None = None
    ) -> ReplicaRoute:
        return await self.places.take(
            route, caller=ask.caller, affinity=ask.affinity, besides=besides, line_s=ask.line_s
        )

    async def _routed(self, asked: Asked) -> Routed:
        answer = await self._open(asked)
        if asked.route.capture is not None:
            answer.recording = self.captures.begin(asked.route, asked.ask.body)
        return Routed(asked.route, asked.replica, answer, asked.ask)

    def _captured(self, routed: Routed, recording: Recording, status: str) -> None:
        ask = routed.ask
        self.captures.end(routed.route, recording, caller=ask.caller, path=ask.path, status=status)

    async def _open(self, asked: Asked) -> Answer:
        route, replica, ask = asked.route, asked.replica, asked.ask
        try:
            if ask.when_asked is not None:
                ask.when_asked()
            return await open_answer(
                self._pool,
                replica,
                path=ask.path,
                body=addressed_to(replica, ask.body),
                headers=ask.headers,
                patience=Patience(ask.timeouts or route.timeouts, since=asked.began),
                asked=asked.connection,
            )
        except RoutingError as error:
            error.replica_id = replica.row_id
            self.places.give_back(route, replica, error=error)
            raise
        except BaseException:
            self.places.give_back(route, replica)
            raise
