"""Scripts of the three people."""

import pytest

from models_app.models import User
from tests.controlplane.api.callers import Caller, caller_of


@pytest.fixture
def admin(alice: User) -> Caller:
    """alice's script."""
    return caller_of(alice)


@pytest.fixture
def operator(bob: User) -> Caller:
    """bob's script."""
    return caller_of(bob)


@pytest.fixture
def viewer(charlie: User) -> Caller:
    """charlie's script."""
    return caller_of(charlie)
