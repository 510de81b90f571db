"""The gateway's tests write rows that other threads read."""

import pytest

from tests.controlplane.gateway.v1 import served


@pytest.fixture(autouse=True)
def rows(transactional_db: None) -> None:
    """Every test here has the database, committed."""


@pytest.fixture(params=["direct", "asgi"])
def both_doors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test twice: as Slipway serves the gateway, and as any other ASGI server would."""
    monkeypatch.setattr(served, "USUAL_DOOR", request.param)
