"""A host that does not answer is forgotten after a few tries, and what may lie there is told."""

import socket
from collections.abc import Iterator

import pytest
from django.conf import settings

from models_app.domain.states import HostState
from models_app.models import Event, Host
from tests.factories import make_host
from workers.reconcilers.host_leaving import TRIES
from workers.reconcilers.hosts import reconcile_host
from workers.runtimes.docker.leaving import names

pytestmark = pytest.mark.django_db


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine that nobody else can take and nobody answers at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_silent_host_is_forgotten_and_what_may_lie_there_is_told(closed_port: int) -> None:
    connection = {"transport": "tcp", "address": f"127.0.0.1:{closed_port}", "plain": True}
    host = make_host(runtime="docker", connection=connection, state=HostState.REMOVING)
    for _ in range(TRIES):
        reconcile_host(host.pk)
        host.refresh_from_db()  # still there: it may only be a moment
        assert host.state == HostState.REMOVING
    reconcile_host(host.pk)
    assert not Host.objects.exists()
    told = Event.objects.get(code="host.left_behind")
    assert told.host_id == host.public_id
    assert told.params["left"] == ", ".join(names(settings.INSTANCE_ID))


def test_a_runtime_that_leaves_nothing_is_forgotten_at_once() -> None:
    host = make_host(runtime="process", state=HostState.REMOVING)
    reconcile_host(host.pk)
    assert not Host.objects.exists()
    assert not Event.objects.filter(code="host.left_behind").exists()
