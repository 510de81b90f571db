"""What lies on a host for nobody goes after a while; everything else stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from models_app.domain.states import PlacementState, ReplicaState, Wish
from models_app.models import Deployment, Event, Placement, Replica
from models_app.services.observed.placements import UNNEEDED_FOR, placements_release_unneeded
from tests.factories import make_artifact, make_deployment, make_host, make_placement, make_replica

pytestmark = pytest.mark.django_db
LONG_AGO = UNNEEDED_FOR + timedelta(minutes=1)


def aged(placement: Placement, age: timedelta = LONG_AGO) -> Placement:
    moment = timezone.now() - age
    Placement.objects.filter(pk=placement.pk).update(updated_at=moment)
    return placement


def test_what_nobody_has_needed_for_a_while_is_marked() -> None:
    host = make_host()
    old = aged(make_placement(make_artifact(), host, state=PlacementState.READY))
    young = make_placement(make_artifact(), host, state=PlacementState.READY)
    pinned = aged(make_placement(make_artifact(), host, state=PlacementState.READY, is_pinned=True))
    elsewhere = aged(make_placement(make_artifact(), make_host(), state=PlacementState.READY))
    placements_release_unneeded(host)
    states = {one: Placement.objects.get(pk=one.pk).state for one in (young, pinned, elsewhere)}
    assert set(states.values()) == {PlacementState.READY}
    old.refresh_from_db()
    assert old.state == PlacementState.REMOVING
    assert old.next_action_at is not None
    assert Event.objects.filter(code="artifact.unneeded").count() == 1


def test_what_a_deployment_or_a_replica_needs_stays() -> None:
    host, artifact = make_host(), make_artifact()
    deployment = make_deployment(artifact=artifact)
    replica = make_replica(deployment, host=host, state=ReplicaState.READY)
    placement = aged(make_placement(artifact, host, state=PlacementState.READY))
    placements_release_unneeded(host)
    placement.refresh_from_db()
    assert placement.state == PlacementState.READY

    Deployment.objects.filter(pk=deployment.pk).update(wish=Wish.DELETED)
    placements_release_unneeded(host)
    placement.refresh_from_db()
    assert placement.state == PlacementState.READY  # its replica still runs there

    Replica.objects.filter(pk=replica.pk).update(
        state=ReplicaState.RETIRED, updated_at=timezone.now() - LONG_AGO
    )
    placements_release_unneeded(host)
    placement.refresh_from_db()
    assert placement.state == PlacementState.REMOVING
