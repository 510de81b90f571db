"""A Docker host, reached by TLS, of a whole Slipway: deployed on, answering, hurt, and whole again.

Judged from outside: Docker's own command line, the ledger's file and the gateway's answers.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.docker_engine import DockerEngine, new_engine
from tests.docker_images import BUSYBOX, LLAMACPP
from tests.flows.house import House, wait_for
from tests.flows.test_ollama_host import ASK
from tests.requirements import need
from tests.runtime_sites import reached_by

pytestmark = [pytest.mark.slow]
READY_S = 120.0
BACK_S = 60.0

WISH = """
from models_app.domain.actors import SYSTEM
from models_app.services.hosts import host_add
from models_app.services.language_models import model_import
host_add(SYSTEM, name="box", runtime="docker", connection=%r, secret=%r)
model_import(SYSTEM, name="smollm2", source="bundled", reference={"key": "smollm2-135m-instruct"},
             then_deploy={"name": "chat", "engine": "llamacpp", "replicas": 1,
                          "parameters": {"context_length": 512, "threads": 1},
                          "placement": {"hosts": ["box"]}})
"""
DELETE = """
from models_app.domain.actors import SYSTEM
from models_app.models import Deployment
from models_app.services.deployments import deployment_delete
deployment_delete(SYSTEM, Deployment.objects.get(name="chat"), version=None)
"""


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    need("docker")
    need("llama-server")
    with new_engine(machine=True, tls=True) as made:
        made.load(BUSYBOX, LLAMACPP)
        yield made


@pytest.fixture
def house(tmp_path: Path, engine: DockerEngine) -> Iterator[House]:
    for name in ("valkey", "smollm2"):
        need(name)
    with House(tmp_path / "data", SLIPWAY_FIRST_MODEL="0") as made:
        made.start_and_wait()
        made.manage("shell", "-c", WISH % reached_by(engine, "tls"))
        ready(made)
        yield made


def test_a_model_chats_from_a_container_and_outlives_what_happens_to_its_host(
    house: House, engine: DockerEngine
) -> None:
    first = containers(engine)
    assert len(first) == 1
    assert answer(house).strip()

    unplugged_and_back(house, engine)
    renamed_by_hand(house, engine)
    removed_by_hand(house, engine)
    engine_restarted(house, engine)
    deleted_while_away(house, engine)


def unplugged_and_back(house: House, engine: DockerEngine) -> None:
    """Nothing is concluded from silence; it comes back as it was, and nothing is made anew."""
    before = containers(engine)
    engine.unplug()
    wait_for(lambda: state(house) == "unknown", BACK_S, lambda: told(house))
    engine.plug_in()
    wait_for(lambda: state(house) == "ready", BACK_S, lambda: told(house))
    assert containers(engine) == before
    assert rows(house, "select count(*), sum(restarts) from models_app_replica") == [(1, 0)]


def renamed_by_hand(house: House, engine: DockerEngine) -> None:
    """It is told and put right, without a restart."""
    (before,) = containers(engine)
    name = engine.docker("inspect", "-f", "{{.Name}}", before)
    engine.docker("rename", before, "mine-now")

    def has_its_name() -> bool:
        return engine.docker("inspect", "-f", "{{.Name}}", before) == name

    wait_for(has_its_name, BACK_S, lambda: told(house))
    drift = "select count(*) from models_app_event where code = 'replica.drift'"
    wait_for(lambda: rows(house, drift) == [(1,)], BACK_S, lambda: told(house))
    assert containers(engine) == [before]


def removed_by_hand(house: House, engine: DockerEngine) -> None:
    """It is seen, and started again, once."""
    (before,) = containers(engine)
    engine.docker("rm", "-f", before)
    wait_for(lambda: containers(engine) and state(house) == "ready", BACK_S, lambda: told(house))
    (after,) = containers(engine)
    assert after != before
    assert answer(house).strip()


def engine_restarted(house: House, engine: DockerEngine) -> None:
    """Docker takes its containers with it, without live-restore; the replica comes back."""
    before = containers(engine)
    engine.restart()
    wait_for(lambda: containers(engine) not in ([], before), BACK_S, lambda: told(house))
    ready(house)
    assert len(containers(engine)) == 1
    assert answer(house).strip()


def deleted_while_away(house: House, engine: DockerEngine) -> None:
    """The wish waits, and is done once the host is back."""
    before = containers(engine)
    assert len(before) == 1
    engine.unplug()
    house.manage("shell", "-c", DELETE)
    wished = "select state from models_app_deployment"
    wait_for(lambda: rows(house, wished) == [("deleting",)], BACK_S, lambda: told(house))
    assert containers(engine) == before
    engine.plug_in()
    wait_for(lambda: containers(engine) == [], BACK_S, lambda: told(house))
    deployments = "select count(*) from models_app_deployment"
    wait_for(lambda: rows(house, deployments) == [(0,)], BACK_S, lambda: told(house))


def ready(house: House) -> None:
    """Wait until the replica serves."""
    wait_for(lambda: state(house) == "ready", READY_S, lambda: told(house))


def containers(engine: DockerEngine) -> list[str]:
    """Return the running engines, as Docker itself lists them."""
    wanted = ["--filter", "label=dev.slipway.workload", "--filter", "status=running"]
    return engine.docker("ps", "-q", "--no-trunc", *wanted).split()


def answer(house: House) -> str:
    """Ask through the gateway's core."""
    printed = house.manage("shell", "-c", ASK)
    line = next(line for line in printed.splitlines() if line.startswith("ANSWER "))
    return str(json.loads(line.removeprefix("ANSWER "))[0])


def state(house: House) -> str:
    """Return the state of the one replica."""
    found = rows(house, "select state from models_app_replica where state != 'retired'")
    return str(found[0][0]) if found else ""


def told(house: House) -> str:
    """Return what the ledger last told, for a test that waits in vain."""
    query = "select code, params, evidence from models_app_event order by id desc limit 12"
    hosts = "select state, failure_code, failure_params, failure_evidence from models_app_host"
    found = rows(house, hosts) + rows(house, query)
    return "\n".join(map(str, [*found, *house.lines[-15:]]))


def rows(house: House, query: str) -> list[tuple[object, ...]]:
    """Read the ledger's file."""
    with closing(sqlite3.connect(house.data / "slipway.sqlite3", timeout=20)) as ledger:
        return ledger.execute(query).fetchall()
