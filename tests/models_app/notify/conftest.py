"""One Valkey for the tests of this folder, emptied before each."""

from collections.abc import Iterator

import pytest
import redis

from tests.valkey_server import ValkeyServer, valkey_server


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with valkey_server() as running:
        yield running


@pytest.fixture
def broker_url(server: ValkeyServer, settings) -> str:
    """The settings name a real, empty broker."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    settings.BROKER_URL = server.url
    return server.url
