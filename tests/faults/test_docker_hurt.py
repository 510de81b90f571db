"""A Docker host is hurt: its engine restarted, containers out of memory or frozen, workers killed.

Judged by Docker's own command line and the ledger's file. Unplugging, hands that rename and remove,
and deleting while the host is away are in `tests/flows/test_docker_host.py`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker_doors import TLS_PORT
from tests.docker_engine import DockerEngine, new_engine
from tests.docker_images import BUSYBOX
from tests.docker_registry import random_image, registry
from tests.faults.dice import Dice
from tests.faults.docker_house import (
    becomes,
    bring_small_model,
    docker_house,
    running,
    use_images,
)
from tests.faults.house import PROMISE_S, HurtHouse
from tests.gguf_files import TINY_TENSORS, TensorSpec, write_gguf
from tests.requirements import need

pytestmark = [pytest.mark.slow, pytest.mark.faults]
FROZEN_S = 120.0  # six silent probes in a row, then the first backoff
LARGE = 96 << 20
MIB = 1 << 20


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    need("docker")
    with new_engine(machine=True, tls=True, live_restore=True) as made:
        yield made


@pytest.fixture(scope="module")
def box(engine: DockerEngine) -> Iterator[HurtHouse]:
    """A Slipway with the Docker host and the small model imported as `tiny-1`."""
    need("valkey")
    with docker_house("box", {"box": engine}) as made:
        bring_small_model(made)
        yield made


def deploy(box: HurtHouse, name: str, **parameters: Any) -> None:
    box.wish("deploy", name=name, model="tiny-1", **parameters)
    becomes(box, lambda: box.is_ready(name), PROMISE_S)


def drop(box: HurtHouse, engine: DockerEngine, name: str) -> None:
    box.wish("delete", name=name)
    becomes(box, lambda: box.is_gone(name) and not running(engine, name), PROMISE_S)


def failures(box: HurtHouse, name: str) -> list[str]:
    """Return the failures that were told of a deployment's replicas."""
    query = (
        "SELECT e.params FROM models_app_event e JOIN models_app_deployment d"
        " ON e.deployment_id = d.public_id WHERE d.name = ? AND e.code IN"
        " ('replica.backoff', 'replica.failed')"
    )
    return [str(row["params"]) for row in box.observer.rows(query, name)]


def seen_at(box: HurtHouse) -> str:
    """Return when the Docker host answered last."""
    query = "SELECT last_seen_at FROM models_app_host WHERE runtime = 'docker'"
    (row,) = box.observer.rows(query)
    return str(row["last_seen_at"])


def arrived(box: HurtHouse) -> int:
    """Return how much of the large model is on the host."""
    query = "SELECT done_bytes FROM models_app_placement WHERE total_bytes > 1000000"
    return sum(int(row["done_bytes"]) for row in box.observer.rows(query))


def test_an_engine_with_live_restore_restarts_and_nobody_notices(
    box: HurtHouse, engine: DockerEngine, dice: Dice
) -> None:
    deploy(box, "calm")
    before = running(engine, "calm")
    dice.wait(2.0)
    engine.restart()
    restarted = seen_at(box)
    becomes(box, lambda: seen_at(box) > restarted and box.is_ready("calm"), PROMISE_S)
    assert running(engine, "calm") == before
    (replica,) = box.observer.live_replicas()
    assert replica["restarts"] == 0
    drop(box, engine, "calm")


def test_a_container_out_of_memory_is_told_and_started_again(
    box: HurtHouse, engine: DockerEngine
) -> None:
    deploy(box, "neighbour")
    neighbour = running(engine, "neighbour")
    box.wish(
        "deploy", name="hungry", model="tiny-1", memory_mb=200, memory_limit_mb=64,
        startup_delay_s=0.5,
    )  # fmt: skip
    becomes(box, lambda: any("OUT_OF_MEMORY" in one for one in failures(box, "hungry")), PROMISE_S)
    assert running(engine, "neighbour") == neighbour
    drop(box, engine, "hungry")
    drop(box, engine, "neighbour")


