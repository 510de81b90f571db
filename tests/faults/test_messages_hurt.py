"""Messages come a hundred times, late, out of order, and for rows that are long gone."""

import pytest

from tests.faults.dice import ROUNDS, Dice
from tests.faults.house import PROMISE_S, HurtHouse

pytestmark = [pytest.mark.slow, pytest.mark.faults]

TIMES = 100
TASKS = ["host", "deployment", "replica", "placement", "operation"]


def some_row(house: HurtHouse, dice: Dice, kind: str) -> int:
    """Return the id of a row: a new one, an old one, or one that will never be."""
    query = f"SELECT coalesce(max(id), 0) AS last FROM models_app_{kind}"  # noqa: S608
    last: int = house.observer.rows(query)[0]["last"]
    return dice.randint(max(last - 3, 1), last + 3)


@pytest.mark.parametrize("n", range(ROUNDS))
def test_flood_of_doubles_late_and_out_of_order(house: HurtHouse, dice: Dice, n: int) -> None:
    name = f"flooded-{n}"
    house.wish("deploy", name=name, model="tiny-1", replicas=2, startup_delay_s=0.3)
    messages = [
        {"task": f"slipway.{task}", "row": some_row(house, dice, task), "countdown": delay}
        for task in TASKS
        for delay in (0.0, dice.uniform(0, 5), dice.uniform(0, 20))
    ]
    dice.shuffle(messages)
    for message in messages:
        house.wish("send", times=TIMES // 3, **message)
    house.observer.becomes(lambda: house.is_ready(name, 2), PROMISE_S)
    house.wish("revise", name=name, context_length=128)
    house.wish("scale", name=name, replicas=1)
    for message in messages[:5]:
        house.wish("send", times=TIMES, **message)
    house.observer.becomes(lambda: house.is_ready(name), PROMISE_S)
    house.wish("delete", name=name)
    house.observer.becomes(lambda: house.is_gone(name), PROMISE_S)
