"""The engine is killed, frozen, out of memory: noticed, told with its cause, mended."""

import signal
import time
from functools import partial

import psutil
import pytest

from tests.faults.dice import Dice
from tests.faults.house import PROMISE_S, HurtHouse
from tests.requirements import need
from workers.reconcilers.replica_watch import LOOK_READY_S

pytestmark = [pytest.mark.slow, pytest.mark.faults]

# Six silent probes in a row end an engine (it may only be busy), then comes the first backoff.
FROZEN_S = 120.0


def signal_some(house: HurtHouse, workload: str, number: signal.Signals, which: slice) -> None:
    for pid in sorted(house.observer.pids(workload))[which]:
        psutil.Process(pid).send_signal(number)


def is_ready_again(house: HurtHouse, name: str, before: dict[str, set[int]]) -> bool:
    """Return whether it serves, each copy by another start than that of before."""
    now = house.observer.engines()
    own = [workload for workload in before if workload.startswith(f"slipway-{name}-")]
    is_other = all(now.get(workload, before[workload]) != before[workload] for workload in own)
    return house.is_ready(name, len(own)) and is_other


def test_killed_alone_and_with_all_its_group(house: HurtHouse, dice: Dice) -> None:
    house.wish("deploy", name="killed", model="tiny-1", replicas=2)
    house.observer.becomes(lambda: house.is_ready("killed", 2), PROMISE_S)
    before = house.observer.engines()
    for index, which in enumerate([slice(-1, None), slice(None)]):
        dice.wait(2.0)
        signal_some(house, house.workload("killed", index), signal.SIGKILL, which)
    house.observer.becomes(lambda: is_ready_again(house, "killed", before), PROMISE_S)
    house.wish("delete", name="killed")
    house.observer.becomes(lambda: house.is_gone("killed"), PROMISE_S)


def test_engine_that_lost_its_leader_serves_on_and_can_be_ended(house: HurtHouse) -> None:
    house.wish("deploy", name="headless", model="tiny-1")
    house.observer.becomes(lambda: house.is_ready("headless"), PROMISE_S)
    before = house.observer.engines()
    signal_some(house, house.workload("headless"), signal.SIGKILL, slice(0, 1))
    time.sleep(LOOK_READY_S + 1)
    house.observer.becomes(lambda: house.is_ready("headless"), PROMISE_S)
    assert house.observer.engines() == before
    house.wish("delete", name="headless")
    house.observer.becomes(lambda: house.is_gone("headless"), PROMISE_S)


def test_frozen(house: HurtHouse) -> None:
    house.wish("deploy", name="frozen", model="tiny-1")
    house.observer.becomes(lambda: house.is_ready("frozen"), PROMISE_S)
    before = house.observer.engines()
    signal_some(house, house.workload("frozen"), signal.SIGSTOP, slice(None))
    house.observer.becomes(lambda: is_ready_again(house, "frozen", before), FROZEN_S)
    codes = [row["code"] for row in house.observer.rows("SELECT code FROM models_app_event")]
    assert "replica.unhealthy" in codes


def test_out_of_memory(house: HurtHouse) -> None:
    house.wish("deploy", name="hungry", model="tiny-1", memory_mb=400, memory_limit_mb=200)

    def is_told() -> bool:
        row = house.observer.deployment("hungry")
        return row is not None and (row["state"], row["failure_code"]) == (
            "failed",
            "OUT_OF_MEMORY",
        )

    house.observer.becomes(is_told, PROMISE_S)
    house.wish("revise", name="hungry", context_length=128)
    house.observer.becomes(lambda: house.is_ready("hungry"), PROMISE_S)


def test_real_llama_cpp_killed_and_frozen(house: HurtHouse) -> None:
    for name in ("xllamacpp", "smollm2"):
        need(name)
    house.wish("bundled", name="smollm2")
    brought = "SELECT 1 FROM models_app_operation WHERE title = 'smollm2' AND state = 'succeeded'"
    house.observer.becomes(lambda: bool(house.observer.rows(brought)), PROMISE_S)
    house.wish("deploy", name="real", model="smollm2", engine="llamacpp", threads=1)
    house.observer.becomes(lambda: house.is_ready("real"), PROMISE_S)
    for number, within_s in ((signal.SIGKILL, PROMISE_S), (signal.SIGSTOP, FROZEN_S)):
        before = house.observer.engines()
        signal_some(house, house.workload("real"), number, slice(None))
        house.observer.becomes(partial(is_ready_again, house, "real", before), within_s)
    house.wish("delete", name="real")
    house.observer.becomes(lambda: house.is_gone("real"), PROMISE_S)
