"""The gateway's tests write rows that other threads read."""

import pytest


@pytest.fixture(autouse=True)
def rows(transactional_db: None) -> None:
    """Every test here has the database, committed."""
