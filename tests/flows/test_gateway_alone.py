"""The gateway as a process of its own, before slow clients, and while its servers are away.

F20: a hundred clients that take nothing. F5: PostgreSQL, then Valkey, is stopped and started: what
it knew of keys and routes serves on; what it would have to ask about is told to come back, and is
never let in. Streams under way notice nothing, and no usage is lost.
"""

import asyncio
import json
import re
import socket
import socketserver
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import httpx
import psutil
import pytest

from tests.controlplane.gateway.scripted_engine import HEAD, delta
from tests.fake_engine import fake_engine
from tests.flows.counting_engine import CountingEngine
from tests.flows.gateways import environment_of, gateway_at, manage
from tests.flows.house import free_port
from tests.postgres_server import PostgresServer, postgres_server
from tests.requirements import need
from tests.valkey_server import ValkeyServer, valkey_server

pytestmark = [pytest.mark.slow, pytest.mark.faults]
STRAINED_S = 60.0  # what is promised within seconds, on a machine that does much else
STREAMS = 30
SLOW = 100
PIECE = delta("x" * 8192)
UNKNOWN = "slip_aaaaaaaaaaaa_" + "x" * 43
ROWS = """
from models_app.domain.states import Role
from models_app.services.gateway_keys import KeyScope, gateway_key_create
from tests.factories import actor_of, make_deployment, make_replica, make_user
make_replica(make_deployment("chat"), address=%r, slots=64)
make_replica(make_deployment("flood"), address=%r, slots=128)
owner = actor_of(make_user("keeper", Role.ADMIN))
every = KeyScope(every_model=True)
none = {"requests_per_minute": None, "tokens_per_minute": None, "concurrent_requests": None}
print("KEY", gateway_key_create(owner, name="free", scope=every, limits=none)[1])
few = {**none, "requests_per_minute": 4}
print("LIMITED", gateway_key_create(owner, name="few", scope=every, limits=few)[1])
"""


class Flood(CountingEngine):
    """An engine whose answers have no end, made as fast as they are taken."""

    def __init__(self) -> None:
        super().__init__(_Flooding)
        self.written = 0


class _Flooding(socketserver.StreamRequestHandler):
    server: Flood

    def handle(self) -> None:
        while self.rfile.readline().strip():  # the head; what follows it is not looked at
            pass
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        with self.server.lock:
            self.server.running += 1
        with suppress(OSError):
            self.wfile.write(HEAD)
            while True:
                self.wfile.write(PIECE)
                with self.server.lock:
                    self.server.written += len(PIECE)
        with self.server.lock:
            self.server.running -= 1


@dataclass(frozen=True, slots=True)
class Alone:
    """A gateway with its servers, and two keys of it."""

    postgres: PostgresServer
    valkey: ValkeyServer
    flood: Flood
    environment: Mapping[str, str]
    port: int
    process: psutil.Process
    key: str
    limited: str

    def client(self) -> httpx.AsyncClient:
        """Return a client without a key."""
        base = f"http://127.0.0.1:{self.port}"
        limits = httpx.Limits(max_connections=200)
        return httpx.AsyncClient(base_url=base, timeout=60, trust_env=False, limits=limits)

    def used(self) -> int:
        """Return how many requests are written down."""
        code = "from models_app.models import Usage; print('USED', Usage.objects.count())"
        found = re.search(r"USED (\d+)", manage(self.environment, "shell", "-c", code))
        return int(found[1]) if found else -1


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    for name in ("postgres-server", "valkey"):
        need(name)
    with (
        postgres_server() as postgres,
        valkey_server() as valkey,
        fake_engine(tokens_per_s=8, seed=1, parallel_sequences=64) as engine,
        Flood() as flood,
    ):
        environment = environment_of(
            SLIPWAY_DATA=str(tmp_path_factory.mktemp("alone") / "data"),
            SLIPWAY_DATABASE=postgres.url,
            SLIPWAY_BROKER=valkey.url,
        )
        manage(environment, "migrate", "--verbosity", "0")
        printed = manage(environment, "shell", "-c", ROWS % (engine.address, flood.address))
        key, limited = (
            re.search(rf"^{n} (\S+)", printed, re.MULTILINE) for n in ("KEY", "LIMITED")
        )
        assert key
        assert limited
        port = free_port()
        with gateway_at(environment, port) as process:
            yield Alone(postgres, valkey, flood, environment, port, process, key[1], limited[1])


