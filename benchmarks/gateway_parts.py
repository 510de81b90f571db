"""What stands beside the gateway when it is measured: engines, nginx, LiteLLM, and its own rows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from benchmarks.gateway_engine import ANSWER
from benchmarks.parts import OTHER_CORE, PROXY_CORE, part
from tests.flows.house import ROOT, free_port, wait_for
from tests.valkey_server import ValkeyServer

LITELLM_PACKAGE = "litellm[proxy]==1.108.7"
LITELLM_HOME = Path.home() / ".cache/slipway/tools/litellm-1.108.7"
MASTER_KEY = "sk-" + "5e" * 32
_ROWS = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from models_app.domain.states import Role
from models_app.services.gateway_keys import KeyScope, gateway_key_create
from tests.factories import actor_of, make_deployment, make_replica, make_user
unlimited: dict = dict.fromkeys(("requests_per_minute", "tokens_per_minute", "concurrent_requests"))
make_replica(make_deployment("bench"), address="{streams}", slots=2000)
make_replica(make_deployment("canned"), address="{canned}", slots=2000)
make_replica(make_deployment("shipped"), address="{shipped}", slots=256)
owner = make_user("bench", Role.ADMIN)
wide = {{**unlimited, "requests_per_minute": 1000000, "tokens_per_minute": 1000000000}}
for limits in (unlimited, wide):
    scope = KeyScope(every_model=True)
    print(gateway_key_create(actor_of(owner), name="bench", scope=scope, limits=limits)[1])
"""
_NGINX = """
daemon off; master_process off; pid {folder}/{name}.pid; error_log {folder}/{name}.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 100000000; default_type application/json;
  upstream engine {{ server {engine}; keepalive 64; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{ {does} }} }}
}}
"""
_PASSES_ON = 'proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection "";'
_LITELLM = """
model_list: [{{model_name: canned, litellm_params: {{model: openai/canned,
  api_base: "http://{address}/v1", api_key: none}}}}]
litellm_settings: {{telemetry: false}}
general_settings: {{master_key: {key}}}
"""


@dataclass(frozen=True)
class Place:
    """Something that answers, and whose processor time is counted where it is a proxy."""

    address: str
    key: str = "none"
    process: psutil.Process | None = None


@dataclass(frozen=True)
class Engines:
    """From dear to cheap: the one Slipway ships, one on uvloop, an nginx with one answer."""

    shipped: Place
    streams: Place
    canned: Place


@contextmanager
def engines(folder: Path) -> Iterator[Engines]:
    shipped, streams = (f"127.0.0.1:{free_port()}" for _ in range(2))
    fake = [
        *(sys.executable, "-m", "workers.engines.fake.serve", "--port", shipped.split(":")[1]),
        *("--tokens-per-s", "0", "--first-token-delay-s", "0", "--parallel-sequences", "256"),
    ]
    lean = [sys.executable, "-m", "benchmarks.gateway_engine", streams.split(":")[1]]
    answer = ANSWER.decode().replace("'", "\\'")
    with (
        part(fake, answers=f"http://{shipped}/health"),
        part(lean, answers=f"http://{streams}/"),
        nginx(folder, "canned", f"return 200 '{answer}';", core=OTHER_CORE) as canned,
    ):
        yield Engines(Place(shipped), Place(streams), canned)


@contextmanager
def nginx(
    folder: Path, name: str, does: str = _PASSES_ON, *, engine: str = "127.0.0.1:9", core: int
) -> Iterator[Place]:
    """One nginx process: a plain reverse proxy, or something that always says the same."""
    port = free_port()
    config = folder / f"{name}.conf"
    config.write_text(_NGINX.format(folder=folder, name=name, engine=engine, port=port, does=does))
    address = f"127.0.0.1:{port}"
    with part(["nginx", "-c", config], core=core, answers=f"http://{address}/") as process:
        yield Place(address, process=process)


@contextmanager
def gateway(folder: Path, made: Engines) -> Iterator[tuple[Place, Place]]:
    """The gateway alone, Valkey beside it; once by a key without limits, once with wide ones."""
    environment = os.environ | {
        "SLIPWAY_DATA": str(folder / "data"),
        "DJANGO_SETTINGS_MODULE": "controlplane.settings.base",
    }
    valkey = ValkeyServer(folder / "data")
    with part(valkey.command):
        wait_for(lambda: _is_there(valkey.url), 20)
        free, limited = _rows(made, environment)
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "manage.py", "gateway", "--port", address.split(":")[1]]
        with part(
            command, core=PROXY_CORE, answers=f"http://{address}/healthz",
            env=environment, log=folder / "gateway.log",
        ) as process:  # fmt: skip
            yield Place(address, free, process), Place(address, limited, process)


def _is_there(url: str) -> bool:
    with suppress(redis.RedisError), closing(redis.Redis.from_url(url)) as client:
        return bool(client.ping())
    return False


def _rows(made: Engines, environment: dict[str, str]) -> list[str]:
    rows = _ROWS.format(
        streams=made.streams.address, canned=made.canned.address, shipped=made.shipped.address
    )
    done = subprocess.run(
        [sys.executable, "-c", rows],
        env=environment, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120,
    )  # fmt: skip
    keys = done.stdout.split()
    if len(keys) != 2:
        raise RuntimeError(done.stderr)
    return keys


def litellm_binary(given: str) -> str:
    """Return LiteLLM's proxy: the one given, or one in its own environment, made if absent."""
    if given:
        return given
    binary = LITELLM_HOME / "bin/litellm"
    if not binary.exists():
        print(f"installing {LITELLM_PACKAGE} into {LITELLM_HOME}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", LITELLM_HOME], check=True, timeout=60)
        pip = [str(LITELLM_HOME / "bin/pip"), "install", "--quiet", LITELLM_PACKAGE]
        subprocess.run(pip, check=True, timeout=300)
    return str(binary)


@contextmanager
def litellm(folder: Path, binary: str, engine: Place) -> Iterator[Place]:
    """LiteLLM's proxy as it comes: one process."""
    address = f"127.0.0.1:{free_port()}"
    config = folder / "litellm.yaml"
    config.write_text(_LITELLM.format(address=engine.address, key=json.dumps(MASTER_KEY)))
    command = [
        *(binary, "--config", config, "--host", "127.0.0.1", "--port", address.split(":")[1]),
        *("--telemetry", "False"),
    ]
    with part(
        command, core=PROXY_CORE, answers=f"http://{address}/health/liveliness",
        env=os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}, log=folder / "litellm.log",
    ) as process:  # fmt: skip
        yield Place(address, MASTER_KEY, process)
