"""Looks at an installation from outside: the process table and the SQLite file, nothing of ours.

It shares no code with what it judges but the names of the marks in an engine's environment.
"""

import os
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

LOOK_EVERY_S = 0.2
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Snapshot:
    """What the ledger said at one moment."""

    replicas: list[dict[str, Any]]
    deployments: list[dict[str, Any]]
    placements: list[dict[str, Any]]
    operations: list[dict[str, Any]]
    hosts: list[dict[str, Any]]


class Observer:
    """Judges one data folder. As a context manager it also watches for second engines all along."""

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        self.doubles: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Observer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    # --- what there is ---------------------------------------------------------------------------

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query, straight from the file."""
        with closing(self._open()) as database:
            return [dict(row) for row in database.execute(query, values)]

    def engines(self) -> dict[str, set[int]]:
        """Return the sessions that run for each workload; a session is one start of an engine."""
        found: dict[str, set[int]] = defaultdict(set)
        below = str(self.data / "workloads") + os.sep
        for pid in psutil.pids():
            with suppress(psutil.Error, OSError):
                marks = psutil.Process(pid).environ()
                if marks.get("SLIPWAY_FOLDER", "").startswith(below):
                    found[marks["SLIPWAY_WORKLOAD"]].add(os.getsid(pid))
        return dict(found)

    def pids(self, workload: str) -> list[int]:
        """Return the processes of one workload."""
        found = []
        for pid in psutil.pids():
            with suppress(psutil.Error, OSError):
                marks = psutil.Process(pid).environ()
                in_here = marks.get("SLIPWAY_FOLDER", "").startswith(str(self.data))
                if in_here and marks.get("SLIPWAY_WORKLOAD") == workload:
                    found.append(pid)
        return found

    def snapshot(self) -> Snapshot:
        """Read every worked row in one transaction."""
        with closing(self._open()) as database:
            database.execute("BEGIN")
            tables = {
                field: [dict(row) for row in database.execute(query)]
                for field, query in _TABLES.items()
            }
        return Snapshot(**tables)

    def live_replicas(self) -> list[dict[str, Any]]:
        """Return the replicas that are not history."""
        return self.rows("SELECT * FROM models_app_replica WHERE state != 'retired'")

    def deployment(self, name: str) -> dict[str, Any] | None:
        """Return the row of a deployment."""
        rows = self.rows("SELECT * FROM models_app_deployment WHERE name = ?", name)
        return rows[0] if rows else None

    # --- what must hold --------------------------------------------------------------------------

    def broken(self) -> list[str]:
        """Return a sentence for each rule that does not hold right now."""
        engines, now = self.engines(), self.snapshot()
        found = list(self.doubles)
        live = {r["workload"]: r for r in now.replicas if r["state"] != "retired"}
        for workload, row in live.items():
            sessions = engines.get(workload, set())
            if row["state"] == "ready" and len(sessions) != 1:
                found.append(f"{workload} is ready with {len(sessions)} engines")
        found += [f"orphan: {w} runs, no row wants it" for w in engines if w not in live]
        return found + _stuck(now)

    def holds(self, seconds: float) -> None:
        """Fail unless every rule holds within `seconds`; what never may be, fails at once."""
        until = time.monotonic() + seconds
        while broken := self.broken():
            assert not self.doubles, self.doubles
            assert time.monotonic() < until, (broken, self.told())
            time.sleep(LOOK_EVERY_S)

    def becomes(self, wished: Callable[[], object], seconds: float) -> None:
        """Fail unless `wished` comes true within the promise, and every rule with it."""
        until = time.monotonic() + seconds
        while not wished():
            assert not self.doubles, self.doubles
            assert time.monotonic() < until, self.told()
            time.sleep(LOOK_EVERY_S)
        self.holds(max(until - time.monotonic(), 5.0))

    def told(self) -> str:
        """Return the rows in short, for the message of a failure."""
        now = self.snapshot()
        lines = [f"engines: {self.engines()}"]
        for kind, keys in _SHORT.items():
            lines += [f"{kind}: " + str({k: r[k] for k in keys}) for r in getattr(now, kind)]
        codes = self.rows("SELECT code, params FROM models_app_event ORDER BY id DESC LIMIT 15")
        return "\n".join([*lines, *(f"{row['code']} {row['params']}" for row in codes)])

    # --- inside ----------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        path = self.data / "slipway.sqlite3"
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
        database.row_factory = sqlite3.Row
        return database

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            for workload, sessions in self.engines().items():
                if len(sessions) > 1:
                    self.doubles.append(f"{workload} ran {len(sessions)} times at once")


_TABLES = {
    "replicas": "SELECT * FROM models_app_replica",
    "deployments": "SELECT * FROM models_app_deployment",
    "placements": "SELECT * FROM models_app_placement",
    "operations": "SELECT * FROM models_app_operation",
    "hosts": "SELECT * FROM models_app_host",
}
_WORK = ("state", "next_action_at", "lease_until", "attempts", "failure_code")
_SHORT = {
    "deployments": ("name", "wish", "replicas_wished", *_WORK),
    "replicas": ("workload", "is_wanted", *_WORK),
    "placements": ("artifact_id", *_WORK),
    "operations": ("title", "phase", *_WORK),
    "hosts": ("name", *_WORK),
}


def _stuck(now: Snapshot) -> list[str]:
    """Every row that is not at its wish must have a time at which somebody looks again."""
    waiting = [(r["name"], r) for r in now.deployments if r["state"] not in {"ready", "stopped"}]
    waiting += [(r["name"], r) for r in now.hosts]
    waiting += [(r["title"], r) for r in now.operations if r["state"] not in ENDED]
    placing = [r for r in now.placements if r["state"] not in {"ready", "failed"}]
    waiting += [(f"placement {r['id']}", r) for r in placing]
    # A replica that waits for its artifact is woken by the placement.
    rests = {"retired", "failed"} | ({"placing"} if placing else set())
    waiting += [(r["workload"], r) for r in now.replicas if r["state"] not in rests]
    return [
        f"stuck: {name} is {row['state']} and nobody will look"
        for name, row in waiting
        if row["next_action_at"] is None
    ]
