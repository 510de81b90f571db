"""Gateways as processes of their own, without the rest of a Slipway around them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psutil

from tests.flows.house import ROOT


def environment_of(**settings: str) -> Mapping[str, str]:
    """Return the environment of a process with these settings and none of this one's."""
    ours = ("SLIPWAY_", "DJANGO_")
    return {**{k: v for k, v in os.environ.items() if not k.startswith(ours)}, **settings}


def manage(environment: Mapping[str, str], *arguments: str) -> str:
    """Run `manage.py`; return what it printed."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def gateway_at(environment: Mapping[str, str], port: int) -> Iterator[psutil.Process]:
    """Run `manage.py gateway` on a port of this machine."""
    command = [sys.executable, "manage.py", "gateway", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
