"""The gateway against no proxy, nginx and LiteLLM: `python -m benchmarks.gateway`.

One core for the proxy, another for engine and driver; everything in one run. Needs taskset, wrk and
nginx; LiteLLM's proxy in an environment of its own (`--litellm PATH/TO/bin/litellm`), else it is
left out. Promises: non-stream requests a second >= 5 x LiteLLM and >= 0.3 x nginx; at 100 streams a
first token at most 1 ms (p50) and 5 ms (p99) later than direct; 500 streams of 20 tokens a second
for two minutes: none broken, tokens at most 5 ms (p99) later than direct, at most 64 KiB a stream.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.figures import machine
from tests.flows.house import ROOT, free_port, wait_for
from tests.valkey_server import ValkeyServer

PROXY_CORE, OTHER_CORE = "0", "1"
BODY = {
    "model": "bench",
    "messages": [{"role": "user", "content": "Hello there, how are you?"}],
    "max_tokens": 1,
}
ROWS = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from models_app.domain.states import Role
from models_app.services.gateway_keys import KeyScope, gateway_key_create
from tests.factories import actor_of, make_deployment, make_replica, make_user
unlimited: dict = dict.fromkeys(("requests_per_minute", "tokens_per_minute", "concurrent_requests"))
make_replica(make_deployment("bench"), address="{address}", slots=2000)
make_replica(make_deployment("shipped"), address="{shipped}", slots=256)
owner = make_user("bench", Role.ADMIN)
wide = {{**unlimited, "requests_per_minute": 1000000, "tokens_per_minute": 1000000000}}
for limits in (unlimited, wide):
    scope = KeyScope(every_model=True)
    print(gateway_key_create(actor_of(owner), name="bench", scope=scope, limits=limits)[1])
"""
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream engine {{ server {address}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""
LITELLM = """
model_list: [{{model_name: bench, litellm_params: {{model: openai/bench,
  api_base: "http://{address}/v1", api_key: none}}}}]
litellm_settings: {{telemetry: false}}
general_settings: {{master_key: {key}}}
"""
PROFILED = """
import cProfile, signal, sys
signal.signal(signal.SIGTERM, lambda *_: None)
from django.core.management import execute_from_command_line
profile = cProfile.Profile()
profile.runcall(execute_from_command_line, ["manage.py", *sys.argv[1:]])
profile.dump_stats("{profile}")
"""
MASTER_KEY = "sk-" + "5e" * 32


def main() -> int:
    """Measure; return 1 when a promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm", default="")
    parser.add_argument("--seconds", type=int, default=10, help="of each wrk run")
    parser.add_argument("--stream-seconds", type=int, default=120)
    parser.add_argument("--profile", default="", help="write a profile of the gateway here")
    parser.add_argument("--only", default="", help="rps, first or streams")
    options = parser.parse_args()
    machine()
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name:
        return measure(Path(name), options)


def measure(folder: Path, options: argparse.Namespace) -> int:
    address, shipped = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    environment = os.environ | {
        "SLIPWAY_DATA": str(folder / "data"),
        "DJANGO_SETTINGS_MODULE": "controlplane.settings.base",
    }
    valkey = ValkeyServer(folder / "data")
    valkey.start()
    rows = ROWS.format(address=address, shipped=shipped)
    made = subprocess.run(
        [sys.executable, "-c", rows],
        env=environment, capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    keys = made.stdout.split()
    if len(keys) != 2:
        raise SystemExit(made.stderr)
    try:
        with (
            engine(address),
            shipped_engine(shipped),
            gateway(environment, options.profile) as (ours, process),
        ):
            kept = True
            if options.only in ("", "rps"):
                kept &= requests_a_second(folder, options, address, shipped, ours, keys)
            if options.only in ("", "first"):
                kept &= first_tokens(address, ours, keys[0])
            if options.only in ("", "streams"):
                kept &= long_streams(address, ours, keys[0], process, options.stream_seconds)
    finally:
        valkey.stop()
    return 0 if kept else 1


def requests_a_second(
    folder: Path,
    options: argparse.Namespace,
    address: str,
    shipped: str,
    ours: str,
    keys: list[str],
) -> bool:
    seconds = options.seconds
    direct = wrk(folder, address, "none", seconds)
    with nginx(folder, address) as other:
        plain = wrk(folder, other, "none", seconds)
    mine = wrk(folder, ours, keys[0], seconds)
    limited = wrk(folder, ours, keys[1], seconds)
    figures = f"direct {direct:.0f}, nginx {plain:.0f}, slipway {mine:.0f}"
    print(f"requests/s: {figures}, with limits counted in Valkey {limited:.0f}", flush=True)
    kept = told("slipway / nginx, lean engine", mine / plain, 0.3)
    with nginx(folder, shipped) as other:
        plain_shipped = wrk(folder, other, "none", seconds, model="shipped")
    mine_shipped = wrk(folder, ours, keys[0], seconds, model="shipped")
    print(f"requests/s, shipped fake engine: nginx {plain_shipped:.0f}, slipway {mine_shipped:.0f}")
    told("slipway / nginx, shipped fake engine", mine_shipped / plain_shipped, 0.3)
    if options.litellm:
        with litellm(folder, options.litellm, address) as other:
            wrk(folder, other, MASTER_KEY, 3)
            theirs = wrk(folder, other, MASTER_KEY, seconds)
        print(f"requests/s: litellm {theirs:.0f}")
        kept &= told("slipway / litellm", mine / theirs, 5)
    return kept


def first_tokens(address: str, ours: str, key: str) -> bool:
    rounds = [(load(address, 100, 20, 40, "x"), load(ours, 100, 20, 40, key)) for _ in range(3)]
    kept = True
    for part, promise in (("p50", 1.0), ("p99", 5.0)):
        added = sorted(mine["first_ms"][part] - theirs["first_ms"][part] for theirs, mine in rounds)
        print(f"first token at 100 streams, {part}: added {added[1]:.2f} ms (of three: {added})")
        kept &= told(f"added to the first token, {part} (ms)", -added[1], -promise)
    return kept


def long_streams(address: str, ours: str, key: str, process: psutil.Process, seconds: int) -> bool:
    theirs = load(address, 500, 20, 20 * min(seconds, 30), "x")
    before = process.memory_info().rss
    highest = [before]
    mine = load(
        ours, 500, 20, 20 * seconds, key, watch=lambda: highest.append(process.memory_info().rss)
    )
    added = mine["late_ms"]["p99"] - theirs["late_ms"]["p99"]
    older = mine["age_ms"]["p99"] - theirs["age_ms"]["p99"]
    each = (max(highest) - before) / 500 / 1024
    print(json.dumps({"direct": theirs, "slipway": mine}))
    print(f"500 streams: broken {mine['broken']}, inter-token p99 added {added:.2f} ms,"
          f" token age p99 added {older:.2f} ms, {each:.1f} KiB a stream")  # fmt: skip
    kept = told("broken streams", -mine["broken"], 0)
    kept &= told("added inter-token p99 (ms)", -added, -5)
    return told("KiB a stream", -each, -64) and kept


def told(name: str, value: float, promise: float) -> bool:
    kept = value >= promise
    print(
        f"{name}: {abs(value):.3g}, promise {abs(promise):g}: {'kept' if kept else 'MISSED'}",
        flush=True,
    )
    return kept


def wrk(folder: Path, address: str, key: str, seconds: int, model: str = "bench") -> float:
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["Authorization"] = "Bearer {key}"\n'
        f"wrk.body = '{json.dumps(BODY | {'model': model})}'\n"
    )
    run = subprocess.run(
        ["taskset", "-c", OTHER_CORE, "wrk", "-t1", "-c32", f"-d{seconds}s", "-s", str(script),
         f"http://{address}/v1/chat/completions"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    if "Non-2xx" in run.stdout:
        raise SystemExit(run.stdout)
    found = re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)
    assert found, run.stdout
    return float(found[1])


def load(
    address: str, streams: int, rate: float, tokens: int, key: str, watch: Any = None
) -> dict[str, Any]:
    url = f"http://{address}/v1/chat/completions"
    command = [sys.executable, "-m", "benchmarks.gateway_load", url, streams, rate, tokens, key]
    running = subprocess.Popen(
        ["taskset", "-c", OTHER_CORE, *map(str, command)], stdout=subprocess.PIPE, cwd=ROOT
    )
    while running.poll() is None:
        if watch:
            watch()
        time.sleep(0.5)
    assert running.stdout
    found: dict[str, Any] = json.loads(running.stdout.read())
    return found


@contextmanager
def part(
    command: list[str], address: str, path: str = "/", **more: Any
) -> Iterator[psutil.Process]:
    """Run a server until the block ends, once it answers."""
    process = subprocess.Popen(
        command, start_new_session=True, cwd=ROOT, stdin=subprocess.DEVNULL, **more
    )

    def answers() -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"http://{address}{path}", trust_env=False).status_code < 500
        return False

    try:
        wait_for(answers, 90)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def engine(address: str) -> Iterator[None]:
    port = address.rpartition(":")[2]
    command = ["taskset", "-c", OTHER_CORE, sys.executable, "-m", "benchmarks.gateway_engine", port]
    with part(command, address):
        yield  # keeps nothing of ours open: its output is nobody's


@contextmanager
def shipped_engine(address: str) -> Iterator[None]:
    command = [
        "taskset", "-c", OTHER_CORE, sys.executable, "-m", "workers.engines.fake.serve",
        "--port", address.rpartition(":")[2], "--tokens-per-s", "0", "--first-token-delay-s", "0",
        "--parallel-sequences", "256",
    ]  # fmt: skip
    with part(command, address, "/health", stderr=subprocess.DEVNULL):
        yield


@contextmanager
def gateway(environment: dict[str, str], profile: str) -> Iterator[tuple[str, psutil.Process]]:
    port = free_port()
    start = ["-c", PROFILED.format(profile=profile)] if profile else ["manage.py"]
    command = ["taskset", "-c", PROXY_CORE, sys.executable, *start, "gateway"]
    with part(
        [*command, "--port", str(port)], f"127.0.0.1:{port}", "/healthz", env=environment
    ) as it:
        yield f"127.0.0.1:{port}", it


@contextmanager
def nginx(folder: Path, address: str) -> Iterator[str]:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, address=address, port=port))
    with part(["taskset", "-c", PROXY_CORE, "nginx", "-c", str(config)], f"127.0.0.1:{port}"):
        yield f"127.0.0.1:{port}"


@contextmanager
def litellm(folder: Path, binary: str, address: str) -> Iterator[str]:
    port = free_port()
    config = folder / "litellm.yaml"
    config.write_text(LITELLM.format(address=address, key=MASTER_KEY))
    environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [binary, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    with part(
        ["taskset", "-c", PROXY_CORE, *command, "--telemetry", "False"],
        f"127.0.0.1:{port}", "/health/liveliness", env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ):  # fmt: skip
        yield f"127.0.0.1:{port}"


if __name__ == "__main__":
    raise SystemExit(main())
