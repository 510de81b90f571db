"""Faults of engines, networks and clients, each with its promise (F7, F10, F20, F21, F22, L5)."""

import asyncio
import json
import socket
import time

import pytest
from asgiref.sync import sync_to_async

from controlplane.gateway.v1 import call as call_module
from controlplane.gateway.v1 import desk as desk_module
from models_app.models import Deployment
from tests.controlplane.gateway.routing import NOWHERE
from tests.controlplane.gateway.scripted_engine import (
    DONE,
    END,
    HEAD,
    STALL,
    delta,
    plain,
    scripted_engine,
)
from tests.controlplane.gateway.v1.served import chat, data_of, served

pytestmark = pytest.mark.usefixtures("both_doors")
ANSWER = b'{"choices":[]}'
UNLIMITED = dict.fromkeys(("concurrent_requests", "requests_per_minute", "tokens_per_minute"))


async def timeouts(it, **seconds):
    await Deployment.objects.aupdate(timeouts=seconds)
    await it.desk.router.table.refresh()


async def test_a_host_that_swallows_packets_is_not_chosen_for_long():
    """F7: a listener whose backlog is full neither takes nor refuses, as behind a dropped route."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        address = f"127.0.0.1:{hole.getsockname()[1]}"
        async with (
            scripted_engine(plain(200, ANSWER)) as sound,
            served({"chat": [address, sound.address]}, limits=UNLIMITED) as it,
        ):
            await timeouts(it, connect_s=0.8)
            began, slow = time.monotonic(), []
            while time.monotonic() - began < 6:
                asked = time.monotonic()
                response = await it.chat()
                assert response.status_code == 200, response.text
                if time.monotonic() - asked > 0.7:
                    slow.append(asked - began)
        for filler in fillers:
            filler.close()
    assert len(slow) == 3  # then it is left alone for 30 s
    assert slow[-1] < 10


async def test_an_engine_that_hangs_is_told_at_the_first_tokens_timeout():
    """F10: it takes the request and says nothing; a stream and a whole answer alike."""
    async with scripted_engine(STALL) as engine, served({"chat": engine.address}) as it:
        await timeouts(it, first_token_s=0.5)
        began = time.monotonic()
        whole, streamed = await asyncio.gather(it.chat(), it.chat(stream=True))
    assert time.monotonic() - began < 3
    for response in (whole, streamed):
        assert response.status_code == 504
        assert response.json()["error"]["code"] == "first_token_timeout"


async def test_an_engine_that_stalls_after_a_token_ends_in_an_error_event():
    async with (
        scripted_engine(HEAD, delta("a"), STALL) as engine,
        served({"chat": engine.address}) as it,
    ):
        await timeouts(it, idle_s=0.4)
        lines, took = await it.events("/v1/chat/completions", chat(stream=True))
    assert data_of(lines)[-1]["error"]["code"] == "answer_stalled"
    assert took < 3


async def test_before_the_first_byte_another_replica_is_asked():
    """F22, the first half."""
    async with (
        scripted_engine(plain(200, ANSWER)) as sound,
        served({"chat": [NOWHERE, sound.address]}) as it,
    ):
        assert {(await it.chat()).status_code for _ in range(12)} == {200}


class Trickle:
    """A client that reads as it likes, on a socket with little room."""

    def __init__(self, it, body):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, _, port = it.address.partition(":")
        self.sock.connect((host, int(port)))
        content = json.dumps(body)
        self.sock.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {it.key}\r\n"
            f"Content-Length: {len(content)}\r\n\r\n{content}".encode()
        )


def endless(count):
    return [delta("x" * 8192) for _ in range(count)]


async def still(figure):
    """Wait until a figure that has risen rises no more."""
    async with asyncio.timeout(60):
        before = 0
        while before != figure() or not before:
            before = figure()
            await asyncio.sleep(1.5)


async def test_a_slow_client_holds_its_engine_back():
    """F20: what is not taken is not made: the engine's writes block."""
    written = 0

    async def talk(reader, writer):
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        try:
            for piece in endless(4000):
                writer.write(piece)
                await writer.drain()
                written += len(piece)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=1 << 16)
    server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
    host, port = server.sockets[0].getsockname()
    async with served({"chat": f"{host}:{port}"}) as it:
        client = await asyncio.to_thread(Trickle, it, chat(stream=True))
        try:
            await still(lambda: written)
            # of 32 MB: the kernel's buffers; ours are the 256 KiB of the promise
            assert written < 16 << 20
        finally:
            client.sock.close()
            await asyncio.sleep(0.2)
            server.close()


