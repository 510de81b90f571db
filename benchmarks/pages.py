"""Pages over real HTTP with a large fleet in the database: `python -m benchmarks.pages`.

Fills an installation of its own with 1,000 hosts and 10,000 replicas, starts the web part as
`make run` does, signs in and asks for each page in turn, one request at a time, as a browser would
after it has rendered the one before. Promise: 50 ms median from sending the request to the first
byte of the answer, and at most 10 queries. On a busy machine the wall clock measures the
neighbours: the processor time that the web part itself took for the page is printed beside it.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.figures import machine, share

PROMISED_MS, PROMISED_QUERIES = 50.0, 10
STARTS_WITHIN_S = 60.0
WARM_UP = 3


def main() -> int:
    """Measure; return 1 when a page misses a promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--replicas", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", default="", help="pages whose name holds this")
    options = parser.parse_args()
    machine()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SLIPWAY_DATA"] = folder  # before Django reads it
        pages, client = _fill(options.hosts, options.replicas)
        chosen = {name: path for name, path in pages.items() if options.only in name}
        queries = {name: _queries(client, path) for name, path in chosen.items()}
        cookie = "; ".join(f"{key}={found.value}" for key, found in client.cookies.items())
        with _web_server(Path(folder)) as (address, server):
            taken = _measure(address, server, cookie, chosen, options.rounds)
    print(f"{'page':24} {'median ms':>10} {'p95 ms':>8} {'processor ms':>13} {'queries':>8}")
    missed = sum(_tell(name, found, queries[name]) for name, found in taken.items())
    print("kept" if not missed else f"MISSED by {missed} pages")
    return 1 if missed else 0


@dataclass(slots=True)
class Taken:
    """What the requests for one page took."""

    waits_ms: list[float] = field(default_factory=list)
    processor_s: float = 0.0


def _tell(name: str, taken: Taken, queries: int) -> bool:
    """Print one page's line; return whether it missed a promise."""
    median = share(taken.waits_ms, 0.5)
    is_missed = median > PROMISED_MS or queries > PROMISED_QUERIES
    print(
        f"{name:24} {median:10.1f} {share(taken.waits_ms, 0.95):8.1f} "
        f"{1000 * taken.processor_s / len(taken.waits_ms):13.1f} {queries:8}"
        f"{'  MISSED' if is_missed else ''}"
    )
    return is_missed


def _fill(hosts: int, replicas: int) -> tuple[dict[str, str], Any]:
    """Make the fleet and a signed-in admin; return the pages and the admin's own client."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "controlplane.settings.base"
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command
    from django.test import Client
    from django.urls import reverse

    from models_app.domain.states import Role
    from models_app.models import Deployment, Host, LanguageModel, User

    settings.ALLOWED_HOSTS.append("testserver")
    settings.PATHS.make()
    call_command("migrate", verbosity=0)
    call_command("seed_demo", hosts=hosts, replicas=replicas)
    user = User.objects.create(name="measurer", role=Role.ADMIN, password=make_password("measures"))
    client = Client()
    client.force_login(user)
    deployment = Deployment.objects.order_by("name")[replicas // 10 % 100]
    host, model = Host.objects.order_by("name")[hosts // 2], LanguageModel.objects.first()
    assert model is not None
    named = {
        "deployment": reverse("web:deployment", args=[deployment.name]),
        "deployment replicas": reverse("web:deployment-replicas", args=[deployment.name]),
        "deployment metrics": reverse("web:deployment-metrics", args=[deployment.name]),
        "host": reverse("web:host", args=[host.name]),
        "model": reverse("web:model", args=[model.name]),
        "new deployment": reverse("web:deployment-new"),
    }
    lists = ("overview", "deployments", "hosts", "models", "operations", "audit", "users")
    return {name: reverse(f"web:{name}") for name in lists} | named, client


def _queries(client: Any, path: str) -> int:
    """Return how many queries a page takes, once its caches hold what they may."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(path)
    with CaptureQueriesContext(connection) as found:
        answer = client.get(path)
    if answer.status_code != httpx.codes.OK:
        raise SystemExit(f"{path} answered {answer.status_code}")
    return len(found)


def _measure(
    address: str, server: psutil.Process, cookie: str, pages: dict[str, str], rounds: int
) -> dict[str, Taken]:
    """Ask for the pages in turn; return what the requests for each took."""
    taken = {name: Taken() for name in pages}
    with httpx.Client(base_url=address, headers={"Cookie": cookie}, timeout=60) as client:
        for number in range(rounds + WARM_UP):
            for name, path in pages.items():
                used, began = _processor_s(server), time.perf_counter()
                with client.stream("GET", path) as answer:
                    took = 1000 * (time.perf_counter() - began)
                    answer.read()
                answer.raise_for_status()
                if number >= WARM_UP:
                    taken[name].waits_ms.append(took)
                    taken[name].processor_s += _processor_s(server) - used
    return taken


def _processor_s(process: psutil.Process) -> float:
    """Return the seconds of processor it has used, in steps of 10 ms that even out over rounds."""
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _web_server(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run the web part alone, on a socket that it is handed as the supervisor does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        environment = {**os.environ, "SLIPWAY_PORT": str(port)}
        with (folder / "web.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "controlplane.launch.web"],
                stdin=listening.fileno(),
                stdout=log,
                stderr=log,
                env=environment,
            )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait(address)
            yield address, psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait(20)


def _wait(address: str) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        try:
            if httpx.get(f"{address}/healthz", timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise SystemExit("the web part did not start")


if __name__ == "__main__":
    raise SystemExit(main())
