"""Which deployments a model name means: its own, or those of an alias in the order to try them.

An alias gives each request to one of its targets by weight; targets without a ready replica get
none while another has one. When the chosen one cannot answer, the fallbacks follow in their order.
"""

import asyncio
import logging
from collections.abc import Callable
from random import Random

from msgspec import Struct

from controlplane.gateway.freshness import by_hints, by_time
from controlplane.gateway.table import RouteTable
from controlplane.gateway.v1.errors import ModelNotFoundError
from controlplane.offload import offload
from models_app.domain.errors import UnavailableError
from models_app.domain.gateway import AliasTarget, AliasTargets, GatewayKeyFacts
from models_app.domain.routes import DeploymentRoute
from models_app.selectors.aliases import alias_table

log = logging.getLogger(__name__)

REFRESH_S = 15.0
LOOK_S = 2.5  # for a database that does not answer


class Meant(Struct, frozen=True):
    """The deployments that may answer, in the order to ask them, and the alias, if it was one."""

    candidates: list[DeploymentRoute]
    alias: str = ""


class AliasBook:
    """The model names of one process. Used on one event loop."""

    def __init__(
        self,
        routes: RouteTable,
        read: Callable[[], dict[str, AliasTargets]] = alias_table,
        dice: Random | None = None,
    ) -> None:
        self._routes = routes
        self._read = read
        self._dice = dice or Random()  # noqa: S311 - it spreads load, it keeps no secret
        self._aliases: dict[str, AliasTargets] = {}

    async def refresh(self, _hinted: object = None) -> None:
        """Read all aliases again."""
        self._aliases = await offload(self._read)

    async def keep_fresh(self) -> None:
        """Refresh by hints and by time until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(by_time("aliases", self.refresh, REFRESH_S))
            group.create_task(by_hints("alias", self.refresh))

    async def meaning(self, model: str, key: GatewayKeyFacts) -> Meant:
        """Return what a model name means to this key. Raises ModelNotFoundError, UnavailableError.

        What the key does not open is not found, as what does not exist.
        """
        meant = self.known(model, key)
        if meant is None and await self._look_again(model):
            meant = self.known(model, key)
        if meant is not None:
            return meant
        if self._routes.is_behind:  # it may exist: saying that it does not would be a guess
            raise UnavailableError
        raise ModelNotFoundError(params={"model": model[:100]})

    def names(self, key: GatewayKeyFacts) -> dict[str, str]:
        """Return every model name that the key opens, and the engine or word for who owns it."""
        found = {
            route.name: route.engine
            for route in self._routes.all()
            if key.opens_deployment(route.id)
        }
        opened = [alias for alias in self._aliases.values() if key.opens_alias(alias.id)]
        return found | {alias.name: "alias" for alias in opened}

    def known(self, model: str, key: GatewayKeyFacts) -> Meant | None:
        """Return what a name means as far as is known. Raises ModelNotFoundError."""
        route = self._routes.by_name(model)
        if route is not None and key.opens_deployment(route.id):
            return Meant([route])
        alias = self._aliases.get(model)
        if alias is not None and key.opens_alias(alias.id):
            return Meant(self._candidates(alias), alias.name)
        return None

    def _candidates(self, alias: AliasTargets) -> list[DeploymentRoute]:
        targets = self._present(alias.targets)
        ready = [(route, weight) for route, weight in targets if route.replicas] or targets
        ready = [(route, weight) for route, weight in ready if weight > 0]
        order = []
        if ready:
            routes, weights = [route for route, _ in ready], [weight for _, weight in ready]
            chosen = self._dice.choices(routes, weights)[0]
            heaviest = sorted(ready, key=lambda one: one[1], reverse=True)
            order = [chosen, *(route for route, _ in heaviest if route is not chosen)]
        order += [route for route, _ in self._present(alias.fallback)]
        if not order:
            raise ModelNotFoundError(params={"model": alias.name})
        return order

    def _present(self, targets: tuple[AliasTarget, ...]) -> list[tuple[DeploymentRoute, int]]:
        found = [(self._routes.by_id(t.deployment_id), t.weight) for t in targets]
        return [(route, weight) for route, weight in found if route is not None]

    async def _look_again(self, model: str) -> bool:
        """A name that was just made is known at once, hint or no hint."""
        try:
            async with asyncio.timeout(LOOK_S):
                if not await self._routes.look_again():
                    return False
                await self.refresh()
                return True
        except Exception as error:  # noqa: BLE001 - whatever a database raises when it is away
            log.warning("model %.48s is not known and cannot be looked up: %s", model, error)
            raise UnavailableError from None
