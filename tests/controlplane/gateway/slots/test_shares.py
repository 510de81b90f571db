"""Slots over processes: several places in one loop, each with its own way to a real Valkey.

Time is not waited for but for states; whatever happens, the engine must never be asked for more
than it has.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest

from controlplane.gateway.errors import LineFullError
from controlplane.gateway.places import Places
from controlplane.gateway.slots import shares as slots
from controlplane.gateway.slots.register import Register
from controlplane.gateway.slots.shares import Mode, Shares, part
from controlplane.gateway.table import RouteTable
from models_app.domain.routes import DeploymentRoute, ReplicaRoute
from tests.requirements import need
from tests.valkey_server import ValkeyServer, valkey_server

LONG_S = 60.0


@pytest.fixture
def server():
    need("valkey")
    with valkey_server() as running:
        yield running


@dataclass
class Process:
    """One process of the gateway, as far as slots go."""

    places: Places
    shares: Shares
    route: DeploymentRoute
    beating: asyncio.Task[None]

    async def take(self, caller: str = "anybody", line_s: float = LONG_S, **more) -> ReplicaRoute:
        return await self.places.take(self.route, caller=caller, line_s=line_s, **more)

    def running(self) -> int:
        return sum(self.places.held().values())

    async def die(self) -> None:
        """Say nothing any more, and give nothing back."""
        self.beating.cancel()
        for poll in self.shares._polls.values():
            poll.cancel()
        await self.shares._register.close()


def route_of(*slots_of: int) -> DeploymentRoute:
    replicas = [
        ReplicaRoute(
            f"replica-{number}", number, number, f"w-{number}", "shop", "127.0.0.1:9", count
        )
        for number, count in enumerate(slots_of)
    ]
    return DeploymentRoute("id-1", 1, "chat", "ready", "fake", "Fake", tuple(replicas))


@asynccontextmanager
async def process(server: ValkeyServer, *slots_of: int) -> AsyncIterator[Process]:
    route = route_of(*slots_of)
    table = RouteTable(read=lambda only: [route])
    await table.refresh()
    places = Places(table, Random(1))
    shares = Shares(places, Register(server.url))
    places.share_with(shares)
    beating = asyncio.create_task(shares.keep_alive())
    try:
        yield Process(places, shares, route, beating)
    finally:
        beating.cancel()
        await shares.stop()


async def becomes(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not look():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def test_one_alone_asks_nobody_after_its_first_request(server, monkeypatch):
    asked = []
    claim = Register.claim

    async def counted(*arguments, **named):
        asked.append(1)
        return await claim(*arguments, **named)

    monkeypatch.setattr(Register, "claim", counted)
    async with process(server, 4) as one:
        for _ in range(4):
            await one.take()
        assert one.shares.mode is Mode.ALONE
        assert len(asked) == 1


async def test_together_they_never_take_more_than_there_is(server):
    async with process(server, 3, 2) as one, process(server, 3, 2) as two:
        served = {id(one): 0, id(two): 0}

        async def work(it: Process, number: int) -> None:
            replica = await it.take(f"caller-{number % 3}")
            held = [it.places.held() for it in (one, two)]
            assert sum(h.get(replica.id, 0) for h in held) <= replica.slots
            await asyncio.sleep(0.01)
            served[id(it)] += 1
            it.places.succeeded(it.route, replica, 0.01)

        async with asyncio.TaskGroup() as group:
            for number in range(15):
                group.create_task(work(one, number))
                group.create_task(work(two, number))
        assert set(served.values()) == {15}


async def test_what_one_does_not_need_the_other_gets(server):
    async with process(server, 3, 2) as one, process(server, 3, 2) as two:
        await one.take()
        for _ in range(4):
            await two.take()
        assert {one.shares.mode, two.shares.mode} == {Mode.SHARING}


async def test_who_comes_later_gets_its_part_while_the_first_has_a_long_line(server):
    async with process(server, 1) as one, process(server, 1) as two:
        replica = await one.take()
        line = [asyncio.create_task(one.take()) for _ in range(5)]
        later = asyncio.create_task(two.take())
        await becomes(lambda: two.places.in_line("id-1") == 1 and one.shares.mode is Mode.SHARING)
        one.places.succeeded(one.route, replica, 0.1)
        await asyncio.wait_for(later, LONG_S)
        assert one.places.in_line("id-1") == 5
        two.places.succeeded(two.route, later.result(), 0.1)
        await becomes(lambda: one.places.in_line("id-1") == 4)
        for waiting in line:
            waiting.cancel()
        await asyncio.gather(*line, return_exceptions=True)


async def test_a_process_that_dies_holds_nothing_after_a_while(server):
    async with process(server, 2) as one, process(server, 2) as two:
        await one.take()
        await one.take()
        waiting = asyncio.create_task(two.take())
        await becomes(lambda: two.places.in_line("id-1") == 1)
        await one.die()
        await asyncio.wait_for(waiting, LONG_S)


async def test_one_that_is_left_is_alone_again(server):
    async with process(server, 2) as one:
        async with process(server, 2) as two:
            await one.take()
            await two.take()
            assert {one.shares.mode, two.shares.mode} == {Mode.SHARING}
        await becomes(lambda: one.shares.mode is Mode.ALONE)


async def test_one_that_rests_leaves_all_to_the_other(server, monkeypatch):
    async with process(server, 2) as one, process(server, 2) as two:
        one.places.succeeded(one.route, await one.take(), 0.1)
        two.places.succeeded(two.route, await two.take(), 0.1)
        monkeypatch.setattr(slots, "REST_S", 0.0)
        await becomes(lambda: one.shares.mode is Mode.RESTING and two.shares.mode is Mode.RESTING)


async def test_while_valkey_is_away_each_keeps_to_its_part_and_all_is_well_after(server):
    async with process(server, 4) as one, process(server, 4) as two:
        taken = [(it, await it.take()) for it in (one, two)]
        server.stop()
        await becomes(lambda: {one.shares.mode, two.shares.mode} == {Mode.CUT_OFF})
        taken += [(it, await it.take()) for it in (one, two)]
        with pytest.raises(LineFullError):
            await one.take(line_s=0.0)
        server.start()
        await becomes(lambda: {one.shares.mode, two.shares.mode} == {Mode.SHARING})
        more = asyncio.create_task(one.take())
        await becomes(lambda: one.places.in_line("id-1") == 1)
        assert one.running() + two.running() == 4
        it, replica = taken[1]
        it.places.succeeded(it.route, replica, 0.1)
        await asyncio.wait_for(more, LONG_S)


async def test_without_any_valkey_one_serves_with_all(tmp_path):
    nowhere = ValkeyServer(tmp_path)
    async with process(nowhere, 2) as one:
        for _ in range(2):
            await one.take()
        assert one.shares.mode is Mode.CUT_OFF


async def test_who_leaves_while_asking_costs_nobody_a_slot(server):
    async with process(server, 1) as one, process(server, 1) as two:
        for it in (one, two):
            it.places.succeeded(it.route, await it.take(), 0.1)
        asking = [asyncio.create_task(two.take()) for _ in range(5)]
        await asyncio.sleep(0)
        for one_asking in asking:
            one_asking.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        assert await asyncio.wait_for(one.take(), LONG_S) == one.route.replicas[0]


async def test_a_session_meets_its_replica_from_every_process(server):
    async with process(server, 2, 2, 2) as one, process(server, 2, 2, 2) as two:
        first = await one.take(affinity="session")
        assert await two.take(affinity="session") == first


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_the_parts_of_all_are_the_whole(count):
    members = [f"member-{number}" for number in range(count)]
    for replica in route_of(8, 9, 13, 20).replicas:
        assert sum(part(me, members, replica) for me in members) == replica.slots
