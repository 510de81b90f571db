"""A worker falls asleep in the middle of its work, another takes over, and then the first wakes.

The sleeper is one that no supervisor watches. With SQLite's write lock in its hand nobody could do
anything (test_part_frozen.py: who is watched is ended for it), so it sleeps without.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.faults.dice import ROUNDS, Dice
from tests.faults.house import PROMISE_S, HurtHouse
from tests.flows.house import ROOT, UP_S, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.faults]


@contextmanager
def second_worker(house: HurtHouse) -> Iterator[psutil.Process]:
    command = "-m celery -A controlplane worker --queues control --hostname second@%h"
    options = "--pool threads --concurrency 4 --loglevel INFO --without-gossip --without-mingle"
    with (house.data / "logs" / "second.log").open("w") as log:
        worker = subprocess.Popen(
            [sys.executable, *command.split(), *options.split()],
            cwd=ROOT,
            env=dict(house.environment()),
            stdout=log,
            stderr=log,
        )
        try:
            yield psutil.Process(worker.pid)
        finally:
            worker.kill()
            worker.wait()


def fall_asleep(house: HurtHouse, worker: psutil.Process, dice: Dice) -> None:
    """Stop a worker at a moment at which it holds no lock: the ledger's, or a workload's to be.

    Nobody else can pass a kernel lock of a sleeping process. The watchdog ends supervised parts for
    that (test_part_frozen.py); this one is nobody's part.
    """
    worker.suspend()
    while house.is_locked() or _is_spawning(worker):
        worker.resume()
        dice.wait(0.02)
        worker.suspend()


def _is_spawning(worker: psutil.Process) -> bool:
    """Return whether it has a workload's lock open: its engine has not inherited it yet."""
    return any(file.path.endswith("/lock") for file in worker.open_files())


@pytest.mark.parametrize("n", range(ROUNDS))
def test_sleeper_wakes_when_its_work_is_done(house: HurtHouse, dice: Dice, n: int) -> None:
    name = f"asleep-{n}"
    with second_worker(house) as sleeper:
        wait_for(lambda: "ready." in (house.data / "logs" / "second.log").read_text(), UP_S)
        house.wish("deploy", name=name, model="tiny-1", replicas=3, startup_delay_s=0.4)
        dice.wait(1.5)
        fall_asleep(house, sleeper, dice)
        house.observer.becomes(lambda: house.is_ready(name, 3), PROMISE_S)
        engines = house.observer.engines()
        sleeper.resume()
        dice.wait(3.0)
        house.observer.becomes(lambda: house.is_ready(name, 3), PROMISE_S)
        assert house.observer.engines() == engines
        house.wish("delete", name=name)
        dice.wait(0.5)
        fall_asleep(house, sleeper, dice)
        house.observer.becomes(lambda: house.is_gone(name), PROMISE_S)
        sleeper.resume()
        dice.wait(3.0)
        house.observer.holds(PROMISE_S)
