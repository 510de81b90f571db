"""Two of three machines fall silent at once (F8): nothing is destroyed, and it is said.

Three real Docker engines, each in a network of its own; packets to two of them are dropped. Judged
by Docker's own command line on each machine, which needs no network, by the ledger's file, and by
the first page as it is painted from that ledger.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.docker_engine import DockerEngine, new_engine
from tests.docker_images import BUSYBOX, FAKE
from tests.faults.dice import Dice
from tests.faults.docker_house import becomes, bring_small_model, docker_house, running
from tests.faults.house import PROMISE_S, HurtHouse
from tests.requirements import need

pytestmark = [pytest.mark.slow, pytest.mark.faults]
BOXES = ("box-1", "box-2", "box-3")
BACK_S = 60.0  # all are ready again, and what was deleted meanwhile is gone (F8, F24)
OVERVIEW = """
from django.test import Client
from django.urls import reverse
from models_app.models import User
User.objects.update(is_set_up=True)
client = Client(SERVER_NAME="127.0.0.1", HTTP_ACCEPT_LANGUAGE="en")
client.force_login(User.objects.order_by("pk").first())
answer = client.get(reverse("web:overview"))
said = "2 of 3 hosts do not answer, all at once." in answer.content.decode()
print("BANNER", answer.status_code, said)
"""


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[str, DockerEngine]]:
    """Three machines."""
    need("docker")
    with ExitStack() as stack:
        made = {name: stack.enter_context(new_engine(machine=True, tls=True)) for name in BOXES}
        for engine in made.values():
            engine.load(BUSYBOX, FAKE)
        yield made


@pytest.fixture(scope="module")
def house(engines: dict[str, DockerEngine]) -> Iterator[HurtHouse]:
    """A Slipway with the three, and the small model as `tiny-1`; its own machine is closed."""
    need("valkey")
    with docker_house("three", engines) as made:
        remove_this_machine(made)
        bring_small_model(made)
        yield made


def remove_this_machine(house: HurtHouse) -> None:
    """Leave three hosts, so that two are most of them."""
    house.wish("remove_this_machine")
    here = "SELECT 1 FROM models_app_host WHERE runtime = 'process'"
    becomes(house, lambda: not house.observer.rows(here), PROMISE_S)


def test_nothing_is_destroyed_and_all_is_ready_once_they_are_back(
    house: HurtHouse, engines: dict[str, DockerEngine], dice: Dice
) -> None:
    house.wish("deploy", name="spread", model="tiny-1", replicas=3)
    house.wish("deploy", name="going", model="tiny-1", placement={"hosts": [BOXES[0]]})
    becomes(house, lambda: house.is_ready("spread", 3) and house.is_ready("going"), PROMISE_S)
    before = everywhere(engines, "spread")
    assert [len(one) for one in before] == [1, 1, 1]
    going = running(engines[BOXES[0]], "going")
    dice.wait(5.0)

    lost = BOXES[:2]
    for name in lost:
        engines[name].unplug()
    try:
        becomes(house, lambda: hosts(house) == ["ready", "unreachable", "unreachable"], PROMISE_S)
        becomes(house, lambda: states(house, "spread") == ["ready", "unknown", "unknown"], BACK_S)
        assert "BANNER 200 True" in house.manage("shell", "-c", OVERVIEW)
        house.wish("delete", name="going")  # a person means it: it waits for its host
        until = time.monotonic() + dice.uniform(5.0, 15.0)
        while time.monotonic() < until:
            assert everywhere(engines, "spread") == before
            assert running(engines[BOXES[0]], "going") == going
            assert states(house, "spread") == ["ready", "unknown", "unknown"]
    finally:
        for name in lost:
            engines[name].plug_in()

    def is_as_before() -> bool:
        is_there = hosts(house) == ["ready"] * 3 and house.is_ready("spread", 3)
        return is_there and house.is_gone("going") and not running(engines[BOXES[0]], "going")

    becomes(house, is_as_before, BACK_S)
    assert everywhere(engines, "spread") == before
    made = "SELECT count(*) AS n, sum(restarts) AS restarts FROM models_app_replica"
    (told,) = house.observer.rows(made + " WHERE workload LIKE 'slipway-spread-%'")
    assert (told["n"], told["restarts"]) == (3, 0)
    assert "BANNER 200 False" in house.manage("shell", "-c", OVERVIEW)


def everywhere(engines: dict[str, DockerEngine], name: str) -> list[list[str]]:
    """Return the running containers of a deployment on each machine."""
    return [running(engine, name) for engine in engines.values()]


def hosts(house: HurtHouse) -> list[str]:
    return sorted(row["state"] for row in house.observer.rows("SELECT state FROM models_app_host"))


def states(house: HurtHouse, name: str) -> list[str]:
    row = house.observer.deployment(name)
    assert row is not None
    live = house.observer.live_replicas()
    return sorted(one["state"] for one in live if one["deployment_id"] == row["id"])
