"""The routing table, in memory: a request costs no database query.

It is refreshed by hints (one deployment, within milliseconds of its change) and by time (all of it,
because hints can be lost). While the database or the broker is away the last known table serves on.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection

from controlplane.offload import offload
from models_app.domain.errors import NotFoundError
from models_app.domain.routes import DeploymentRoute
from models_app.notify import browsers
from models_app.selectors.routes import routes

log = logging.getLogger(__name__)

REFRESH_S = 15.0
RETRY_S = 1.0
COALESCE_S = 0.05  # a rollout hints many times a second; each read serves all hints before it
MISS_S = 1.0  # how often an unknown name may cause a look into the database

ReadRoutes = Callable[[Collection[str] | None], list[DeploymentRoute]]


class RouteTable:
    """Routes by public id and by name. One per process; used on one event loop."""

    def __init__(self, read: ReadRoutes = routes) -> None:
        self._read = read
        self._by_id: dict[str, DeploymentRoute] = {}
        self._by_name: dict[str, DeploymentRoute] = {}
        self._loaded_at: float | None = None
        self._hinted: set[str] = set()
        self._hint_came = asyncio.Event()

    async def find(self, ref: str) -> DeploymentRoute:
        """Return the route of a deployment by public id or name. Raises NotFoundError."""
        found = self._by_id.get(ref) or self._by_name.get(ref)
        if found is None and self._may_look_again():
            await self.refresh()
            found = self._by_id.get(ref) or self._by_name.get(ref)
        if found is None:
            raise NotFoundError(params={"kind": "deployment", "ref": ref[:100]})
        return found

    async def refresh(self, only: Collection[str] | None = None) -> None:
        """Read all routes again, or those of the deployments `only`."""
        fresh = await offload(self._read, only)
        if only is None:
            self._by_id = {route.id: route for route in fresh}
            self._loaded_at = time.monotonic()
        else:
            for gone in only:
                self._by_id.pop(gone, None)
            self._by_id.update({route.id: route for route in fresh})
        self._by_name = {route.name: route for route in self._by_id.values()}

    async def keep_fresh(self) -> None:
        """Refresh by hints and by time until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_hints())
            group.create_task(self._apply_hints())
            group.create_task(self._follow_time())

    def _may_look_again(self) -> bool:
        return self._loaded_at is None or time.monotonic() - self._loaded_at >= MISS_S

    async def _follow_time(self) -> None:
        while True:
            try:
                await self.refresh()
                await asyncio.sleep(REFRESH_S)
            except Exception as error:  # noqa: BLE001 - this loop outlives every fault it waits out
                log.warning("routes not refreshed, the last known ones serve on: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _follow_hints(self) -> None:
        while True:
            try:
                async with browsers.listen(browsers.list_group("deployment")) as listener:
                    while True:
                        self._hinted.add((await listener.receive())["id"])
                        self._hint_came.set()
            except Exception as error:  # noqa: BLE001 - as above
                log.warning("no hints for the routes, time refreshes them: %s", error)
            await asyncio.sleep(RETRY_S)

    async def _apply_hints(self) -> None:
        while True:
            await self._hint_came.wait()
            self._hint_came.clear()
            hinted, self._hinted = self._hinted, set()
            try:
                await self.refresh(hinted)
            except Exception as error:  # noqa: BLE001 - as above
                log.warning("hinted routes not refreshed: %s", error)
            await asyncio.sleep(COALESCE_S)
