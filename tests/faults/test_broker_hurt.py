"""The broker is killed, restarted again and again, and emptied; no acknowledged wish is lost."""

import pytest

from tests.faults.dice import ROUNDS, Dice
from tests.faults.house import PROMISE_S, HurtHouse

pytestmark = [pytest.mark.slow, pytest.mark.faults]

RESTARTS = 5


def test_wishes_made_while_the_broker_is_dead(house: HurtHouse, dice: Dice) -> None:
    house.kill_part("broker")
    names = ["unheard-0", "unheard-1", "unheard-2"]
    for name in names:
        house.wish("deploy", name=name, model="tiny-1")
        dice.wait(0.2)
    house.observer.becomes(lambda: all(map(house.is_ready, names)), PROMISE_S)
    for name in names:
        house.wish("delete", name=name)
    house.kill_part("broker")
    house.observer.becomes(lambda: all(map(house.is_gone, names)), PROMISE_S)


@pytest.mark.parametrize("n", range(ROUNDS))
def test_restarted_five_times(house: HurtHouse, dice: Dice, n: int) -> None:
    name = f"restarted-{n}"
    house.wish("deploy", name=name, model="tiny-1", replicas=2, startup_delay_s=1.0)
    for _ in range(RESTARTS):
        house.wait_for_part("broker")
        dice.wait(1.5)
        house.kill_part("broker")
    house.wait_for_part("broker")
    house.observer.becomes(lambda: house.is_ready(name, 2), PROMISE_S)
    house.wish("delete", name=name)
    house.observer.becomes(lambda: house.is_gone(name), PROMISE_S)


@pytest.mark.parametrize("n", range(ROUNDS))
def test_emptied(house: HurtHouse, dice: Dice, n: int) -> None:
    name = f"emptied-{n}"
    house.wait_for_part("broker")
    house.wish("deploy", name=name, model="tiny-1", replicas=2, startup_delay_s=0.5)
    for _ in range(10):
        dice.wait(0.3)
        house.wish("wipe")
    house.observer.becomes(lambda: house.is_ready(name, 2), PROMISE_S)
    house.wish("scale", name=name, replicas=1)
    house.wish("wipe")
    house.observer.becomes(lambda: house.is_ready(name), PROMISE_S)
