"""Which replicas a host's look answers for: only those that are in every way as they should be."""

from dataclasses import replace

import pytest

from models_app.domain.specs import Observed
from models_app.domain.states import ReplicaState
from workers.reconcilers.steady_plan import GOOD_TIME_S, Care, SteadyView, care_of

VIEW = SteadyView(
    state=ReplicaState.READY,
    is_wanted=True,
    is_held=False,
    misses=0,
    attempts=0,
    ready_s=60.0,
    external_id="c1",
    spec_hash="s1",
    address="127.0.0.1:9000",
)
SEEN = Observed(
    name="chat-0",
    external_id="c1",
    spec_hash="s1",
    running=True,
    address="127.0.0.1:9000",
    started_at=1.0,
)


def test_one_that_is_well_is_probed() -> None:
    assert care_of(VIEW, SEEN) == Care.PROBE


@pytest.mark.parametrize(
    "seen",
    [
        None,
        replace(SEEN, running=False),
        replace(SEEN, external_id="c2"),
        replace(SEEN, spec_hash="s2"),
        replace(SEEN, address="127.0.0.1:9001"),
        replace(SEEN, drift=("renamed",)),
    ],
)
def test_what_is_not_as_it_should_be_asks_for_its_own_look(seen: Observed | None) -> None:
    assert care_of(VIEW, seen) == Care.LOOK_NOW


def test_after_a_good_time_its_own_look_forgives_the_failures() -> None:
    failed = replace(VIEW, attempts=2)
    assert care_of(failed, SEEN) == Care.PROBE
    assert care_of(replace(failed, ready_s=GOOD_TIME_S + 1), SEEN) == Care.LOOK_NOW


@pytest.mark.parametrize("state", [one for one in ReplicaState if one != ReplicaState.READY])
def test_only_the_ready_are_answered_for(state: ReplicaState) -> None:
    assert care_of(replace(VIEW, state=state), None) == Care.ITS_OWN


@pytest.mark.parametrize("field", [{"is_wanted": False}, {"is_held": True}, {"misses": 1}])
def test_who_is_worked_on_or_ending_or_ill_is_left_alone(field: dict[str, object]) -> None:
    assert care_of(replace(VIEW, **field), None) == Care.ITS_OWN  # type: ignore[arg-type]
