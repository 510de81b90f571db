"""Deploy request to ready, against the engine's own cold start: `python -m benchmarks.deploy`.

The bundled model is imported first. Then, in turn, the very command that Slipway runs is started
bare, and a deployment is wished for; both are timed until one token was made. Promise: at most one
second more than the bare start.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from benchmarks.figures import machine, tell
from tests.faults.dice import Dice
from tests.faults.house import HurtHouse
from tests.flows.house import wait_for

T = TypeVar("T")
PROMISED_MORE_S = 1.0
LONGEST_S = 120.0
LOOK_EVERY_S = 0.005


def main() -> int:
    """Measure; return 1 when the promise is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--context", type=int, default=2048)
    options = parser.parse_args()
    machine()
    bare: list[float] = []
    deployed: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        HurtHouse(Path(folder) / "data", Dice("deploy")) as house,
    ):
        house.wish("bundled", name="smollm2")
        wait_for(lambda: house.has_model("smollm2"), LONGEST_S, house.observer.told)
        for number in range(options.rounds + 1):  # the first warms the disk's cache
            name = f"timed-{number}"
            took = time_deploy(house, name, options.context)
            record = record_of(house, name)
            house.wish("delete", name=name)
            wait_for(lambda name=name: house.is_gone(name), LONGEST_S, house.observer.told)  # type: ignore[misc]
            alone = time_bare(record, Path(folder) / "bare")
            if number:
                deployed.append(took)
                bare.append(alone)
            print(f"round {number}: deployed {took:.2f} s, bare {alone:.2f} s", flush=True)
        house.stop()
    more = [one - other for one, other in zip(deployed, bare, strict=True)]
    tell("bare cold start to one token", unit="s", values=bare, promise=None)
    promise = statistics.median(bare) + PROMISED_MORE_S
    tell("deploy request to ready", unit="s", values=deployed, promise=promise)
    return 0 if tell("added by Slipway", unit="s", values=more, promise=PROMISED_MORE_S) else 1


def time_deploy(house: HurtHouse, name: str, context: int) -> float:
    """Return the seconds from the request to the row that says ready."""
    began = time.perf_counter()
    house.wish("deploy", name=name, model="smollm2", engine="llamacpp", context_length=context)
    until = time.monotonic() + LONGEST_S
    query = (
        "SELECT r.state FROM models_app_replica r JOIN models_app_deployment d"
        " ON d.id = r.deployment_id WHERE d.name = ? AND r.state = 'ready'"
    )
    while not house.observer.rows(query, name):
        if time.monotonic() > until:
            raise SystemExit(house.observer.told())
        time.sleep(LOOK_EVERY_S)
    return time.perf_counter() - began


def record_of(house: HurtHouse, name: str) -> list[str]:
    """Return the command line of the engine that runs for a deployment."""
    pids = house.observer.pids(house.workload(name))
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1] for pid in pids]
    engines = [[part.decode() for part in line] for line in lines if b"/bin/sh" not in line[:1]]
    return max(engines, key=len)


def time_bare(command: list[str], folder: Path) -> float:
    """Return the seconds from starting the command to its first token."""
    folder.mkdir(exist_ok=True)
    address_file = folder / "address"
    address_file.unlink(missing_ok=True)
    command = [str(address_file) if part.endswith("/address") else part for part in command]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), "LANG": "C.UTF-8"}
    began = time.perf_counter()
    with (folder / "log").open("wb") as log:
        engine = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    try:
        first_token(address_file)
        return time.perf_counter() - began
    finally:
        os.killpg(engine.pid, signal.SIGKILL)
        engine.wait()


def await_soon(look: Callable[[], T]) -> T:
    """Return what `look` finds, within a few milliseconds of its coming true."""
    until = time.monotonic() + LONGEST_S
    while not (found := look()):
        if time.monotonic() > until:
            raise SystemExit("the bare engine did not start")
        time.sleep(LOOK_EVERY_S)
    return found


def first_token(address_file: Path) -> None:
    """Wait for the health page, then have one token made.

    Looks as often as `time_deploy` does: a coarser look would be a gift to Slipway.
    """
    address = await_soon(lambda: address_file.is_file() and address_file.read_text())
    with httpx.Client(base_url=f"http://{address}", timeout=LONGEST_S) as client:

        def is_healthy() -> bool:
            try:
                return client.get("/health").is_success
            except httpx.TransportError:
                return False

        await_soon(is_healthy)
        body: dict[str, Any] = {"prompt": "ready?", "max_tokens": 1, "temperature": 0}
        answer = client.post("/v1/completions", content=json.dumps(body))
        answer.raise_for_status()


if __name__ == "__main__":
    raise SystemExit(main())
