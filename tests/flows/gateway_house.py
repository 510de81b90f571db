"""A Slipway whose gateway serves one small model from three real engines, and ways to ask it.

`process`: llama.cpp on this machine. `docker`: llama-server in a container on another machine, as
far as the network can tell. `ollama`: a model on a shared Ollama server.
"""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil

from tests.docker_engine import DockerEngine
from tests.flows.gateways import gateway_at
from tests.flows.house import House, wait_for
from tests.ollama_server import OllamaHouse
from tests.runtime_sites import reached_by

ENGINES = ("process", "docker", "ollama")
READY_S = 180.0
TOLD = 12

HOSTS = """
from models_app.domain.actors import SYSTEM, Actor
from models_app.domain.states import Role
from models_app.models import Host, User
from models_app.services.hosts import host_add
from models_app.services.language_models import model_import
from models_app.services.tokens import token_create
Host.objects.filter(runtime="process").update(name="here")
host_add(SYSTEM, name="box", runtime="docker", connection=%r, secret=%r)
host_add(SYSTEM, name="lan", runtime="ollama", connection={"url": %r}, memory_budget_bytes=4 << 30)
model_import(SYSTEM, name="smollm2", source="bundled", reference={"key": "smollm2-135m-instruct"})
admin = User.objects.get(role=Role.ADMIN)
User.objects.filter(pk=admin.pk).update(is_set_up=True)
print("TOKEN", token_create(Actor(admin.pk, admin.name, Role.ADMIN, "system"), name="tests",
                            scopes=["admin"])[1])
"""
DEPLOY = """
from models_app.domain.actors import SYSTEM
from models_app.models import Artifact
from models_app.services.deployments import deployment_create
artifact = Artifact.objects.get(model__name="smollm2")
for name, engine, hosts, replicas, more in %r:
    deployment_create(SYSTEM, name=name, engine=engine, artifact=artifact, replicas=replicas,
                      parameters={"context_length": 512, **more}, placement={"hosts": hosts})
"""


class GatewayHouse:
    """Ask it as a program does, look at it as an operator does."""

    def __init__(self, house: House, engine: DockerEngine, ollama: OllamaHouse) -> None:
        self.house = house
        self.engine = engine
        self.ollama = ollama
        printed = house.manage("shell", "-c", HOSTS % (*reached_by(engine, "tls"), ollama.url))
        token = re.search(r"TOKEN (\S+)", printed)
        assert token, printed
        self.api = httpx.Client(
            base_url=f"{house.url}/api/v1",
            headers={"authorization": f"Bearer {token[1]}"},
            timeout=60,
            trust_env=False,
        )
        wait_for(lambda: self.rows("select 1 from models_app_artifact"), READY_S, self.told)
        self.key = self.new_key("every")["key"]

    @property
    def base(self) -> str:
        """The address that programs are given."""
        return f"{self.house.url}/v1"

    def deploy(self, *wishes: tuple[str, str, list[str], int, Mapping[str, Any]]) -> None:
        """Wish for deployments (name, engine, hosts, replicas, parameters), wait for all."""
        self.house.manage("shell", "-c", DEPLOY % (list(wishes),))
        for name, *_, replicas, _more in wishes:
            self.becomes_ready(name, replicas)

    def becomes_ready(self, name: str, replicas: int = 1) -> None:
        """Wait until so many of a deployment's replicas are ready."""
        wait_for(lambda: self.states(name).count("ready") == replicas, READY_S, self.told)

    def new_key(self, name: str, **more: Any) -> dict[str, Any]:
        """Make a key over REST; the answer holds its text once."""
        wish = {"name": name, "scope": {"every_model": True}, "limits": {}, **more}
        answer = self.api.post("/gateway-keys", json=wish)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def client(self, key: str = "", **more: Any) -> openai.OpenAI:
        """Return OpenAI's own client, which tries nothing twice."""
        wanted = {"base_url": self.base, "max_retries": 0, "timeout": 120, **more}
        return openai.OpenAI(api_key=key or self.key, **wanted)

    def http(self, key: str = "", port: int = 0) -> httpx.Client:
        """Return a plain client of the gateway, on this or another of its processes."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{port or self.house.port}",
            headers={"authorization": f"Bearer {key or self.key}"},
            timeout=120,
            trust_env=False,
        )

    def states(self, name: str) -> list[str]:
        """Return the states of a deployment's living replicas."""
        query = (
            "select r.state from models_app_replica r join models_app_deployment d"
            " on r.deployment_id = d.id where d.name = ? and r.state != 'retired'"
        )
        return [str(row[0]) for row in self.rows(query, name)]

    def usage(self, name: str) -> list[dict[str, Any]]:
        """Return what is written down of a deployment's requests, newest first, over REST."""
        answer = self.api.get("/usage/requests", params={"deployment": name, "limit": 50})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def engine_processes(self, name: str) -> list[psutil.Process]:
        """Return the processes of a deployment's engine on this machine."""
        of_name = f"slipway-{name}-"
        found = [p for p in self.house.processes() if _workload_of(p).startswith(of_name)]
        assert found
        return found

    def reached_from_elsewhere(self, port: int) -> bool:
        """Return whether a program on the other machine gets a connection to a port of this one."""
        address = f"10.213.{self.engine.network.number}.1"
        code = f"import socket; socket.create_connection(({address!r}, {port}), 5).close()"
        command = self.engine.network.inside([sys.executable, "-S", "-c", code])
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        return done.returncode == 0

    @contextmanager
    def another_gateway(self, port: int) -> Iterator[None]:
        """Run `manage.py gateway` on the same ledger and broker, as a process of its own."""
        with gateway_at(self.house.environment(), port):
            yield

    def rows(self, query: str, *values: str) -> list[tuple[object, ...]]:
        """Read the ledger's file."""
        ledger_file = Path(self.house.data) / "slipway.sqlite3"
        with closing(sqlite3.connect(ledger_file, timeout=20)) as ledger:
            return ledger.execute(query, values).fetchall()

    def told(self) -> str:
        """Return what the ledger last told, for a test that waits in vain."""
        query = "select code, params, evidence from models_app_event order by id desc limit ?"
        states = "select name, state, failure_code from models_app_deployment"
        found = self.rows(states) + self.rows(query, str(TOLD))
        return "\n".join(map(str, [*found, *self.house.lines[-TOLD:]]))


def listening(process: psutil.Process) -> list[psutil._ntuples.pconn]:
    """Return a process's listening sockets."""
    try:
        return [c for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    except psutil.Error:
        return []


def is_local(address: str) -> bool:
    """Return whether only this machine reaches an address."""
    return address.startswith("127.") or address == "::1"


def _workload_of(process: psutil.Process) -> str:
    """Return which workload a process belongs to."""
    with suppress(psutil.Error):
        return str(process.environ().get("SLIPWAY_WORKLOAD", ""))
    return ""
