"""The routing table's reads: ready replicas only, in two queries whatever the number."""

import pytest

from models_app.domain.states import DeploymentState, ReplicaState, Wish
from models_app.selectors.routes import routes
from tests.factories import make_artifact, make_deployment, make_host, make_model, make_replica

pytestmark = pytest.mark.django_db


def test_a_route_names_what_is_served_and_where():
    artifact = make_artifact(make_model("smol", title="SmolLM2"))
    deployment = make_deployment("chat", artifact=artifact)
    replica = make_replica(deployment, make_host("shop"), address="127.0.0.1:5001", slots=4)
    (route,) = routes()
    assert (route.id, route.name, route.model, route.engine) == (
        str(deployment.public_id),
        "chat",
        "SmolLM2",
        "llamacpp",
    )
    (found,) = route.replicas
    assert (found.id, found.host, found.address, found.slots) == (
        str(replica.public_id),
        "shop",
        "127.0.0.1:5001",
        4,
    )


@pytest.mark.parametrize("state", [s for s in ReplicaState if s != ReplicaState.READY])
def test_only_ready_replicas_are_asked(state):
    make_replica(state=state)
    assert routes()[0].replicas == ()


def test_a_replica_without_an_address_cannot_be_asked():
    make_replica(address="")
    assert routes()[0].replicas == ()


def test_why_there_is_none():
    make_deployment(state=DeploymentState.FAILED, failure_code="OUT_OF_MEMORY")
    assert (routes()[0].state, routes()[0].failure_code) == ("failed", "OUT_OF_MEMORY")


def test_a_deployment_on_its_way_out_is_not_routed_to():
    make_deployment(wish=Wish.DELETED)
    assert routes() == []


def test_two_queries_for_all_or_for_some(django_assert_num_queries):
    some = [make_replica().deployment for _ in range(5)]
    with django_assert_num_queries(2):
        assert len(routes()) == 5
    with django_assert_num_queries(2):
        (route,) = routes([str(some[0].public_id)])
    assert len(route.replicas) == 1
