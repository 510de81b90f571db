"""Before and after every call that leaves the process one worker dies, or sleeps and wakes again:

another ends the work, and what the sleeper still does changes nothing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.faults.dice import ROUNDS
from tests.faults.observer import Observer
from tests.faults.workflows import WORKFLOWS
from tests.flows.house import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.faults]

LONGEST_S = 540.0


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_crash_at_every_point(workflow: str, tmp_path: Path) -> None:
    wrong = [run for run in runs_of("crash", workflow, tmp_path) if is_wrong(run)]
    assert not wrong, json.dumps(wrong, indent=1)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_sleep_at_every_point(workflow: str, tmp_path: Path) -> None:
    runs = runs_of("freeze", workflow, tmp_path)
    wrong = [run for run in runs if is_wrong(run) or run["hurt"] != run["woken"]]
    assert not wrong, json.dumps(wrong, indent=1)
    # Only one who slept between the last look at its lease and the call itself may still end what
    # another has started since; that is then mended like any engine that ended.
    disturbed = {str(run["point"]) for run in runs if run["disturbed"]}
    assert all(point.startswith("before remove#") for point in disturbed), disturbed


def is_wrong(run: dict[str, object]) -> bool:
    return not run["finished"] or bool(run["broken"]) or bool(run["left"])


def runs_of(how: str, workflow: str, tmp_path: Path) -> list[dict[str, object]]:
    """Return how each run went; at least one must have been hurt."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLIPWAY_", "DJANGO_"))}
    settings = {"DJANGO_SETTINGS_MODULE": "controlplane.settings.test"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.crash_runs", how, workflow, str(ROUNDS)],
            cwd=ROOT,
            env={**kept, **settings, "SLIPWAY_DATA": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    finally:
        _end_engines(Observer(tmp_path))
    assert done.returncode == 0, done.stderr[-5000:]
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(run["hurt"] for run in runs)
    return runs


def _end_engines(observer: Observer) -> None:
    for workload in observer.engines():
        for pid in observer.pids(workload):
            psutil.Process(pid).kill()
