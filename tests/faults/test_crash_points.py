"""A crash before and after every call that leaves the process: another process ends the work."""

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

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.xdist_group("house")]

LONGEST_S = 540.0


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_crash_at_every_point(workflow: str, tmp_path: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLIPWAY_", "DJANGO_"))}
    settings = {"DJANGO_SETTINGS_MODULE": "controlplane.settings.test"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.crash_runs", workflow, str(ROUNDS)],
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
    assert any(run["crashed"] for run in runs)
    wrong = [run for run in runs if not run["finished"] or run["broken"] or run["left"]]
    assert not wrong, json.dumps(wrong, indent=1)


def _end_engines(observer: Observer) -> None:
    for workload in observer.engines():
        for pid in observer.pids(workload):
            psutil.Process(pid).kill()
