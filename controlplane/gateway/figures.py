"""Counts what this process answered, for the page that Prometheus reads.

A request costs one append; the counting is done later, on another thread.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping

from redis.exceptions import RedisError

from controlplane.gateway.places import Places
from controlplane.gateway.table import RouteTable
from models_app.domain.gateway_figures import DURATION_S, FIRST_TOKEN_S, DeploymentFigures
from models_app.domain.routes import DeploymentRoute
from models_app.notify.figures import FigureBoard
from models_app.services.usage import UsageRecord

TELL_S = 2.0
KEPT = 100_000  # records that wait to be counted


class Figures:
    """One per routing core."""

    def __init__(self, table: RouteTable, places: Places, process: str) -> None:
        self._table = table
        self._places = places
        self._board = FigureBoard(process)
        self._waiting: deque[UsageRecord] = deque(maxlen=KEPT)
        self._counted: dict[str, DeploymentFigures] = {}

    def note(self, record: UsageRecord) -> None:
        """Take a finished request."""
        self._waiting.append(record)

    async def tell_regularly(self) -> None:
        """Tell what was counted, until cancelled; while the broker is away nobody hears it."""
        while True:
            with contextlib.suppress(RedisError, OSError):
                if figures := await self.counted():
                    await self._board.put(figures)
            await asyncio.sleep(TELL_S)

    async def stop(self) -> None:
        """Take down what was told: a process that has ended answers nothing."""
        with contextlib.suppress(RedisError, OSError):
            await self._board.close()

    async def counted(self) -> Mapping[str, DeploymentFigures]:
        """Return everything counted so far, by deployment's name, and how it is there now."""
        routes = self._table.all()
        await asyncio.to_thread(self._count, {route.row_id: route for route in routes})
        business = self._places.business()
        for route in routes:
            seen, ejections = business.get(route.id), self._places.ejections[route.id]
            if seen or ejections or route.name in self._counted:
                figures = self._of(route)
                figures.running = seen.running if seen else 0
                figures.waiting = seen.waiting if seen else 0
                figures.ejections = ejections
                figures.ejected = self._places.ejected(route)
        known = {route.name for route in routes}
        self._counted = {name: one for name, one in self._counted.items() if name in known}
        return self._counted

    def _of(self, route: DeploymentRoute) -> DeploymentFigures:
        return self._counted.setdefault(route.name, DeploymentFigures(route.engine))

    def _count(self, routes: Mapping[int, DeploymentRoute]) -> None:
        while self._waiting:
            record = self._waiting.popleft()
            route = routes.get(record.deployment_id)
            if route is not None:
                _add(self._of(route), record)


def _add(figures: DeploymentFigures, record: UsageRecord) -> None:
    kind = f"{record.route} {record.status}"
    figures.requests[kind] = figures.requests.get(kind, 0) + 1
    figures.prompt_tokens += record.prompt_tokens or 0
    figures.completion_tokens += record.completion_tokens or 0
    figures.cached_tokens += record.cached_tokens or 0
    figures.duration.add(DURATION_S, record.duration_ms / 1000)
    if record.first_token_ms is not None:
        figures.first_token.add(FIRST_TOKEN_S, record.first_token_ms / 1000)
