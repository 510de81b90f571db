"""A Docker host's two figures: `python -m benchmarks.docker_host` (as root, with dockerd).

Request to container running, image and artifact present, against `docker run` of the same spec: at
most two seconds more at the 95th percentile. And a file into the volume of a host, its sha256
checked there, against `curl --upload-file` of the same bytes over the same link: at least 0.7 of
its speed on a link of a gigabit per second, by TLS and by SSH. Without a limit both sides share
this machine's cores, and curl's bytes are not encrypted: that is told, and promises nothing.
"""

import argparse
import http.server
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.figures import machine, share, tell
from models_app.domain.specs import ArtifactRef
from models_app.domain.store import ModelStore
from tests.docker_engine import DockerEngine, new_engine
from tests.docker_images import BUSYBOX
from tests.faults.dice import Dice
from tests.faults.docker_house import add_docker_host
from tests.faults.house import HurtHouse
from tests.faults.wisher import small_model
from tests.flows.house import wait_for
from tests.runtime_sites import reached_by
from tests.workloads import store_file
from workers.runtimes.docker.observation import seconds
from workers.runtimes.docker.runtime import DockerRuntime

PROMISED_MORE_S = 2.0
PROMISED_SHARE = 0.7
LONGEST_S = 60.0
PUT_PORT = 8099
LINK = "1gbit"
UPLOADS = 3
STEP_S = 5.0  # as long as a step of the placement's reconciler copies


def main() -> int:
    """Measure; return 1 when a promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--mebibytes", type=int, default=512)
    options = parser.parse_args()
    machine()
    starts = measure_starts(options.rounds) if options.rounds else True
    transfers = measure_transfer(options.mebibytes << 20)
    return 0 if starts and transfers else 1


def measure_starts(rounds: int) -> bool:
    """Compare requests to Slipway with bare runs, in turn."""
    wished: list[float] = []
    bare: list[float] = []
    with (
        new_engine() as engine,
        tempfile.TemporaryDirectory() as folder,
        HurtHouse(Path(folder) / "data", Dice("docker")) as house,
    ):
        add_docker_host(house, engine, "unix")
        model = house.new_model(small_model(Path(folder)))
        wait_for(lambda: house.has_model(model), LONGEST_S, house.observer.told)
        for number in range(rounds + 1):  # the first brings the artifact
            name = f"timed-{number}"
            began = time.time()
            house.wish("deploy", name=name, model=model)
            container = wait_for(lambda name=name: started(engine, name), LONGEST_S)  # type: ignore[misc]
            took = started_at(engine, container) - began
            command = run_command(engine, container)
            house.wish("delete", name=name)
            wait_for(lambda name=name: house.is_gone(name), LONGEST_S, house.observer.told)  # type: ignore[misc]
            began = time.time()
            alone = engine.docker("run", "-d", *command)
            if number:
                wished.append(took)
                bare.append(started_at(engine, alone) - began)
            engine.docker("rm", "-f", alone)
        house.stop()
    more = share(wished, 0.95) - share(bare, 0.95)
    tell("docker run to running", unit="s", values=bare, promise=None)
    tell("request to running", unit="s", values=wished, promise=None)
    print(f"added at the 95th percentile: {more:.2f} s, promise {PROMISED_MORE_S} s", flush=True)
    return more <= PROMISED_MORE_S


def started(engine: DockerEngine, name: str) -> str:
    """Return the container of a deployment once it runs."""
    return engine.docker("ps", "-q", "--no-trunc", "--filter", f"name=^/slipway-{name}-0-r1$")


def started_at(engine: DockerEngine, container: str) -> float:
    """Return when it started, by Docker's own clock, which is this machine's."""
    return seconds(engine.docker("inspect", "-f", "{{.State.StartedAt}}", container)) or 0.0


def run_command(engine: DockerEngine, container: str) -> Sequence[str]:
    """Return the arguments of a `docker run` of the same spec."""
    found = json.loads(engine.docker("inspect", container))[0]
    config, host = found["Config"], found["HostConfig"]
    ((port, (binding,)),) = host["PortBindings"].items()
    (mount,) = host["Mounts"]
    options = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"]
    options += ["--user", config["User"], "--network", host["NetworkMode"]]
    options += ["--pids-limit", str(host["PidsLimit"]), "--memory", str(host["Memory"])]
    options += ["--memory-swap", str(host["MemorySwap"]), "-p", f"{binding['HostIp']}::{port}"]
    options += ["--mount", f"type=volume,src={mount['Source']},dst={mount['Target']},readonly"]
    options += ["--tmpfs", "/tmp", "--log-opt", "max-size=10m", "--log-opt", "max-file=3"]  # noqa: S108
    return [*options, config["Image"], *config["Cmd"]]


def measure_transfer(size: int) -> bool:
    """Compare the file's way into the volume with curl's, by every door."""
    kept = True
    with (
        new_engine(machine=True, tls=True, ssh=True) as engine,
        tempfile.TemporaryDirectory() as folder,
    ):
        engine.load(BUSYBOX)
        root = Path(folder)
        artifact = store_file(root / "models", os.urandom(size))
        for door in ("unix", "tls", "ssh"):
            compare_transfer(engine, root, artifact, door, "no limit")
        engine.network.limit(LINK)
        for door in ("tls", "ssh"):
            part = compare_transfer(engine, root, artifact, door, LINK)
            print(f"promise on {LINK}: {PROMISED_SHARE}", flush=True)
            kept = kept and part >= PROMISED_SHARE
    return kept


def compare_transfer(
    engine: DockerEngine, root: Path, artifact: ArtifactRef, door: str, link: str
) -> float:
    """Send in turn with curl; return the share of curl's speed, from the first byte to the name."""
    connection, secret = reached_by(engine, door)
    runtime = DockerRuntime(
        connection=connection,
        secret=secret,
        workloads=root / "workloads",
        models=root / "models",
        instance="benchmark",
    )
    ours, curls = [], []
    with runtime:
        runtime.usage()  # the helper is there
        for _ in range(UPLOADS):
            curls.append(time_curl(engine, root / "models", artifact))
            ours.append(time_ours(runtime, artifact))
            runtime.remove_artifact(artifact)
    mib = artifact.size_bytes / (1 << 20)
    speeds = [mib / one for one in curls], [mib / one for one in ours]
    tell(f"curl, {link}", unit="MiB/s", values=speeds[0], promise=None)
    tell(f"{door}, {link}, checked", unit="MiB/s", values=speeds[1], promise=None)
    part = statistics.median(curls) / statistics.median(ours)
    print(f"{door}, {link}: {part:.2f} of curl's speed", flush=True)
    return part


