"""Several gateway processes before one engine: together they never ask for more than its slots.

Two real processes on one ledger and one broker; the engine counts what is asked of it at once.
"""

import asyncio
import json
import re
import socketserver
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import httpx
import psutil
import pytest

from tests.flows.counting_engine import CountingEngine
from tests.flows.gateways import environment_of, gateway_at, manage
from tests.flows.house import free_port
from tests.requirements import need
from tests.valkey_server import valkey_server
from tests.workloads import eventually

pytestmark = pytest.mark.slow
SLOTS = 3
PATIENCE_S = 120.0
ROWS = """
from models_app.domain.states import Role
from models_app.services.gateway_keys import KeyScope, gateway_key_create
from tests.factories import actor_of, make_deployment, make_replica, make_user
make_replica(make_deployment("chat"), address=%r, slots=%d)
owner = actor_of(make_user("keeper", Role.ADMIN))
every = KeyScope(every_model=True)
none = {"requests_per_minute": None, "tokens_per_minute": None, "concurrent_requests": None}
for name in ("one", "two"):
    print("KEY", gateway_key_create(owner, name=name, scope=every, limits=none)[1])
"""
ANSWER = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a"}}
        ],
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Counting(CountingEngine):
    """An engine that takes its time (`max_tokens` hundredths of a second) and counts."""

    def __init__(self) -> None:
        super().__init__(_Counted)
        self.most = 0
        self.answered = 0


class _Counted(socketserver.StreamRequestHandler):
    server: Counting
    size = 0

    def handle(self) -> None:
        with suppress(OSError):
            while line := self.rfile.readline():
                if line == b"\r\n":
                    self._answer(json.loads(self.rfile.read(self.size)))
                elif line.lower().startswith(b"content-length:"):
                    self.size = int(line.split(b":")[1])

    def _answer(self, wish: dict[str, int]) -> None:
        with self.server.lock:
            self.server.running += 1
            self.server.most = max(self.server.most, self.server.running)
        time.sleep(wish["max_tokens"] / 100)
        with self.server.lock:
            self.server.running -= 1
            self.server.answered += 1
        self.wfile.write(HEAD % len(ANSWER) + ANSWER)


@dataclass(frozen=True, slots=True)
class Gateways:
    """Two processes, two keys, one engine."""

    engine: Counting
    ports: Sequence[int]
    processes: Sequence[psutil.Process]
    keys: Sequence[str]

    async def ask(self, client: httpx.AsyncClient, which: int, key: int, hundredths: int) -> int:
        """Return the status of an answer that takes so long; 0 when the gateway has gone."""
        wish = {
            "model": "chat",
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": hundredths,
        }
        url = f"http://127.0.0.1:{self.ports[which]}/v1/chat/completions"
        headers = {"authorization": f"Bearer {self.keys[key]}"}
        with suppress(httpx.TransportError):
            return (await client.post(url, json=wish, headers=headers)).status_code
        return 0


@pytest.fixture
def gateways(tmp_path: object) -> Iterator[Gateways]:
    need("valkey")
    with ExitStack() as stack:
        valkey = stack.enter_context(valkey_server())
        engine = stack.enter_context(Counting())
        environment = environment_of(SLIPWAY_DATA=f"{tmp_path}/data", SLIPWAY_BROKER=valkey.url)
        manage(environment, "migrate", "--verbosity", "0")
        printed = manage(environment, "shell", "-c", ROWS % (engine.address, SLOTS))
        keys = re.findall(r"^KEY (\S+)", printed, re.MULTILINE)
        ports = [free_port(), free_port()]
        processes = [stack.enter_context(gateway_at(environment, port)) for port in ports]
        eventually(lambda: all(map(_lives, ports)), seconds=PATIENCE_S)
        yield Gateways(engine, ports, processes, keys)


def _lives(port: int) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success
    return False


async def test_two_processes_share_an_engine_and_one_takes_over_when_the_other_is_killed(
    gateways: Gateways,
) -> None:
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False, limits=limits) as client:
        statuses = await asyncio.gather(
            *(gateways.ask(client, number % 2, number // 2 % 2, 20) for number in range(24))
        )
        assert statuses == [200] * 24
        assert gateways.engine.most == SLOTS

        held = [asyncio.create_task(gateways.ask(client, 0, 0, 300)) for _ in range(SLOTS)]
        async with asyncio.timeout(PATIENCE_S):
            while gateways.engine.running < SLOTS:  # noqa: ASYNC110 - it is in another thread
                await asyncio.sleep(0.02)
        gateways.processes[0].kill()
        assert await gateways.ask(client, 1, 1, 1) == 200
        await asyncio.gather(*held)
        assert gateways.engine.most == SLOTS
