"""Fresh clone to the first token, and the second start: `python -m benchmarks.first_light`.

Clones the last commit into an empty folder and types `make run` there, with pip's cache off. The
clock runs from before the clone until the first model, deployed by itself, has sent one token.
Then Ctrl-C, and `make run` again until the front door answers. Promises: 60 s and 5 s.
"""

import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

import httpx

from benchmarks.figures import machine, tell
from tests.flows.house import ROOT, free_port, wait_for

PROMISED_FIRST_S = 60.0
PROMISED_SECOND_S = 5.0
LONGEST_S = 600.0


def main() -> int:
    """Measure; return 1 when a promise is missed."""
    machine()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "slipway"
        began = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        port = free_port()
        run = _run(clone, port)
        try:
            wait_for(lambda: _front_door_answers(port), LONGEST_S)
            up_s = time.monotonic() - began
            wait_for(lambda: _first_token(clone), LONGEST_S)
            first_s = time.monotonic() - began
        finally:
            _stop(run)
        again = time.monotonic()
        run = _run(clone, port)
        try:
            wait_for(lambda: _front_door_answers(port), LONGEST_S)
            second_s = time.monotonic() - again
        finally:
            _stop(run)
    tell("fresh clone to front door", unit="s", values=[up_s], promise=None)
    kept = tell("fresh clone to first token", unit="s", values=[first_s], promise=PROMISED_FIRST_S)
    kept &= tell("second start", unit="s", values=[second_s], promise=PROMISED_SECOND_S)
    return 0 if kept else 1


def _run(clone: Path, port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["make", "run"], cwd=clone, env=_environment(port), start_new_session=True
    )


def _environment(port: int) -> Mapping[str, str]:
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("SLIPWAY_", "DJANGO_", "MAKE"))
    }
    return kept | {"SLIPWAY_PORT": str(port), "PIP_NO_CACHE_DIR": "1"}


def _stop(run: subprocess.Popen[bytes]) -> None:
    os.killpg(run.pid, signal.SIGINT)  # what a terminal does at Ctrl-C
    run.wait(LONGEST_S)


def _front_door_answers(port: int) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).is_success
    return False


def _first_token(clone: Path) -> bool:
    """Ask the replica that is ready, when there is one, for the first token of a chat."""
    with closing(sqlite3.connect(clone / ".slipway" / "slipway.sqlite3", timeout=20)) as ledger:
        query = "SELECT address FROM models_app_replica WHERE state = 'ready'"
        row = ledger.execute(query).fetchone()
    if row is None:
        return False
    body = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 1}
    answer = httpx.post(f"http://{row[0]}/v1/chat/completions", json=body, timeout=LONGEST_S)
    return bool(answer.raise_for_status().json()["choices"])


if __name__ == "__main__":
    raise SystemExit(main())
