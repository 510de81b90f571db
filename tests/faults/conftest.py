"""One house to hurt for all cases: a start costs seconds, and it must be whole after each fault."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.dice import Dice
from tests.faults.house import PROMISE_S, HurtHouse
from tests.faults.wisher import small_model
from tests.requirements import need


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> Dice:
    """Random moments of this case, with the seed printed."""
    return Dice(request.node.name)


@pytest.fixture(scope="session")
def house() -> Iterator[HurtHouse]:
    """A running Slipway with the small model imported as `tiny-1`."""
    need("valkey")
    folder = Path(tempfile.mkdtemp(prefix="slipway-fault-"))
    try:
        with HurtHouse(folder / "data", Dice("house")) as made:
            made.small = small_model(folder)
            made.new_model(made.small)
            made.observer.becomes(lambda: made.has_model("tiny-1"), PROMISE_S)
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)
