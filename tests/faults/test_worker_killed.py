"""The worker dies at random moments of a start, a stop and an import; the wish comes true."""

import pytest

from tests.faults.dice import ROUNDS, Dice
from tests.faults.house import PROMISE_S, HurtHouse

pytestmark = [pytest.mark.slow, pytest.mark.faults]


@pytest.mark.parametrize("n", range(ROUNDS))
def test_killed_during_start_and_stop(house: HurtHouse, dice: Dice, n: int) -> None:
    name = f"started-{n}"
    house.wish("deploy", name=name, model="tiny-1", replicas=2, startup_delay_s=0.4)
    dice.wait(0.8)
    house.kill_part("control")
    house.observer.becomes(lambda: house.is_ready(name, 2), PROMISE_S)
    house.wish("stop", name=name)
    dice.wait(0.6)
    house.kill_part("control")
    house.observer.becomes(lambda: house.is_stopped(name), PROMISE_S)
    house.wish("delete", name=name)
    house.observer.becomes(lambda: house.is_gone(name), PROMISE_S)


@pytest.mark.parametrize("n", range(ROUNDS))
def test_killed_during_import(house: HurtHouse, dice: Dice, n: int) -> None:
    name = f"bundled-{n}"
    house.wish("bundled", name=name)
    dice.wait(0.5)
    house.kill_part("transfer")
    house.observer.becomes(lambda: house.has_model(name), PROMISE_S)
    leftovers = [path.name for path in (house.data / "uploads").iterdir()]
    assert leftovers == []


def test_engine_outlives_its_worker_and_is_adopted(house: HurtHouse, dice: Dice) -> None:
    house.wish("deploy", name="adopted", model="tiny-1")
    house.observer.becomes(lambda: house.is_ready("adopted"), PROMISE_S)
    before = house.observer.engines()[house.workload("adopted")]
    for _ in range(3):
        house.kill_part("control")
        house.wait_for_part("control")
        dice.wait(1.0)
    house.observer.becomes(lambda: house.is_ready("adopted"), PROMISE_S)
    assert house.observer.engines()[house.workload("adopted")] == before