def test_a_frozen_engine_is_ended_and_started_again_once(
    box: HurtHouse, engine: DockerEngine
) -> None:
    deploy(box, "frozen")
    (before,) = running(engine, "frozen")
    engine.docker("kill", "-s", "STOP", before)
    becomes(box, lambda: box.is_ready("frozen") and running(engine, "frozen") not in (
        [], [before]), FROZEN_S)  # fmt: skip
    assert len(running(engine, "frozen")) == 1
    assert any("HEALTH_LOST" in one for one in failures(box, "frozen"))
    drop(box, engine, "frozen")


def test_a_stranger_with_the_replicas_name_is_told_and_left_alone(
    box: HurtHouse, engine: DockerEngine
) -> None:
    name = "slipway-taken-0-r1"
    stranger = engine.docker("run", "-d", "--name", name, BUSYBOX, "sleep", "600")
    try:
        box.wish("deploy", name="taken", model="tiny-1")
        becomes(box, lambda: any("NAME_TAKEN" in one for one in failures(box, "taken")), PROMISE_S)
        box.wish("delete", name="taken")
        becomes(box, lambda: box.observer.deployment("taken") is None, PROMISE_S)
        assert engine.docker("inspect", "-f", "{{.State.Status}}", stranger) == "running"
    finally:
        engine.docker("rm", "-f", stranger)


def test_a_pull_whose_workers_are_killed_is_begun_again_once(
    box: HurtHouse, engine: DockerEngine, dice: Dice, tmp_path: Path
) -> None:
    with registry(engine.network) as shelf:
        image = shelf.add("killed/engine", random_image(tmp_path, layers=6))
        shelf.bytes_per_s = MIB
        use_images(box, {"fake": image})
        try:
            box.wish("deploy", name="pulled", model="tiny-1")
            becomes(box, lambda: len(shelf.served) > 1, PROMISE_S)
            dice.wait(2.0)
            begun = sum(shelf.served.values())
            for part in ("control", "transfer"):
                box.kill_part(part)
            becomes(box, lambda: sum(shelf.served.values()) > begun, PROMISE_S)
            shelf.bytes_per_s = 0
            becomes(box, lambda: engine.docker("image", "ls", "-q", image), PROMISE_S)
        finally:
            use_images(box, {})
            drop(box, engine, "pulled")
        # Docker forgets the layers of a pull that was cut; no one is fetched by two at a time.
        assert max(shelf.served.values()) <= 2


def test_a_model_under_way_is_sent_once_though_workers_are_killed_and_the_line_is_cut(
    box: HurtHouse, engine: DockerEngine, dice: Dice, tmp_path: Path
) -> None:
    large = write_gguf(tmp_path / "large.gguf", tensors=[
        *TINY_TENSORS, TensorSpec("blk.1.big", (1 << 10, LARGE >> 12), "F32")])  # fmt: skip
    size = large.stat().st_size
    assert size > LARGE // 2
    with large.open("r+b") as file:
        file.seek(size - (LARGE // 2))
        file.write(os.urandom(LARGE // 2))
    model = box.new_model(large)
    becomes(box, lambda: box.has_model(model), PROMISE_S)
    engine.network.limit("40mbit")
    before = engine.network.sent_bytes()
    try:
        box.wish("deploy", name="large", model=model)
        becomes(box, lambda: arrived(box) > 0, PROMISE_S)
        dice.wait(3.0)
        reached = arrived(box)
        for part in ("control", "transfer"):
            box.kill_part(part)
        becomes(box, lambda: arrived(box) > reached, PROMISE_S)
        dice.wait(2.0)
        again = arrived(box)
        engine.network.cut(TLS_PORT)
        becomes(box, lambda: arrived(box) > again, PROMISE_S)
    finally:
        engine.network.unlimit()
    becomes(box, lambda: box.is_ready("large"), 2 * PROMISE_S)
    # The rest is what looking at a host takes, and what was under way when it was cut.
    assert size <= engine.network.sent_bytes() - before < size * 1.15
    assert 0 < reached < again < size
    assert len(running(engine, "large")) == 1
    drop(box, engine, "large")
