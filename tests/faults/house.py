"""A running Slipway that is there to be hurt, with its observer and a process that wishes."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import psutil

from tests.faults.dice import Dice
from tests.faults.observer import Observer
from tests.flows.house import ROOT, UP_S, House, wait_for

# What is promised after a fault: a dead worker's lease (30 s) runs out, a sweep (3 s) finds the
# row, the part and the engine start again. The machine may be busy with other tests.
PROMISE_S = 75.0


class HurtHouse(House):
    """`manage.py up` with one host and one small model, ready for wishes."""

    def __init__(self, data: Path, dice: Dice) -> None:
        super().__init__(data, SLIPWAY_FIRST_MODEL="0", SLIPWAY_DEMO="1")
        self.dice = dice
        self.observer = Observer(data)
        self.small = data / "unset"
        self._wisher: subprocess.Popen[str] | None = None
        self._models = 0

    def __enter__(self) -> "HurtHouse":
        try:
            self._begin()
        except BaseException:
            super().__exit__()  # who fails to enter is not asked to leave
            raise
        return self

    def _begin(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.start_and_wait()
        with (self.data / "logs" / "wisher.log").open("w") as log:
            self._wisher = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.wisher"],
                cwd=ROOT,
                env={**self.environment(), "DJANGO_SETTINGS_MODULE": "controlplane.settings.base"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._answer() == {"ready": True}
        self.observer.__enter__()
        self.wish("host")
        self.observer.becomes(self._host_is_ready, UP_S)

    def __exit__(self, *details: object) -> None:
        self.observer.__exit__()
        for workload in self.observer.engines():
            for pid in self.observer.pids(workload):
                self.remember(psutil.Process(pid))
        if self._wisher:
            self._wisher.kill()
            self._wisher.communicate()
        super().__exit__(*details)

    def wish(self, wish: str, **values: Any) -> Any:
        """Return what was acknowledged; from then on it may not be lost."""
        assert self._wisher is not None
        stream: IO[str] | None = self._wisher.stdin
        assert stream is not None
        stream.write(json.dumps({"wish": wish, **values}) + "\n")
        stream.flush()
        answer = self._answer()
        assert "done" in answer, answer
        return answer["done"]

    def new_model(self, path: Path) -> str:
        """Wish for an import; return the name of the model."""
        self._models += 1
        name = f"tiny-{self._models}"
        self.wish("model", name=name, path=str(path))
        return name

    def has_model(self, name: str) -> bool:
        """Return whether the import of a model succeeded."""
        query = "SELECT state FROM models_app_operation WHERE title = ?"
        return [row["state"] for row in self.observer.rows(query, name)] == ["succeeded"]

    def is_ready(self, name: str, replicas: int = 1) -> bool:
        """Return whether a deployment serves with so many replicas and nothing else is left."""
        row = self.observer.deployment(name)
        if row is None or row["state"] != "ready":
            return False
        own = [r for r in self.observer.live_replicas() if r["deployment_id"] == row["id"]]
        return [r["state"] for r in own] == ["ready"] * replicas

    def is_stopped(self, name: str) -> bool:
        """Return whether nothing of a deployment runs, as wished."""
        row = self.observer.deployment(name)
        return row is not None and row["state"] == "stopped" and not self._engines_of(name)

    def is_gone(self, name: str) -> bool:
        """Return whether nothing of a deployment is left, not even its row."""
        return self.observer.deployment(name) is None and not self._engines_of(name)

    def is_locked(self) -> bool:
        """Return whether somebody holds the ledger's write lock and does not let go of it."""
        path = self.data / "slipway.sqlite3"
        with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                database.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return True
        return False

    def workload(self, name: str, index: int = 0) -> str:
        """Return the name of a live replica's workload."""
        row = self.observer.deployment(name)
        assert row is not None
        for replica in self.observer.live_replicas():
            if (replica["deployment_id"], replica["index"]) == (row["id"], index):
                return str(replica["workload"])
        raise AssertionError(self.observer.told())

    def kill_part(self, name: str) -> None:
        """End a part as the kernel does when it needs memory, and wait until it is back."""
        part = wait_for(lambda: self.part(name), UP_S)
        part.send_signal(signal.SIGKILL)
        part.wait(UP_S)

    def wait_for_part(self, name: str) -> psutil.Process:
        """Return the process of a part once it runs (again)."""
        part = wait_for(lambda: self.part(name), UP_S)
        self.remember(part)
        return part

    def remember(self, process: psutil.Process) -> None:
        """Have a process ended with the house, whatever happens."""
        self._seen[process.pid] = process

    def _engines_of(self, name: str) -> list[str]:
        return [one for one in self.observer.engines() if one.startswith(f"slipway-{name}-")]

    def _host_is_ready(self) -> bool:
        return [r["state"] for r in self.observer.rows("SELECT state FROM models_app_host")] == [
            "ready"
        ]

    def _answer(self) -> dict[str, Any]:
        assert self._wisher is not None
        assert self._wisher.stdout is not None
        line = self._wisher.stdout.readline()
        assert line, "the wisher ended"
        answer: dict[str, Any] = json.loads(line)
        return answer