def time_ours(runtime: DockerRuntime, artifact: ArtifactRef) -> float:
    """Return the seconds until the file has its name, in the steps that a reconciler takes."""
    began = time.perf_counter()
    while not runtime.ensure_artifact(artifact, seconds=STEP_S).finished:
        pass
    return time.perf_counter() - began


def time_curl(engine: DockerEngine, models: Path, artifact: ArtifactRef) -> float:
    """Return the seconds that curl needs to a server on that machine that writes to its disk."""
    target = engine.folder / "uploaded"
    server = multiprocessing.get_context("fork").Process(
        target=serve_puts, args=(engine.network.name, engine.address, target), daemon=True
    )
    server.start()
    wait_for(lambda: is_open(engine.address), LONGEST_S)
    source = str(ModelStore(models).path_of(artifact.sha256, artifact.file_name))
    began = time.perf_counter()
    url = f"http://{engine.address}:{PUT_PORT}/x"
    subprocess.run(["curl", "-sf", "--noproxy", "*", "--upload-file", source, url], check=True)
    took = time.perf_counter() - began
    server.kill()
    server.join()
    with suppress(OSError):
        target.unlink()
    return took


def is_open(address: str) -> bool:
    """Return whether the server takes connections."""
    with suppress(OSError), socket.create_connection((address, PUT_PORT), timeout=1):
        return True
    return False


def serve_puts(namespace: str, address: str, target: Path) -> None:
    """Take uploads inside the machine's network."""
    with open(f"/run/netns/{namespace}") as handle:  # noqa: PTH123 - a name of the kernel's
        import ctypes

        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            left = int(self.headers["Content-Length"])
            if self.headers.get("Expect"):
                self.send_response_only(100)
                self.end_headers()
            with target.open("wb") as file:
                while left:
                    piece = self.rfile.read(min(left, 1 << 20))
                    left -= file.write(piece)
            self.send_response(201)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing is printed."""

    http.server.HTTPServer((address, PUT_PORT), Handler).serve_forever()


if __name__ == "__main__":
    raise SystemExit(main())
