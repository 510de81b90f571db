"""What goes over a replica's network: on its line, and as a chart, where the host tells it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from models_app.models import Replica, ReplicaSample
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def replica(db: None) -> Replica:
    return factories.make_replica()


def sampled(replica: Replica, received: float | None, sent: float | None) -> None:
    ReplicaSample.objects.create(
        replica=replica,
        at=timezone.now() - timedelta(seconds=1),
        network_received_per_s=received,
        network_sent_per_s=sent,
    )


def page(browser: Client, replica: Replica) -> str:
    address = reverse("web:deployment-replicas", args=[replica.deployment.name])
    return " ".join(browser.get(address).content.decode().split())


def test_a_replicas_line_shows_what_comes_in_and_goes_out(
    charlie_browser: Client, replica: Replica
) -> None:
    sampled(replica, 200, 4096)
    assert "200 B / 4.0 KiB" in page(charlie_browser, replica)


def test_a_host_that_does_not_tell_leaves_it_empty(
    charlie_browser: Client, replica: Replica
) -> None:
    sampled(replica, None, None)
    assert "in / out" not in page(charlie_browser, replica)


def test_the_chart_has_both_ways(charlie_browser: Client, replica: Replica) -> None:
    sampled(replica, 200, 4096)
    address = reverse("web:deployment-series", args=[replica.deployment.name, "network"])
    lines = charlie_browser.get(address).json()["series"]
    assert [line["name"] for line in lines] == ["Received", "Sent"]
    assert [max(v for v in line["values"] if v is not None) for line in lines] == [200, 4096]
