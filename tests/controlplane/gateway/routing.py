"""Routes and a router for tests, without a database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from controlplane.gateway.patience import Timeouts
from controlplane.gateway.router import Ask, Router
from controlplane.gateway.table import RouteTable
from models_app.domain.routes import DeploymentRoute, ReplicaRoute

NOWHERE = "127.0.0.1:9"  # the discard port: nothing answers there
QUICK = Timeouts(connect_s=2, first_token_s=0.4, idle_s=0.3)


def replica(address: str, number: int = 0, slots: int = 1) -> ReplicaRoute:
    return ReplicaRoute(f"replica-{number}", number, number, f"w-{number}", "shop", address, slots)


def deployment(*addresses: str) -> DeploymentRoute:
    replicas = tuple(replica(address, number) for number, address in enumerate(addresses))
    return DeploymentRoute("id-1", 1, "chat", "ready", "fake", "Fake", replicas)


@asynccontextmanager
async def router_to(*addresses: str, seed: int = 0) -> AsyncIterator[Router]:
    table = RouteTable(read=lambda only: [deployment(*addresses)])
    router = Router(table, dice=Random(seed))
    try:
        yield router
    finally:
        await router.stop()


def ask(timeouts: Timeouts = QUICK) -> Ask:
    return Ask("chat", "/v1/chat/completions", b"{}", timeouts=timeouts)
