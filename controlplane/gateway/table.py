"""The routing table, in memory: a request costs no database query.

It is refreshed by hints (one deployment, within milliseconds of its change) and by time (all of it,
because hints can be lost). While the database or the broker is away the last known table serves on.
"""

import asyncio
import time
from collections.abc import Callable, Collection

from controlplane.gateway.freshness import by_hints, by_time
from controlplane.offload import offload
from models_app.domain.errors import NotFoundError
from models_app.domain.routes import DeploymentRoute
from models_app.services.gateway_routes import routes_with_doors

REFRESH_S = 15.0
MISS_S = 1.0  # how often an unknown name may cause a look into the database

ReadRoutes = Callable[[Collection[str] | None], list[DeploymentRoute]]


class RouteTable:
    """Routes by public id and by name. One per process; used on one event loop."""

    def __init__(self, read: ReadRoutes = routes_with_doors) -> None:
        self._read = read
        self._by_id: dict[str, DeploymentRoute] = {}
        self._by_name: dict[str, DeploymentRoute] = {}
        self._looked_at: float | None = None
        self._look: asyncio.Task[None] | None = None
        self.is_behind = True  # the last look into the database failed, or there was none yet
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every refresh."""
        self._listeners.append(listener)

    def by_id(self, public_id: str) -> DeploymentRoute | None:
        """Return what is known of a deployment now."""
        return self._by_id.get(public_id)

    def by_name(self, name: str) -> DeploymentRoute | None:
        """Return what is known of a deployment now."""
        return self._by_name.get(name)

    def known(self, ref: str) -> DeploymentRoute | None:
        """Return what is known of a deployment now, by public id or name."""
        return self._by_id.get(ref) or self._by_name.get(ref)

    def all(self) -> list[DeploymentRoute]:
        """Return every route that is known now."""
        return list(self._by_id.values())

    async def find(self, ref: str) -> DeploymentRoute:
        """Return the route of a deployment by public id or name. Raises NotFoundError."""
        found = self.known(ref)
        if found is None and await self.look_again():
            found = self.known(ref)
        if found is None:
            raise NotFoundError(params={"kind": "deployment", "ref": ref[:100]})
        return found

    async def refresh(self, only: Collection[str] | None = None) -> None:
        """Read all routes again, or those of the deployments `only`."""
        if only is None:
            self._looked_at, self.is_behind = time.monotonic(), True
        fresh = await offload(self._read, only)
        if only is None:
            self._by_id = {route.id: route for route in fresh}
            self.is_behind = False
        else:
            for gone in only:
                self._by_id.pop(gone, None)
            self._by_id.update({route.id: route for route in fresh})
        self._by_name = {route.name: route for route in self._by_id.values()}
        for listener in self._listeners:
            listener()

    async def keep_fresh(self) -> None:
        """Refresh by hints and by time until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(by_time("routes", self.refresh, REFRESH_S))
            group.create_task(by_hints("deployment", self.refresh))

    async def look_again(self) -> bool:
        """Read all routes for the sake of an unknown name, if that was not just done.

        Those who ask while it is being done wait for the same look. Return whether there was one.
        """
        if self._look is None or self._look.done():
            if self._looked_at is not None and time.monotonic() - self._looked_at < MISS_S:
                return False
            self._look = asyncio.create_task(self.refresh())
        await asyncio.shield(self._look)
        return True
