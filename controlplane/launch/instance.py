"""One running Slipway per data folder, and the clearing of what a killed one left behind."""

import fcntl
import json
import os
from contextlib import suppress
from typing import IO

import psutil

from controlplane.launch.preflight import RefusedError
from controlplane.settings.paths import DataPaths

GRACE_S = 3.0
CLOCK_SLACK_S = 0.02  # psutil rounds a process's start to clock ticks


def hold(paths: DataPaths) -> IO[str]:
    """Lock the data folder for as long as the returned file stays open. Raises RefusedError.

    The kernel drops the lock with the process, however it dies: there is no stale lock.
    """
    file = (paths.root / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise RefusedError(
            f"Slipway already runs on {paths.root} (process {holder}): stop it first, or name"
            " another folder with SLIPWAY_DATA."
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def record_parts(paths: DataPaths, pids: dict[str, int]) -> None:
    """Write down which processes are ours, each with its start time: a pid alone may be reused."""
    parts = {}
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess):
            parts[name] = [pid, psutil.Process(pid).create_time()]
    draft = paths.run / "parts.json.new"
    draft.write_text(json.dumps(parts))
    draft.replace(paths.run / "parts.json")


def clear_leftovers(paths: DataPaths) -> int:
    """End parts that outlived a killed supervisor; returns how many. Engines are left to serve.

    Call it with the lock held. On Linux the parts die with their supervisor and none is left.
    """
    record = paths.run / "parts.json"
    try:
        parts = json.loads(record.read_text())
    except (FileNotFoundError, ValueError):
        return 0
    left = [process for pid, start in parts.values() if (process := _same_process(pid, start))]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=GRACE_S)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=GRACE_S)
    record.unlink()
    return len(left)


def _same_process(pid: int, start: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - start) <= CLOCK_SLACK_S
        return process if same and process.uids().real == os.getuid() else None
    except psutil.Error:
        return None