async def test_a_hundred_slow_clients_hold_their_engine_back_and_nobody_else(
    alone: Alone,
) -> None:
    """F20: what they do not take is not made, nor kept here; others are answered meanwhile."""
    async with alone.client() as client:
        await becomes(lambda: asked(client, alone.key), 200)
        before = alone.process.memory_info().rss
        slow = [await asyncio.to_thread(Trickle, alone) for _ in range(SLOW)]
        await becomes_true(lambda: alone.flood.running == SLOW)
        await becomes_still(lambda: alone.flood.written)
        assert await stream(client, alone.key, tokens=10)
        grown = alone.process.memory_info().rss - before
        for one in slow:  # each has the beginning of its answer, and may take its time for more
            assert b"data: " in await asyncio.to_thread(one.take)
        assert grown < 64 << 20
        for one in slow:
            one.close()
        await becomes_true(lambda: alone.flood.running == 0)


class Trickle:
    """A client that takes next to nothing, on a socket with little room."""

    def __init__(self, alone: Alone) -> None:
        wish = {
            "model": "flood",
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": True,
        }
        body = json.dumps(wish)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(STRAINED_S)
        self._socket.connect(("127.0.0.1", alone.port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        self._socket.sendall(f"{head}Authorization: Bearer {alone.key}\r\n\r\n{body}".encode())

    def take(self) -> bytes:
        """Take a little."""
        return self._socket.recv(2048)

    def close(self) -> None:
        """Leave."""
        self._socket.close()


async def test_postgres_and_then_valkey_are_away_and_come_back(alone: Alone) -> None:
    async with alone.client() as client:
        await becomes(lambda: asked(client, alone.key), 200)
        running = [asyncio.create_task(stream(client, alone.key)) for _ in range(STREAMS)]
        await asyncio.sleep(1)
        await asyncio.to_thread(alone.postgres.stop)
        await known_goes_on_and_unknown_is_told_to_come_back(client, alone.key)
        await asyncio.to_thread(alone.postgres.start)
        await becomes(lambda: asked(client, UNKNOWN), 401)
        ended = await asyncio.gather(*running)
        assert all(text.rstrip().endswith("data: [DONE]") for text in ended)
        assert not any("error" in text for text in ended)

        alone.valkey.stop()
        answers = [await asked(client, alone.limited) for _ in range(8)]
        assert answers[0] == 200
        assert 429 in answers  # counted here alone, but counted
        assert await asked(client, alone.key) == 200
        alone.valkey.start()
        assert await asked(client, alone.key) == 200
        until = time.monotonic() + STRAINED_S
        while await asyncio.to_thread(alone.used) < STREAMS + 4:
            assert time.monotonic() < until
            await asyncio.sleep(1)


async def known_goes_on_and_unknown_is_told_to_come_back(
    client: httpx.AsyncClient, key: str
) -> None:
    """While the database is away: for some seconds, and each answer comes soon."""
    for _ in range(4):
        began = time.monotonic()
        assert await asked(client, key) == 200
        stranger = await ask(client, UNKNOWN)
        assert stranger.status_code == 503
        assert int(stranger.headers["retry-after"]) >= 1
        absent = await ask(client, key, model="absent")
        assert absent.status_code == 503
        assert (await client.get("/healthz")).status_code == 200
        assert time.monotonic() - began < STRAINED_S / 2
        await asyncio.sleep(0.5)


async def ask(client: httpx.AsyncClient, key: str, model: str = "chat") -> httpx.Response:
    """Ask for a token."""
    wish = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    headers = {"authorization": f"Bearer {key}"}
    return await client.post("/v1/chat/completions", json=wish, headers=headers)


async def asked(client: httpx.AsyncClient, key: str) -> int:
    """Return the status of such an answer; 0 when nobody answers."""
    with suppress(httpx.TransportError):
        return (await ask(client, key)).status_code
    return 0


async def stream(client: httpx.AsyncClient, key: str, tokens: int = 80) -> str:
    """Read a stream of several seconds to its end."""
    wish = {
        "model": "chat",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": tokens,
        "stream": True,
    }
    headers = {"authorization": f"Bearer {key}"}
    response = await client.post("/v1/chat/completions", json=wish, headers=headers)
    assert response.status_code == 200
    return response.text


async def becomes_still(look: Callable[[], int]) -> None:
    """Wait until a figure does not grow for two seconds."""
    until, seen = time.monotonic() + STRAINED_S, -1
    while seen != look():
        assert time.monotonic() < until, "it is made on and on"
        seen = look()
        await asyncio.sleep(2)


async def becomes_true(look: Callable[[], bool]) -> None:
    """Wait until it is so."""
    until = time.monotonic() + STRAINED_S
    while not await asyncio.to_thread(look):
        assert time.monotonic() < until
        await asyncio.sleep(0.2)


async def becomes(look: Callable[[], Awaitable[int]], status: int) -> None:
    """Wait until that is answered."""
    until = time.monotonic() + STRAINED_S
    while (found := await look()) != status:
        assert time.monotonic() < until, found
        await asyncio.sleep(0.2)
