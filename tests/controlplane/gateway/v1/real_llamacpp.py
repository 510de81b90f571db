"""The real llama.cpp with the small real model, as a process of a test's own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.smollm2 import smollm2_file

ROOT = Path(__file__).parents[4]
STARTS_WITHIN_S = 120


@contextmanager
def llamacpp(folder: Path) -> Iterator[str]:
    """Run one with two slots; gives its address."""
    address_file = folder / "address"
    command = [
        sys.executable, "-m", "workers.engines.llamacpp.serve", "--model", str(smollm2_file()),
        "--alias", "smol", "--port", "0", "--address-file", str(address_file), "--context", "2048",
        "--parallel", "2", "--threads", "1", "--gpu-layers", "0", "--kv-type", "f16",
        "--flash-attention", "auto", "--temperature", "0", "--top-p", "1", "--seed", "7",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
    try:
        yield _ready(process, address_file, folder / "log")
    finally:
        process.kill()
        process.wait()


def _ready(process: subprocess.Popen[bytes], address_file: Path, log: Path) -> str:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        if address_file.exists():
            address = address_file.read_text()
            try:
                if httpx.get(f"http://{address}/health", trust_env=False).status_code == 200:
                    return address
            except httpx.TransportError:
                pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())
