"""Processes that end with the measurement, however it ends: by itself, by a signal, or killed.

Each is a group of its own that is killed at the end; the kernel kills it when this process is gone
without having come to that.
"""

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import psutil

from tests.flows.house import ROOT, wait_for

PROXY_CORE, OTHER_CORE = 0, 1
STARTS_WITHIN_S = 90.0
STOPS_WITHIN_S = 15.0
_PR_SET_PDEATHSIG = 1
_running: set[int] = set()  # process groups


def end_with_us() -> None:
    """From here on a signal that ends this process ends what it started."""
    atexit.register(_kill_all)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _leave)


@contextmanager
def part(
    command: Sequence[object],
    *,
    core: int = OTHER_CORE,
    answers: str = "",
    log: Path | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[psutil.Process]:
    """Run a server on one core until the block ends; give it once the URL `answers`."""
    with (log or Path(os.devnull)).open("wb") as output:
        process = started(command, core=core, stdout=output, stderr=output, env=env)
        try:
            if answers:
                wait_for(lambda: _answers(process, answers), STARTS_WITHIN_S)
            yield psutil.Process(process.pid)
        finally:
            ended(process)


def started(command: Sequence[object], *, core: int, **more: Any) -> subprocess.Popen[bytes]:
    """Start a command on one core, in a group of its own."""
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *map(str, command)],
        start_new_session=True, cwd=ROOT, stdin=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - there are no threads here
        **more,
    )  # fmt: skip
    _running.add(process.pid)
    return process


def ended(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOPS_WITHIN_S)
    _kill(process.pid)
    process.wait()
    _running.discard(process.pid)


def said(
    command: Sequence[object],
    *,
    core: int,
    within_s: float,
    watch: Callable[[], None] | None = None,
) -> str:
    """Run a command on one core to its end; return what it printed. Raises RuntimeError.

    `watch` is called twice a second meanwhile.
    """
    with tempfile.TemporaryFile() as output:
        process = started(command, core=core, stdout=output)
        try:
            until = time.monotonic() + within_s
            while process.poll() is None:
                if time.monotonic() > until:
                    raise RuntimeError(f"not ended within {within_s:.0f} s: {command[0]}")
                if watch:
                    watch()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)
        finally:
            ended(process)
        if process.returncode:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}")
        output.seek(0)
        return output.read().decode()


def processor_s(process: psutil.Process) -> float:
    """Return the processor time that a server has taken, its workers' too."""
    family = [process, *process.children(recursive=True)]
    return float(sum(sum(member.cpu_times()[:2]) for member in family))


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"it ended with {process.returncode} instead of answering at {url}")
    with suppress(httpx.TransportError):
        return httpx.get(url, trust_env=False).status_code < 500
    return False


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _kill_all() -> None:
    for group in _running:
        _kill(group)
