"""The front door dies while it is asked; what it acknowledged comes true, once."""

import secrets
import threading
import time
from typing import Any

import httpx
import pytest

from tests.faults.dice import ROUNDS, Dice
from tests.faults.house import PROMISE_S, HurtHouse
from tests.flows.house import UP_S

pytestmark = [pytest.mark.slow, pytest.mark.faults]

WISHES = 5
LONGEST_S = 0.3  # from a request's beginning to the kill: some are before, some after the commit


class Door:
    """A script that asks again with the same key until it is answered."""

    def __init__(self, house: HurtHouse) -> None:
        self.house = house
        self.token = house.wish("token")
        self.cut_off = 0

    def post(self, path: str, body: dict[str, Any], key: str = "") -> dict[str, Any]:
        """Return the answer of a POST that was acknowledged in the end."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": key or secrets.token_hex(8),
        }
        until = time.monotonic() + UP_S
        while time.monotonic() < until:
            try:
                url = f"{self.house.url}/api/v1{path}"
                answer = httpx.post(url, json=body, headers=headers, timeout=UP_S)
            except httpx.TransportError:
                self.cut_off += 1
                time.sleep(0.1)
                continue
            assert answer.is_success, answer.text
            found: dict[str, Any] = answer.json()
            return found
        raise AssertionError("never answered")


@pytest.mark.parametrize("n", range(ROUNDS))
def test_no_acknowledged_wish_is_lost_or_doubled(house: HurtHouse, dice: Dice, n: int) -> None:
    door = Door(house)
    query = "SELECT a.sha256 FROM models_app_artifact a"
    artifact = house.observer.rows(query)[0]["sha256"]
    names = [f"asked-{n}-{number}" for number in range(WISHES)]
    for name in names:
        killer = threading.Thread(target=kill_within, args=[house, dice.uniform(0, LONGEST_S)])
        killer.start()
        body = {"name": name, "engine": "fake", "artifact": artifact}
        body |= {"parameters": {"context_length": 256}}
        made = door.post("/deployments", body, key=name)
        killer.join()
        assert door.post("/deployments", body, key=name)["id"] == made["id"]
    house.observer.becomes(lambda: all(map(house.is_ready, names)), PROMISE_S)
    for name in names:
        house.wish("delete", name=name)
    house.observer.becomes(lambda: all(map(house.is_gone, names)), PROMISE_S)


def kill_within(house: HurtHouse, seconds: float) -> None:
    time.sleep(seconds)
    house.kill_part("web")
