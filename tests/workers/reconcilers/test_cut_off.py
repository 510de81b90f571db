"""More than half of the hosts silent at once: nothing is taken away, and the first page says so."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from models_app.domain.fleet import may_be_cut_off
from models_app.domain.states import HostState, ReplicaState, Scheduling, Wish
from models_app.models import Deployment, Host, Replica
from models_app.selectors.hosts import fleet_is_cut_off
from tests import factories
from workers.reconcilers.deployments import reconcile_deployment

pytestmark = pytest.mark.django_db


def test_more_than_half_of_those_that_ever_answered() -> None:
    assert not may_be_cut_off(silent=1, known=1)
    assert not may_be_cut_off(silent=1, known=2)
    assert may_be_cut_off(silent=2, known=2)
    assert may_be_cut_off(silent=2, known=3)
    assert not may_be_cut_off(silent=25, known=50)


@pytest.fixture
def draining() -> Callable[[int], Deployment]:
    """A deployment that moves: one copy serves on a draining host, one on an open host."""

    def make(silent: int) -> Deployment:
        factories.make_engine()
        deployment = factories.make_deployment(replicas_wished=1)
        old = factories.make_host("old", scheduling=Scheduling.DRAINING)
        factories.make_replica(deployment, old, index=0)
        factories.make_replica(deployment, factories.make_host("new"), index=1)
        for _ in range(silent):
            factories.make_host(state=HostState.UNREACHABLE)
        factories.make_host(state=HostState.PENDING)
        return deployment

    return make


def wanted() -> list[bool]:
    return list(Replica.objects.order_by("index").values_list("is_wanted", flat=True))


def test_what_serves_is_not_moved_while_we_may_be_cut_off(
    draining: Callable[[int], Deployment],
) -> None:
    deployment = draining(3)
    assert fleet_is_cut_off()
    reconcile_deployment(deployment.pk)
    assert wanted() == [True, True]
    Host.objects.filter(state=HostState.UNREACHABLE).update(state=HostState.READY)
    reconcile_deployment(deployment.pk)
    assert wanted() == [False, True]


def test_who_stops_a_deployment_means_it(draining: Callable[[int], Deployment]) -> None:
    deployment = draining(3)
    Deployment.objects.filter(pk=deployment.pk).update(wish=Wish.STOPPED)
    reconcile_deployment(deployment.pk)
    assert wanted() == [False, False]


def test_one_silent_host_of_many_holds_nothing_up(draining: Callable[[int], Deployment]) -> None:
    deployment = draining(1)
    assert not fleet_is_cut_off()
    reconcile_deployment(deployment.pk)
    assert wanted() == [False, True]
    assert ReplicaState.READY in Replica.objects.values_list("state", flat=True)


def test_the_first_page_says_so(
    charlie_browser: Client, draining: Callable[[int], Deployment]
) -> None:
    draining(3)
    html = charlie_browser.get(reverse("web:overview")).content.decode()
    assert "The control plane may be cut off" in html
    assert "3 of 5 hosts do not answer" in html
    Host.objects.filter(state=HostState.UNREACHABLE).delete()
    html = charlie_browser.get(reverse("web:overview")).content.decode()
    assert "cut off" not in html
