"""Who waits in line is told: to the person in the playground, and on the deployment's page."""

import asyncio
from dataclasses import replace

import pytest
from asgiref.sync import sync_to_async

from controlplane.fragments.painting import paint_named
from controlplane.gateway.core import routing_core, stop_routing_core
from controlplane.offload import offload
from models_app.domain.lines import Business
from models_app.notify import lines
from models_app.notify.lines import LineBoard, business_of
from tests.controlplane.live.test_chat import ask, ended
from tests.factories import actor_of, make_deployment, make_replica
from tests.fake_engine import fake_engine
from tests.valkey_server import valkey_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broker(settings):
    with valkey_server() as server:
        settings.BROKER_URL = server.url
        yield server


async def test_the_playground_tells_place_and_wait(open_socket, charlie, bob):
    """One slot, held by somebody's long answer: the next one's place comes before its start."""
    with fake_engine(tokens_per_s=20, seed=1) as engine:
        await sync_to_async(_one_slot)(engine.address)
        first = await open_socket(bob, "/ws/chat/")
        await first.send(ask(parameters={"max_tokens": 400}))
        while (await first.receive())["type"] != "started":
            pass
        second = await open_socket(charlie, "/ws/chat/")
        await second.send(ask("b1", parameters={"max_tokens": 1}))
        told = await second.receive()
        await first.send({"type": "stop", "id": "a1"})
        frames = await ended(second, "b1")
    assert (told["type"], told["position"]) == ("line", 1)
    assert told["wait_s"] >= 1
    assert "started" in [frame["type"] for frame in frames]
    assert frames[-1]["type"] == "done"


def _one_slot(address):
    return make_replica(make_deployment("chat"), address=address, slots=1)


async def test_what_goes_on_comes_to_the_pages_through_the_broker(broker, charlie):
    deployment = await sync_to_async(make_deployment)("chat")
    await sync_to_async(make_replica)(deployment, address="127.0.0.1:9", slots=4)
    known, actor = str(deployment.public_id), actor_of(charlie)

    async def painted():
        return str(await offload(lambda: paint_named("deployment.line", actor, id=known)))

    assert "busy" not in await painted()
    one, other = LineBoard("one"), LineBoard("other")
    await one.put({known: Business(3, 2, 4.2)})
    await other.put({known: Business(1, 0, 0.0), "another": Business(9, 9, 9.0)})
    assert await offload(business_of, known) == Business(4, 2, 4.2)
    html = await painted()
    assert "4 of 4 slots busy" in html
    assert "2 requests wait in line" in html
    await one.put({})
    assert await offload(business_of, known) == Business(1, 0, 0.0)
    await one.close()
    await other.close()


async def test_a_process_that_is_gone_is_forgotten_and_a_broker_that_is_away_shows_nothing(
    broker, monkeypatch
):
    board = LineBoard("gone")
    await board.put({"x": Business(1, 0, 0.0)})
    monkeypatch.setattr(lines, "FRESH_S", -1)
    assert await offload(business_of, "x") == Business()
    await board.close()
    broker.stop()
    assert await offload(business_of, "x") is None


async def test_the_gateway_itself_tells(broker):
    with fake_engine(tokens_per_s=20, seed=1) as engine:
        row = await sync_to_async(_one_slot)(engine.address)
        known = str(row.deployment.public_id)
        core = routing_core()
        route = await core.table.find("chat")
        held = await core.router.places.take(route, caller="a")
        waits = asyncio.create_task(core.router.places.take(route, caller="b"))
        async with asyncio.timeout(30):
            while (seen := await offload(business_of, known)) != Business(1, 1, 4.0):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        core.router.places.give_back(route, held)
        core.router.places.give_back(route, await waits)
        assert core.router.places.business() == {}
        await stop_routing_core()
        assert await offload(business_of, known) == Business()
    assert replace(seen, wait_s=0) == Business(1, 1)
