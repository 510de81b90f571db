"""Routes one request: chooses a replica, asks it, and asks another once if no byte has come.

After the first byte there is no second try: the caller may have acted on what it got.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import httpx

from controlplane.gateway.addressing import addressed_to
from controlplane.gateway.choose import IDLE, Load, choose
from controlplane.gateway.errors import NoReplicaError, RoutingError
from controlplane.gateway.patience import Patience, Timeouts
from controlplane.gateway.table import RouteTable
from controlplane.gateway.upstream import Answer, make_client, open_answer
from models_app.domain.routes import DeploymentRoute, ReplicaRoute

BOOK_LIMIT = 1000  # replicas whose loads are remembered before idle ones are swept out
JSON_HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, as it goes to the engine."""

    deployment: str  # public id or name
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_HEADERS)
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True, slots=True)
class Routed:
    """An answer and where it comes from."""

    route: DeploymentRoute
    replica: ReplicaRoute
    answer: Answer


class Router:
    """Knows the loads of this process's requests. One per process; used on one event loop."""

    def __init__(
        self,
        table: RouteTable,
        client: httpx.AsyncClient | None = None,
        dice: Random | None = None,
    ) -> None:
        self.table = table
        self._client = client or make_client(Timeouts())
        self._dice = dice or Random()  # noqa: S311 - it spreads load, it keeps no secret
        self._loads: dict[str, Load] = {}

    @asynccontextmanager
    async def ask(self, ask: Ask) -> AsyncIterator[Routed]:
        """Give the answer, its first bytes read. Leaving the context lets go of the engine.

        Raises NotFoundError for an unknown deployment, RoutingError for everything else; an error
        raised inside the context by reading the answer counts against its replica.
        """
        route = await self.table.find(ask.deployment)
        replica, answer = await self._open_somewhere(route, ask)
        try:
            async with answer:
                yield Routed(route, replica, answer)
        except RoutingError as error:
            self._ended(replica, error)
            raise
        except BaseException:  # the caller left, or failed itself: says nothing about the replica
            self._note(replica, self.load_of(replica.id).ended())
            raise
        self._note(replica, self.load_of(replica.id).ended().succeeded())

    def load_of(self, replica_id: str) -> Load:
        """Return what this process has asked of a replica."""
        return self._loads.get(replica_id, IDLE)

    async def close(self) -> None:
        """Close idle connections."""
        await self._client.aclose()

    async def _open_somewhere(
        self, route: DeploymentRoute, ask: Ask
    ) -> tuple[ReplicaRoute, Answer]:
        replica = self._choose(route, besides=None)
        try:
            return replica, await self._open(replica, ask)
        except RoutingError as error:
            if not error.retry_elsewhere or len(route.replicas) == 1:
                raise
        other = self._choose(route, besides=replica)
        return other, await self._open(other, ask)

    async def _open(self, replica: ReplicaRoute, ask: Ask) -> Answer:
        self._note(replica, self.load_of(replica.id).asked())
        try:
            return await open_answer(
                self._client,
                replica,
                path=ask.path,
                body=addressed_to(replica, ask.body),
                headers=ask.headers,
                patience=Patience(ask.timeouts),
            )
        except RoutingError as error:
            self._ended(replica, error)
            raise
        except BaseException:
            self._note(replica, self.load_of(replica.id).ended())
            raise

    def _choose(self, route: DeploymentRoute, besides: ReplicaRoute | None) -> ReplicaRoute:
        candidates = [r for r in route.replicas if r != besides]
        chosen = choose(candidates, self._loads, time.monotonic(), self._dice)
        if chosen is None:
            raise NoReplicaError(
                params={
                    "name": route.name,
                    "state": route.state,
                    "failure_code": route.failure_code,
                    "failure_params": dict(route.failure_params),
                }
            )
        return chosen

    def _ended(self, replica: ReplicaRoute, error: RoutingError) -> None:
        load = self.load_of(replica.id).ended()
        failed = error.counts_against_replica
        self._note(replica, load.failed(time.monotonic()) if failed else load)

    def _note(self, replica: ReplicaRoute, load: Load) -> None:
        """Replicas come and go; what says nothing any more is not kept."""
        if load == IDLE:
            self._loads.pop(replica.id, None)
            return
        self._loads[replica.id] = load
        if len(self._loads) > BOOK_LIMIT:
            self._loads = {id_: held for id_, held in self._loads.items() if held.outstanding}