async def test_a_client_that_takes_nothing_is_let_go_and_one_that_takes_little_is_not(monkeypatch):
    """F20: no byte taken for a minute ends it; some now and then do not. Here it is a second."""
    monkeypatch.setattr(call_module, "TAKES_NOTHING_S", 1.0)
    monkeypatch.setattr(desk_module, "SWEEP_S", 0.2)
    async with (
        scripted_engine(HEAD, *endless(3000), DONE, END) as one,
        scripted_engine(HEAD, *endless(3000), DONE, END) as other,
        served({"one": one.address, "other": other.address}) as it,
    ):
        dead = await asyncio.to_thread(Trickle, it, chat("one", stream=True))
        slow = await asyncio.to_thread(Trickle, it, chat("other", stream=True))
        until = time.monotonic() + 4
        while time.monotonic() < until:
            await asyncio.to_thread(slow.sock.recv, 65536)
            await asyncio.sleep(0.05)
        assert one.hung_up.is_set()
        assert not other.hung_up.is_set()
        dead.sock.close()
        slow.sock.close()
        await asyncio.sleep(0.2)


async def test_the_line_is_fair_short_and_says_how_long():
    """L5: above the slots requests wait in turn; above the line they hear so at once."""
    slow = (HEAD, 0.3, delta("a"), DONE, END)
    async with (
        scripted_engine(*slow) as engine,
        served({"chat": engine.address}, limits=UNLIMITED) as it,
    ):
        began = time.monotonic()
        answers = await asyncio.gather(*(it.chat(stream=True) for _ in range(40)))
        refused = [one for one in answers if one.status_code == 503]
        assert time.monotonic() - began < 10
        assert len([one for one in answers if one.status_code == 200]) >= 20
    error = refused[0].json()["error"]
    assert error["code"] == "line_full"
    assert error["position"] > 16
    assert int(refused[0].headers["retry-after"]) == error["wait_s"] >= 1


async def test_callers_take_turns_in_line():
    async with (
        scripted_engine(HEAD, 0.1, delta("a"), DONE, END) as engine,
        served({"chat": engine.address}) as it,
    ):
        route = await it.desk.router.table.find("chat")
        places = it.desk.router.places
        held = [await places.take(route, caller="a") for _ in range(4)]
        order: list[str] = []

        async def wait(caller):
            replica = await places.take(route, caller=caller)
            order.append(caller)
            places.give_back(route, replica)

        tasks = [asyncio.create_task(wait(caller)) for caller in ("a", "a", "a", "b", "c")]
        await asyncio.sleep(0)
        places.give_back(route, held[0])
        await asyncio.gather(*tasks)
        assert order == ["a", "b", "c", "a", "a"]


@pytest.mark.parametrize("leaves", [True, False])
async def test_who_leaves_the_line_costs_nobody_a_slot(leaves):
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address}) as it,
    ):
        route = await it.desk.router.table.find("chat")
        places = it.desk.router.places
        held = [await places.take(route, caller="a") for _ in range(4)]
        waiting = asyncio.create_task(places.take(route, caller="a"))
        await asyncio.sleep(0)
        if not leaves:
            places.give_back(route, held.pop())  # given and left in the same moment
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        for replica in held:
            places.give_back(route, replica)
        assert places.load_of(held[0].id).outstanding == 0
        assert places.in_line(route.id) == 0


async def test_the_tables_serve_on_while_the_database_is_away(monkeypatch):
    """F5: known keys and routes go on; what would need the database is told to come back."""
    async with (
        scripted_engine(plain(200, ANSWER)) as engine,
        served({"chat": engine.address}) as it,
    ):
        assert (await it.chat()).status_code == 200

        def away(*_):
            raise OSError("away")

        monkeypatch.setattr(it.desk.keys, "_read", away)
        monkeypatch.setattr(it.desk.router.table, "_read", away)
        monkeypatch.setattr(it.desk.names, "_read", away)
        await asyncio.sleep(1.1)
        assert (await it.chat()).status_code == 200
        assert (await it.chat("absent")).status_code == 503
        stranger = await it.post("/v1/models", {}, authorization="Bearer slip_aaaaaaaaaaaa_x")
        assert stranger.status_code == 503
        assert int(stranger.headers["retry-after"]) >= 1
        assert await sync_to_async(Deployment.objects.count)() == 1
