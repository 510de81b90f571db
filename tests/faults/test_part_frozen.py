"""A part stops in its tracks and keeps what it holds: it is ended, and the wish comes true."""

import psutil
import pytest

from controlplane.launch.watchdog import SILENT_S
from tests.faults.dice import ROUNDS, Dice
from tests.faults.house import PROMISE_S, HurtHouse
from tests.flows.house import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.faults]

NOTICED_S = SILENT_S + 15.0  # a busy machine looks late
TRIES = 200  # until one freezes with the ledger's write lock in its hand


@pytest.mark.parametrize("part", ["control", "transfer", "beat", "broker", "web"])
def test_frozen_part_is_ended_and_no_wish_is_lost(house: HurtHouse, dice: Dice, part: str) -> None:
    name = f"stiff-{part}"
    frozen = house.wait_for_part(part)
    house.wish("deploy", name=name, model="tiny-1", replicas=2, startup_delay_s=0.3)
    dice.wait(1.0)
    frozen.suspend()
    house.wish("scale", name=name, replicas=1)
    wait_for(lambda: house.part_other_than(frozen.pid, part), NOTICED_S, house.observer.told)
    house.observer.becomes(lambda: house.is_ready(name), PROMISE_S)
    house.wish("delete", name=name)
    house.observer.becomes(lambda: house.is_gone(name), PROMISE_S)


@pytest.mark.parametrize("n", range(ROUNDS))
def test_frozen_with_the_write_lock_in_its_hand(house: HurtHouse, dice: Dice, n: int) -> None:
    name = f"clutched-{n}"
    house.wish("deploy", name=name, model="tiny-1", replicas=3, startup_delay_s=0.3)
    frozen = freeze_in_a_transaction(house, dice, name)
    # Whoever writes waits for the lock, and is not refused: the watchdog is quicker than they are
    # impatient.
    house.wish("scale", name=name, replicas=2)
    house.observer.becomes(lambda: house.is_ready(name, 2), PROMISE_S)
    assert not frozen.is_running()
    house.wish("delete", name=name)
    house.observer.becomes(lambda: house.is_gone(name), PROMISE_S)


def freeze_in_a_transaction(house: HurtHouse, dice: Dice, name: str) -> psutil.Process:
    """Stop the worker again and again until nobody can write any more."""
    worker = house.wait_for_part("control")
    for number in range(TRIES):
        house.wish("scale", name=name, replicas=1 + number % 3)  # something to write about
        dice.wait(0.1)
        worker.suspend()
        if house.is_locked():
            return worker
        worker.resume()
    raise AssertionError("it was never caught writing")
