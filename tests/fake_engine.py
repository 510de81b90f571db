"""The shipped fake engine as a process of a test's own, without a runtime around it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

STARTS_WITHIN_S = 20


@dataclass
class FakeEngine:
    """A running fake engine."""

    address: str
    process: subprocess.Popen[bytes]

    def metric(self, name: str) -> float:
        """Return one figure of its metrics page."""
        page = httpx.get(f"http://{self.address}/metrics", trust_env=False).text
        lines = [line for line in page.splitlines() if not line.startswith("#")]
        return next(float(line.split()[-1]) for line in lines if name in line.split("{")[0])

    def becomes_idle(self, within_s: float = 10) -> bool:
        """Wait until it works on nothing; False when it still does."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            if self.metric("requests_processing") == 0:
                return True
            time.sleep(0.02)
        return False


@contextmanager
def fake_engine(**options: object) -> Iterator[FakeEngine]:
    """Run one; `tokens_per_s=20` is its `--tokens-per-s 20`."""
    arguments = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.engines.fake.serve", *arguments],
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    try:
        assert process.stderr is not None
        address = ""
        for line in process.stderr:
            text = line.decode()
            if "listening on" in text:
                address = text.rsplit(" ", 1)[-1].strip()
            if "ready" in text:
                break
        assert address, "the fake engine did not start"
        yield FakeEngine(address, process)
    finally:
        process.kill()
        process.communicate()
