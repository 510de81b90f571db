"""The gateway on a real socket under the real web server, in the test's own event loop.

Keys, deployments and aliases are rows; engines are processes or scripted sockets.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from asgiref.sync import sync_to_async

from controlplane.gateway.core import stop_routing_core
from controlplane.gateway.v1.application import before
from controlplane.gateway.v1.desk import Desk, desk, stop_desk
from controlplane.launch.front import Front
from models_app.domain.states import Role
from models_app.models import GatewayKey, User
from models_app.services.gateway_keys import KeyScope, gateway_key_create
from models_app.services.usage import UsageRecord
from tests.factories import actor_of, make_deployment, make_replica, make_user

PROTOCOLS: dict[str, Any] = {"direct": Front, "asgi": "httptools"}
USUAL_DOOR = "direct"


async def elsewhere(scope, receive, send) -> None:
    """Whatever the gateway leaves to others."""
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"elsewhere"})


@dataclass
class Served:
    """A running gateway, one key, and a client."""

    address: str
    desk: Desk
    key: str
    row: GatewayKey
    client: httpx.AsyncClient
    owner: User
    written: list[UsageRecord] = field(default_factory=list)

    def records(self) -> list[UsageRecord]:
        """Every usage record so far, in the database already or not."""
        return [*self.written, *self.desk.usage.waiting()]

    @property
    def base(self) -> str:
        return f"http://{self.address}/v1"

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=content, headers=headers)

    async def chat(self, model: str = "chat", **more: Any) -> httpx.Response:
        return await self.post("/v1/chat/completions", chat(model, **more))

    async def events(self, path: str, body: Any) -> tuple[list[str], float]:
        """Read a stream to its end; return its lines."""
        began = asyncio.get_running_loop().time()
        async with self.client.stream("POST", path, content=json.dumps(body)) as response:
            assert response.status_code == 200, await response.aread()
            lines = [line async for line in response.aiter_lines()]
        return lines, asyncio.get_running_loop().time() - began


def chat(model: str = "chat", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **more}


def data_of(lines: list[str]) -> list[Any]:
    """The data of a stream's events, parsed; `[DONE]` as it is."""
    texts = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


@asynccontextmanager
async def served(
    addresses: Mapping[str, Any] | None = None,
    *,
    door: str = "",
    keep_alive_s: int = 5,
    **key: Any,
) -> AsyncIterator[Served]:
    """Run the gateway; `addresses`: deployment name -> engine address, or list of them.

    `door`: direct, as Slipway serves it, or asgi, as any other server would.
    """
    door = door or USUAL_DOOR
    row, text, owner = await sync_to_async(_rows)(addresses or {}, key)
    sock = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        before(elsewhere), loop="none", http=PROTOCOLS[door], log_config=None, access_log=False,
        server_header=False, lifespan="off", timeout_graceful_shutdown=1,
        timeout_keep_alive=keep_alive_s,
    )  # fmt: skip
    server = uvicorn.Server(config)
    shared = desk()
    written: list[UsageRecord] = []
    write = shared.usage._write

    def write_and_remember(records: Sequence[UsageRecord]) -> int:
        written.extend(records)
        return write(records)

    shared.usage._write = write_and_remember
    await shared.names.refresh()
    await shared.router.table.refresh()
    serving = asyncio.create_task(server._serve(sockets=[sock]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    host, port = sock.getsockname()
    try:
        async with httpx.AsyncClient(
            base_url=f"http://{host}:{port}",
            headers={"authorization": f"Bearer {text}", "content-type": "application/json"},
            timeout=30,
            trust_env=False,
        ) as client:
            yield Served(f"{host}:{port}", shared, text, row, client, owner, written)
    finally:
        server.should_exit = True
        await serving
        await stop_desk()
        await stop_routing_core()


def _rows(addresses: Mapping[str, Any], key: Mapping[str, Any]) -> tuple[GatewayKey, str, User]:
    for name, engines in addresses.items():
        deployment = make_deployment(name)
        for address in [engines] if isinstance(engines, str) else engines:
            make_replica(deployment, address=address, slots=4)
    owner = User.objects.filter(name="keeper").first() or make_user("keeper", Role.ADMIN)
    row, text = gateway_key_create(
        actor_of(owner),
        **{"name": "test", "scope": KeyScope(every_model=True), "limits": {}, **key},
    )
    return row, text, owner
