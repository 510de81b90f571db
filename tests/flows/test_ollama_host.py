"""A shared Ollama server as a host of a whole Slipway: deployed on, answering, restarted."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.flows.house import House, wait_for
from tests.model_registry import ModelRegistry
from tests.ollama_server import OllamaHouse
from tests.requirements import need
from tests.smollm2 import smollm2_artifact, smollm2_file

pytestmark = [pytest.mark.slow]
READY_S = 120.0

WISH = """
from models_app.domain.actors import SYSTEM
from models_app.services.hosts import host_add
from models_app.services.language_models import model_import
host_add(SYSTEM, name="lan", runtime="ollama", connection={"url": %r},
         memory_budget_bytes=4 << 30)
model_import(SYSTEM, name="smollm2", source="bundled", reference={"key": "smollm2-135m-instruct"},
             then_deploy={"name": "chat", "engine": "ollama", "replicas": 1,
                          "parameters": {"context_length": 512, "threads": 1},
                          "placement": {}})
"""
ASK = """
import asyncio, json
from controlplane.gateway.completions import ChatStream
from controlplane.gateway.core import routing_core, stop_routing_core
from controlplane.gateway.meter import Meter
from controlplane.gateway.router import Ask
async def ask():
    body = {"model": "chat", "messages": [{"role": "user", "content": "Say hello."}],
            "max_tokens": 8, "stream": True, "stream_options": {"include_usage": True}}
    core, meter = routing_core(), Meter()
    try:
        asked = Ask("chat", "/v1/chat/completions", json.dumps(body).encode())
        async with core.router.ask(asked) as routed:
            stream = ChatStream(routed.answer, meter)
            text = "".join([piece.text async for piece in stream.pieces()])
    finally:
        await stop_routing_core()
    print("ANSWER", json.dumps([text, meter.figures().completion_tokens]))
asyncio.run(ask())
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OllamaHouse]:
    with OllamaHouse(tmp_path / "ollama") as made:
        yield made


@pytest.fixture
def house(tmp_path: Path, server: OllamaHouse) -> Iterator[House]:
    for name in ("valkey", "smollm2"):
        need(name)
    with House(tmp_path / "data", SLIPWAY_FIRST_MODEL="0") as made:
        yield made


def test_a_model_is_deployed_on_a_shared_server_and_chats(
    house: House, server: OllamaHouse
) -> None:
    house.start_and_wait()
    house.manage("shell", "-c", WISH % server.url)
    wait_for(lambda: _state(house) == "ready", READY_S, lambda: _told(house))
    assert len(server.loaded()) == 1
    text, tokens = _answer(house)
    assert text.strip()
    assert 1 <= tokens <= 8

    server.kill()
    wait_for(lambda: _state(house) == "unknown", READY_S, lambda: _told(house))
    server.start()
    wait_for(lambda: _state(house) == "ready" and server.loaded(), READY_S, lambda: _told(house))
    assert _answer(house)[0].strip()
    rows = _rows(house, "select count(*), sum(restarts) from models_app_replica")
    assert rows == [(1, 0)]  # the same one, nothing was made anew

    house.manage(
        "shell",
        "-c",
        "from models_app.domain.actors import SYSTEM\n"
        "from models_app.models import Deployment\n"
        "from models_app.services.deployments import deployment_delete\n"
        "deployment_delete(SYSTEM, Deployment.objects.get(name='chat'), version=None)",
    )
    wait_for(lambda: not [n for n in server.names() if "slipway-chat" in n], READY_S)
    wait_for(lambda: server.loaded() == [], READY_S)


ADD = """
from models_app.domain.actors import SYSTEM
from models_app.services.hosts import host_add
host_add(SYSTEM, name="lan", runtime="ollama", connection={"url": %r},
         memory_budget_bytes=4 << 30)
"""
DEPLOY = """
from models_app.domain.actors import SYSTEM
from models_app.models import Artifact
from models_app.services.deployments import deployment_create
deployment_create(SYSTEM, name="chat", engine="ollama", artifact=Artifact.objects.get(),
                  parameters={"context_length": 512, "threads": 1})
"""


def test_a_variant_keeps_its_own_settings_where_a_request_names_none(
    house: House, server: OllamaHouse, tmp_path: Path
) -> None:
    """Ollama's OpenAI routes take temperature 1.0 then, and would say something new each time."""
    server.make("sober:1", smollm2_artifact(tmp_path / "models"), parameters={"temperature": 0})
    house.start_and_wait()
    house.manage("shell", "-c", ADD % server.url)
    adopted = "select count(*) from models_app_artifact"
    wait_for(lambda: _rows(house, adopted) == [(1,)], READY_S, lambda: _told(house))
    house.manage("shell", "-c", DEPLOY)
    wait_for(lambda: _state(house) == "ready", READY_S, lambda: _told(house))
    ((defaults,),) = _rows(house, "select request_defaults from models_app_replica")
    assert json.loads(str(defaults)) == {"temperature": 0.0, "top_p": 0.9}
    answers = {_answer(house) for _ in range(3)}
    assert len(answers) == 1, answers


PULL = """
from models_app.domain.actors import SYSTEM
from models_app.models import Host
from models_app.services.host_models import host_model_pull
from models_app.services.hosts import host_add
host = host_add(SYSTEM, name="lan", runtime="ollama", connection={"url": %r})
host_model_pull(SYSTEM, host, name=%r)
"""


def test_a_pull_whose_worker_is_killed_goes_on_in_the_next(
    tmp_path: Path, server: OllamaHouse
) -> None:
    need("valkey")
    with (
        ModelRegistry(smollm2_file()) as registry,
        House(
            tmp_path / "data",
            SLIPWAY_FIRST_MODEL="0",
            SLIPWAY_MODEL_REGISTRIES=f"http://{registry.host}",
        ) as house,
    ):
        registry.bytes_per_s = 5 << 20
        house.start_and_wait()
        house.manage("shell", "-c", PULL % (server.url, registry.name))
        wait_for(lambda: _pulled(house) > 10 << 20, READY_S, lambda: _told(house))
        worker = house.part("transfer")
        assert worker is not None
        worker.kill()
        registry.bytes_per_s = None
        query = "select state from models_app_operation where kind = 'pull_model'"
        wait_for(lambda: _rows(house, query) == [("succeeded",)], READY_S, lambda: _told(house))
        assert registry.name in server.names()
        size = len(registry.blobs[registry.model])
        assert registry.sent[registry.model] < 1.15 * size  # what had come did not come again


def _pulled(house: House) -> int:
    rows = _rows(house, "select done_bytes from models_app_operation where kind = 'pull_model'")
    return int(str(rows[0][0])) if rows else 0


def _answer(house: House) -> tuple[str, int]:
    printed = house.manage("shell", "-c", ASK)
    line = next(line for line in printed.splitlines() if line.startswith("ANSWER "))
    text, tokens = json.loads(line.removeprefix("ANSWER "))
    return str(text), int(tokens)


def _state(house: House) -> str:
    found = _rows(house, "select state from models_app_replica where state != 'retired'")
    return str(found[0][0]) if found else ""


def _told(house: House) -> str:
    query = "select code, params, evidence from models_app_event order by id desc limit 12"
    return "\n".join(map(str, _rows(house, query)))


def _rows(house: House, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(house.data / "slipway.sqlite3", timeout=20)) as ledger:
        return ledger.execute(query).fetchall()
