"""Every state of every machine has a word and a shape."""

from enum import StrEnum

import pytest

from controlplane.wording.states import Shape, known_states, state_word
from models_app.domain import states

MACHINES: list[type[StrEnum]] = [
    states.HostState,
    states.Scheduling,
    states.ArtifactState,
    states.PlacementState,
    states.DeploymentState,
    states.ReplicaState,
    states.OperationState,
]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.__name__)
def test_every_state_is_named(machine: type[StrEnum]) -> None:
    assert {str(state) for state in machine} <= known_states()


def test_a_state_of_tomorrow_is_shown_as_unknown_by_its_own_name() -> None:
    assert state_word("hibernating").shape == Shape.UNKNOWN
    assert state_word("hibernating").word == "hibernating"
