"""Whom the playground offers first: the one it opens with is the first."""

from controlplane.fragments.playground import targets
from controlplane.fragments.registry import Asked
from models_app.domain.states import DeploymentState, ReplicaState
from models_app.models import User
from tests import factories
from tests.factories import actor_of


def test_a_whole_deployment_comes_before_one_that_lacks_replicas(charlie: User) -> None:
    factories.make_deployment("asleep", state=DeploymentState.STOPPED)
    for name, state in (("broken", DeploymentState.DEGRADED), ("sound", DeploymentState.READY)):
        row = factories.make_deployment(name, state=state)
        factories.make_replica(row, state=ReplicaState.READY)
    found = targets(actor_of(charlie), Asked())["targets"]
    assert [one.deployment.name for one in found] == ["sound", "broken", "asleep"]
