"""What a commit could not tell the hands is told later, by a real broker, and never lost before."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from models_app.models import OutboxEntry
from models_app.models.base import WorkedRow
from models_app.services.outbox import GRACE_S, outbox_relay
from models_app.services.wishes import look_now
from tests.factories import make_deployment, make_host
from tests.requirements import need
from tests.valkey_server import ValkeyServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker() -> Iterator[ValkeyServer]:
    """The broker where this run's settings say that it is."""
    need("valkey")
    server = ValkeyServer(settings.PATHS.root)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def left_behind(*rows: WorkedRow) -> None:
    """Nudges of a process that was killed between its commit and the broker."""
    for row in rows:
        look_now(row)
    OutboxEntry.objects.update(created_at=timezone.now() - timedelta(seconds=GRACE_S + 1))


def told(server: ValkeyServer) -> list[tuple[str, int]]:
    """Return (task, row) of each message on the broker."""
    with redis.Redis.from_url(server.url) as client:
        found = [json.loads(one) for one in client.lrange("slipway:control", 0, -1)]  # type: ignore[union-attr]
    bodies = [json.loads(base64.b64decode(one["body"])) for one in found]
    return [(one["headers"]["task"], body[0][0]) for one, body in zip(found, bodies, strict=True)]


def test_what_was_left_is_sent_once_and_forgotten(broker: ValkeyServer) -> None:
    host, deployment = make_host(), make_deployment()
    left_behind(host, deployment, host)  # the same twice
    assert outbox_relay() == 3
    sent = [one for one in told(broker) if one[0] in {"slipway.host", "slipway.deployment"}]
    assert sorted(sent) == [("slipway.deployment", deployment.pk), ("slipway.host", host.pk)]
    assert not OutboxEntry.objects.exists()
    assert outbox_relay() == 0


def test_what_is_new_is_left_to_the_commit_that_made_it(broker: ValkeyServer) -> None:
    look_now(make_host())
    assert outbox_relay() == 0
    assert OutboxEntry.objects.count() == 1


def test_nothing_is_lost_while_the_broker_is_away() -> None:
    left_behind(make_host())
    with pytest.raises(OperationalError):
        outbox_relay()
    assert OutboxEntry.objects.count() == 1
