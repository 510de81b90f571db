"""A worker falls asleep in the middle of its work, another takes over, and then the first wakes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.dice import Dice
from tests.faults.house import PROMISE_S, HurtHouse
from tests.flows.house import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.xdist_group("house")]


@contextmanager
def second_worker(house: HurtHouse) -> Iterator[None]:
    command = "-m celery -A controlplane worker --queues control --hostname second@%h"
    options = "--pool threads --concurrency 4 --without-gossip --without-mingle"
    with (house.data / "logs" / "second.log").open("w") as log:
        worker = subprocess.Popen(
            [sys.executable, *command.split(), *options.split()],
            cwd=ROOT,
            env=dict(house.environment()),
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            worker.kill()
            worker.wait()


def test_sleeper_wakes_when_its_work_is_done(house: HurtHouse, dice: Dice) -> None:
    first = house.wait_for_part("control")
    with second_worker(house):
        house.wish("deploy", name="asleep", model="tiny-1", replicas=3, startup_delay_s=0.4)
        dice.wait(1.5)
        first.suspend()
        try:
            house.observer.becomes(lambda: house.is_ready("asleep", 3), PROMISE_S)
            engines = house.observer.engines()
        finally:
            first.resume()
        dice.wait(3.0)
        house.observer.becomes(lambda: house.is_ready("asleep", 3), PROMISE_S)
        assert house.observer.engines() == engines
        house.wish("delete", name="asleep")
        dice.wait(0.5)
        first.suspend()
        try:
            house.observer.becomes(lambda: house.is_gone("asleep"), PROMISE_S)
        finally:
            first.resume()
        dice.wait(3.0)
        house.observer.holds(PROMISE_S)
