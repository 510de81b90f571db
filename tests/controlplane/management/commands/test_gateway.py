"""The gateway alone, in one process or several, as an operator starts and stops it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from tests.flows.house import ROOT, free_port
from tests.workloads import eventually

UP_S = 60


@contextmanager
def gateway(folder, *arguments) -> Iterator[tuple[psutil.Process, str]]:
    port = free_port()
    process = psutil.Popen(
        [sys.executable, "manage.py", "gateway", "--port", str(port), *arguments],
        cwd=ROOT,
        env=os.environ
        | {"SLIPWAY_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "controlplane.settings.base"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: lives(port), seconds=UP_S)
        yield process, str(port)
    finally:
        for one in [*process.children(recursive=True), process] if process.is_running() else []:
            one.kill()
        process.wait()


def lives(port) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def family(process: psutil.Process, size: int) -> list[psutil.Process]:
    """Its processes, once there are so many."""
    children: list[psutil.Process] = process.children()
    return children if len(children) == size else []


def test_several_processes_serve_one_address_and_end_together(tmp_path):
    with gateway(tmp_path, "--processes", "3") as (process, port):
        serving = eventually(lambda: family(process, 3))
        serving[0].kill()
        eventually(lambda: lives(port))
        eventually(lambda: len({*process.children()} - {*serving}) == 1, seconds=UP_S)
        everybody = process.children()
        process.send_signal(signal.SIGTERM)
        assert process.wait(UP_S) == 0
        assert not any(one.is_running() for one in everybody)
        assert not lives(port)


def test_none_outlives_the_one_that_began_them(tmp_path):
    with gateway(tmp_path, "--processes", "2") as (process, _):
        serving = eventually(lambda: family(process, 2))
        process.kill()
        psutil.wait_procs(serving, timeout=UP_S)
        assert not any(one.is_running() for one in serving)


@pytest.mark.parametrize("arguments", [("--processes", "0"), ("--host", "192.0.2.1")])
def test_what_cannot_be_is_refused_in_a_sentence(tmp_path, arguments):
    done = subprocess.run(
        [sys.executable, "manage.py", "gateway", "--port", str(free_port()), *arguments],
        cwd=ROOT,
        env=os.environ
        | {"SLIPWAY_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "controlplane.settings.base"},
        capture_output=True,
        text=True,
        timeout=UP_S,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
