"""Slots of replicas: who holds one, who waits for one, and when waiting is pointless.

Above its slots a replica gets nothing: an engine that is asked too much answers everybody slowly.
What is over stands in a short line; what would wait too long is told so at once, with its place and
the time to expect, because a quick no is worth more than a late one.
"""

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from random import Random

from controlplane.gateway.choose import IDLE, Load, choose, ranked
from controlplane.gateway.errors import (
    LineFullError,
    LineTimeoutError,
    NoReplicaError,
    RoutingError,
)
from controlplane.gateway.line import Line, Waiting
from controlplane.gateway.slots.register import Claim
from controlplane.gateway.slots.shares import Shares
from controlplane.gateway.table import RouteTable
from models_app.domain.lines import Business
from models_app.domain.routes import DeploymentRoute, ReplicaRoute

LINE_S = 30.0  # nobody waits for a slot longer than this
LINE_PER_SLOT = 4
LINE_LEAST = 16
BOOK_LIMIT = 1000  # replicas whose loads are remembered before idle ones are swept out


class Places:
    """The slots of this process's requests. Used on one event loop."""

    def __init__(self, table: RouteTable, dice: Random | None = None) -> None:
        self._table = table
        self._dice = dice or Random()  # noqa: S311 - it spreads load, it keeps no secret
        self._loads: dict[str, Load] = {}
        self._lines: defaultdict[str, Line] = defaultdict(Line)
        self._asking = Counter[str]()  # requests that ask other processes for a slot, by deployment
        self._shares: Shares | None = None
        self.ejections = Counter[str]()  # how often replicas of a deployment were left alone
        table.on_change(self._serve_lines)

    def share_with(self, shares: Shares) -> None:
        """Use as many slots as are this process's, instead of all."""
        self._shares = shares

    def load_of(self, replica_id: str) -> Load:
        """Return what this process has asked of a replica."""
        return self._loads.get(replica_id, IDLE)

    def ejected(self, route: DeploymentRoute) -> int:
        """Return how many of a deployment's replicas are left alone now."""
        now = time.monotonic()
        return sum(self.load_of(replica.id).ejected_until > now for replica in route.replicas)

    def in_line(self, deployment_id: str) -> int:
        """Return how many requests wait for a slot of a deployment."""
        line = self._lines.get(deployment_id)
        return len(line) if line else 0

    def business(self) -> dict[str, Business]:
        """Return what goes on at each deployment at which anything does, by public id."""
        if not self._loads and not any(self._lines.values()):
            return {}
        found = {route.id: self._business_of(route) for route in self._table.all()}
        return {id_: business for id_, business in found.items() if business.is_any}

    def place(self, deployment_id: str, caller: str) -> tuple[int, float] | None:
        """Return place and wait of the caller's next request in line; None when none waits."""
        line, route = self._lines.get(deployment_id), self._table.by_id(deployment_id)
        if line is None or route is None or not line.has(caller):
            return None
        position = self._behind_others(route, line.position(caller, 0))
        return position, line.expected_s(position, _slots(route))

    def _business_of(self, route: DeploymentRoute) -> Business:
        running = sum(self.load_of(replica.id).outstanding for replica in route.replicas)
        waiting, slots = self.in_line(route.id), _slots(route)
        if not waiting and running < slots:
            return Business(running)
        return Business(running, waiting, self._lines[route.id].expected_s(waiting + 1, slots))

    async def take(
        self,
        route: DeploymentRoute,
        *,
        caller: str,
        affinity: str = "",
        besides: ReplicaRoute | None = None,
        line_s: float = LINE_S,
    ) -> ReplicaRoute:
        """Return a replica with a slot held on it; `give_back` ends that.

        Raises NoReplicaError, LineFullError, LineTimeoutError.
        """
        if self._shares is not None and not self._shares.has_all and not self.in_line(route.id):
            await self._ask_others(self._shares, route, affinity, besides)
        if not self.in_line(route.id):
            replica = self._free(route, affinity, besides)
            if replica is not None:
                self.hold(replica)
                return replica
        return await self._wait(route, Waiting(caller, affinity, besides), line_s)

    def free_at_once(self, route: DeploymentRoute, affinity: str = "") -> ReplicaRoute | None:
        """Return a replica with a free slot for which nobody has to be asked.

        Raises NoReplicaError.
        """
        if self._shares is not None and self._shares.asks_others:
            return None
        return self._free(route, affinity, None) if not self.in_line(route.id) else None

    def hold(self, replica: ReplicaRoute) -> None:
        """Take a slot of a replica that was just found free; `give_back` ends that."""
        self._note(replica, self.load_of(replica.id).asked())

    def give_back(
        self, route: DeploymentRoute, replica: ReplicaRoute, *, error: RoutingError | None = None
    ) -> None:
        """A request is over that says nothing good of its replica, and maybe something bad."""
        load = self.load_of(replica.id).ended()
        if error is not None and error.counts_against_replica:
            before, load = load, load.failed(time.monotonic())
            self.ejections[route.id] += load.ejected_until > before.ejected_until
        self._note(replica, load)
        self._ended(route, replica)

    def succeeded(self, route: DeploymentRoute, replica: ReplicaRoute, seconds: float) -> None:
        """A request is over and was answered; it took so long."""
        self._lines[route.id].took(seconds)
        self._note(replica, self.load_of(replica.id).ended().succeeded())
        self._ended(route, replica)

    # --- what the shares ask -------------------------------------------------------------------

    def held(self) -> Mapping[str, int]:
        """Return how many requests are under way at each replica."""
        return {id_: load.outstanding for id_, load in self._loads.items()}

    def waiting(self) -> Iterable[str]:
        """Return the deployments at which somebody stands in line."""
        return [id_ for id_, line in self._lines.items() if len(line)]

    def claim(self, deployment_id: str) -> Claim:
        """Return what to ask for those who stand in line."""
        route, first = self._table.by_id(deployment_id), self._lines[deployment_id].first()
        if route is None or first is None:
            return Claim(deployment_id, (), 0, 0)
        besides = first.besides if len(route.replicas) > 1 else None
        return self._claim(route, first.affinity, besides, asked=self.in_line(deployment_id))

    def serve(self, deployment_id: str) -> None:
        """Give what is free to who waits."""
        self._serve_line(deployment_id)

    # --- inside --------------------------------------------------------------------------------

    def _claim(
        self, route: DeploymentRoute, affinity: str, besides: ReplicaRoute | None, *, asked: int
    ) -> Claim:
        replicas = [r for r in route.replicas if r != besides]
        wish = self.in_line(route.id) + self._asking[route.id]
        rank = ranked(replicas, self._loads, time.monotonic(), self._dice, affinity)
        return Claim(route.id, rank, wish, asked, bool(affinity))

    async def _ask_others(
        self, shares: Shares, route: DeploymentRoute, affinity: str, besides: ReplicaRoute | None
    ) -> None:
        self._asking[route.id] += 1
        try:
            await shares.ask(self._claim(route, affinity, besides, asked=1))
        finally:
            self._asking[route.id] -= 1

    def _ended(self, route: DeploymentRoute, replica: ReplicaRoute) -> None:
        if self._shares is not None:
            self._shares.ended(route.id, replica.id)
        self._serve_line(route.id)

    async def _wait(self, route: DeploymentRoute, waiting: Waiting, line_s: float) -> ReplicaRoute:
        line = self._lines[route.id]
        slots = _slots(route)
        position = self._behind_others(route, line.position(waiting.caller))
        wait_s = line.expected_s(position, slots)
        if len(line) >= max(LINE_LEAST, LINE_PER_SLOT * slots) or wait_s > line_s:
            raise LineFullError(params=_place(route, position, wait_s))
        line.join(waiting)
        if self._shares is not None:
            self._shares.wait_for(route.id)
        try:
            async with asyncio.timeout(line_s):
                return await asyncio.shield(waiting.given)
        except TimeoutError:
            position = self._behind_others(route, line.position_of(waiting))
            wait_s = line.expected_s(position, slots)
            self._leave(route, line, waiting)
            raise LineTimeoutError(params=_place(route, position, wait_s)) from None
        except asyncio.CancelledError:
            self._leave(route, line, waiting)
            raise

    def _behind_others(self, route: DeploymentRoute, position: int) -> int:
        """Return which place that is, with those who wait in other processes."""
        ahead = self._shares.ahead(route.id, position) if self._shares else 0
        return position + ahead

    def _leave(self, route: DeploymentRoute, line: Line, waiting: Waiting) -> None:
        """Go; a slot that was given in the same moment goes to the next."""
        line.leave(waiting)
        if not waiting.given.done():
            waiting.given.cancel()
        elif not waiting.given.cancelled() and waiting.given.exception() is None:
            self.give_back(route, waiting.given.result())

    def _free(
        self, route: DeploymentRoute, affinity: str, besides: ReplicaRoute | None
    ) -> ReplicaRoute | None:
        candidates = [r for r in route.replicas if r != besides] if besides else route.replicas
        if not candidates:
            raise no_replica(route)
        limit = self._shares.limit if self._shares and not self._shares.has_all else None
        return choose(candidates, self._loads, time.monotonic(), self._dice, affinity, limit)

    def _serve_lines(self) -> None:
        for deployment_id in [id_ for id_, line in self._lines.items() if len(line)]:
            self._serve_line(deployment_id)
        for gone in [id_ for id_ in self._lines if self._table.by_id(id_) is None]:
            if not self._lines[gone]:
                del self._lines[gone]

    def _serve_line(self, deployment_id: str) -> None:
        """Give free slots to who waits, in turn."""
        line = self._lines.get(deployment_id)
        while line and (waiting := line.first()) is not None:
            route = self._table.by_id(deployment_id)
            if route is None or not route.replicas:
                line.next()
                error = no_replica(route) if route else NoReplicaError(params={"name": ""})
                waiting.given.set_exception(error)
                continue
            besides = waiting.besides if len(route.replicas) > 1 else None
            replica = self._free(route, waiting.affinity, besides)
            if replica is None:
                return
            line.next()
            self.hold(replica)
            waiting.given.set_result(replica)

    def _note(self, replica: ReplicaRoute, load: Load) -> None:
        """Replicas come and go; what says nothing any more is not kept."""
        if load == IDLE:
            self._loads.pop(replica.id, None)
            return
        self._loads[replica.id] = load
        if len(self._loads) > BOOK_LIMIT:
            self._loads = {id_: held for id_, held in self._loads.items() if held.outstanding}


def _slots(route: DeploymentRoute) -> int:
    return sum(replica.slots for replica in route.replicas)


def no_replica(route: DeploymentRoute) -> NoReplicaError:
    """Return the error that says why nobody can answer for a deployment now."""
    return NoReplicaError(
        params={
            "name": route.name,
            "state": route.state,
            "failure_code": route.failure_code,
            "failure_params": dict(route.failure_params),
            "progress": dict(route.progress),
        }
    )


def _place(route: DeploymentRoute, position: int, wait_s: float) -> dict[str, object]:
    return {"name": route.name, "position": position, "wait_s": max(1, math.ceil(wait_s))}
