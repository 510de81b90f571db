"""The browser of the tests of pages; one for all of a run."""

from collections.abc import Iterator

import pytest

from tests.browsers import Browser, chromium_browser
from tests.requirements import need


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    need("chromium")
    with chromium_browser() as started:
        yield started
