"""Ollama in a container of its own, deployed by a whole Slipway: asked, scaled, stopped, deleted.

Judged from outside: Docker's own command line, Ollama's own list of what is loaded, the ledger.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.docker_engine import DockerEngine, new_engine
from tests.docker_images import BUSYBOX, OLLAMA
from tests.flows.house import House, wait_for
from tests.flows.test_docker_host import answer, containers, rows, told
from tests.requirements import need
from tests.runtime_sites import reached_by

pytestmark = [pytest.mark.slow]
READY_S = 180.0
CONTEXT = 512
PARALLEL = 2
KEEP_ALIVE_S = 3600

WISH = """
from models_app.domain.actors import SYSTEM
from models_app.services.hosts import host_add
from models_app.services.language_models import model_import
host_add(SYSTEM, name="box", runtime="docker", connection=%r, memory_budget_bytes=3 << 30)
model_import(SYSTEM, name="smollm2", source="bundled", reference={"key": "smollm2-135m-instruct"},
             then_deploy={"name": "chat", "engine": "ollama", "replicas": 1,
                          "parameters": %r, "placement": {"hosts": ["box"]}})
"""
PARAMETERS = {
    "context_length": CONTEXT,
    "parallel_sequences": PARALLEL,
    "keep_alive_s": KEEP_ALIVE_S,
    "flash_attention": "on",
    "kv_type": "q8_0",
    "max_loaded": 1,
    "threads": 1,
    "gpus": "0",
}
# What each parameter is to the server, as Ollama documents it.
ENVIRONMENT = {
    "OLLAMA_NUM_PARALLEL": str(PARALLEL),
    "OLLAMA_KEEP_ALIVE": str(KEEP_ALIVE_S),
    "OLLAMA_FLASH_ATTENTION": "1",
    "OLLAMA_KV_CACHE_TYPE": "q8_0",
    "OLLAMA_MAX_LOADED_MODELS": "1",
    "CUDA_VISIBLE_DEVICES": "0",
}
ACT = """
from models_app.domain.actors import SYSTEM
from models_app.models import Deployment
from models_app.services.deployments import *
%s(SYSTEM, Deployment.objects.get(name="chat"), version=None%s)
"""


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    need("docker")
    need("ollama")
    with new_engine() as made:
        made.load(BUSYBOX, OLLAMA)
        yield made


@pytest.fixture
def house(tmp_path: Path, engine: DockerEngine) -> Iterator[House]:
    for name in ("valkey", "smollm2"):
        need(name)
    connection, _secret = reached_by(engine, "unix")
    with House(tmp_path / "data", SLIPWAY_FIRST_MODEL="0") as made:
        made.start_and_wait()
        made.manage("shell", "-c", WISH % (connection, PARAMETERS))
        becomes_ready(made, 1)
        yield made


def test_ollama_in_a_container_is_deployed_scaled_stopped_and_deleted(
    house: House, engine: DockerEngine
) -> None:
    (first,) = containers(engine)
    assert ENVIRONMENT.items() <= environment(engine, first).items()
    (model,) = loaded(engine, first)
    assert model["context_length"] == CONTEXT
    assert answer(house).strip()
    memory_is_judged_and_seen(house, engine, first)
    spoke = "select 1 from models_app_replicasample where network_sent_per_s > 0 limit 1"
    wait_for(lambda: rows(house, spoke), READY_S, lambda: told(house))

    act(house, "deployment_scale", ", replicas=2")
    becomes_ready(house, 2)
    assert first in containers(engine)
    assert [len(loaded(engine, one)) for one in containers(engine)] == [1, 1]

    act(house, "deployment_scale", ", replicas=1")
    wait_for(lambda: len(containers(engine)) == 1, READY_S, lambda: told(house))
    becomes_ready(house, 1)
    assert answer(house).strip()

    act(house, "deployment_stop")
    wait_for(lambda: containers(engine) == [], READY_S, lambda: told(house))
    act(house, "deployment_start")
    becomes_ready(house, 1)
    assert first not in containers(engine)
    assert answer(house).strip()

    act(house, "deployment_delete")
    deployments = "select count(*) from models_app_deployment"
    wait_for(lambda: rows(house, deployments) == [(0,)], READY_S, lambda: told(house))
    assert containers(engine) == []


def memory_is_judged_and_seen(house: House, engine: DockerEngine, container: str) -> None:
    """What it was allowed is what was predicted and some room; what it took lies below it."""
    (limit,) = [int(engine.docker("inspect", "-f", "{{.HostConfig.Memory}}", container))]
    query = "select predicted_bytes, peak_bytes, memory_bytes from models_app_replica"
    wait_for(lambda: rows(house, f"{query} where peak_bytes > 0"), READY_S, lambda: told(house))
    ((predicted, peak, _now),) = rows(house, query)
    assert isinstance(predicted, int)
    assert isinstance(peak, int)
    assert 92 << 20 < peak < limit
    assert predicted < limit
    assert peak < 1.3 * predicted, (peak, predicted)


def becomes_ready(house: House, replicas: int) -> None:
    """Wait until so many replicas serve, and no other is there."""
    query = "select state from models_app_replica where state != 'retired'"
    wished = [("ready",)] * replicas
    wait_for(lambda: rows(house, query) == wished, READY_S, lambda: told(house))


def act(house: House, service: str, more: str = "") -> None:
    """Wish for something else of the deployment."""
    house.manage("shell", "-c", ACT % (service, more))


def environment(engine: DockerEngine, container: str) -> dict[str, str]:
    """Return what the server was told, as Docker has it."""
    lines = json.loads(engine.docker("inspect", "-f", "{{json .Config.Env}}", container))
    return dict(line.split("=", 1) for line in lines)


def loaded(engine: DockerEngine, container: str) -> list[dict[str, Any]]:
    """Return what the server has in memory, in its own words."""
    address = engine.docker("port", container, "8080/tcp").splitlines()[0]
    models: list[dict[str, Any]] = httpx.get(f"http://{address}/api/ps", timeout=10).json()[
        "models"
    ]
    return models
