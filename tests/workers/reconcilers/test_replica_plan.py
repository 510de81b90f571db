"""The table of a replica's next step."""

import pytest

from models_app.domain.specs import Observed
from models_app.domain.states import PlacementState, ReplicaState
from workers.reconcilers.replica_plan import DRAIN_LIMIT_S, STOP_GRACE_S, Action, ReplicaView, plan

S = ReplicaState


def seen(*, running: bool = True, spec_hash: str = "a") -> Observed:
    return Observed(
        name="w",
        external_id="1:1",
        spec_hash=spec_hash,
        running=running,
        address=None,
        started_at=0.0,
    )


def view(state: ReplicaState, **changes: object) -> ReplicaView:
    fields: dict[str, object] = {
        "state": state,
        "is_wanted": True,
        "spec_hash": "a",
        "host_is_silent": False,
        "placement": PlacementState.READY,
    }
    return ReplicaView(**(fields | changes))  # type: ignore[arg-type]


def ending(stopping_s: float, **changes: object) -> ReplicaView:
    return view(S.STOPPING, is_wanted=False, stopping_s=stopping_s, **changes)


@pytest.mark.parametrize(
    ("row", "observed", "action"),
    [
        (view(S.PENDING, placement=None), None, Action.PLACE),
        (view(S.PENDING, placement=PlacementState.PLACING), None, Action.PLACE),
        (view(S.PENDING), None, Action.CREATE),
        (view(S.PLACING), None, Action.CREATE),
        (view(S.PLACING, placement=PlacementState.FAILED), None, Action.GIVE_UP_PLACING),
        # Somebody's crash between start and record: adopt, never a second one.
        (view(S.PENDING, spec_hash=""), seen(), Action.WATCH),
        (view(S.STARTING), seen(), Action.WATCH),
        (view(S.READY), seen(), Action.WATCH),
        (view(S.READY), seen(spec_hash="b"), Action.REPLACE),
        (view(S.READY), seen(running=False), Action.DIAGNOSE),
        (view(S.STARTING), seen(running=False), Action.DIAGNOSE),
        # Gone without a trace (removed by hand, machine rebooted): start it again.
        (view(S.READY), None, Action.CREATE),
        (view(S.UNKNOWN), None, Action.CREATE),
        (view(S.BACKOFF, backoff_left_s=4.0), None, Action.WAIT_BACKOFF),
        (view(S.BACKOFF, backoff_left_s=0.0), None, Action.CREATE),
        (view(S.BACKOFF, backoff_left_s=0.0), seen(running=False), Action.END_NOW),
        (view(S.BACKOFF, backoff_left_s=4.0), seen(), Action.END_NOW),
        (view(S.BACKOFF, backoff_left_s=4.0), seen(running=False), Action.END_NOW),
        (view(S.FAILED), None, Action.REST),
        (view(S.FAILED), seen(), Action.END_NOW),
        (view(S.RETIRED), seen(), Action.REST),
        # A silent host: nothing is concluded, whatever was seen last.
        (view(S.READY, host_is_silent=True), None, Action.DOUBT),
        (view(S.STOPPING, host_is_silent=True, is_wanted=False), None, Action.DOUBT),
        # Ending.
        (view(S.READY, is_wanted=False), seen(), Action.LEAVE_ROUTING),
        (view(S.READY, is_wanted=False), seen(running=False), Action.END_NOW),
        (ending(1.0), seen(), Action.ASK_TO_END),
        (ending(STOP_GRACE_S), seen(), Action.END_NOW),
        (ending(1.0), seen(running=False), Action.END_NOW),
        # An answer in flight is waited for as long as it gets on, but not for ever.
        (ending(1.0, is_answering=True), seen(), Action.DRAIN),
        (ending(60.0, is_answering=True, drained_s=1.0), seen(), Action.DRAIN),
        (ending(60.0, is_answering=True, drained_s=STOP_GRACE_S), seen(), Action.END_NOW),
        (ending(60.0, drained_s=1.0), seen(), Action.ASK_TO_END),
        (ending(60.0, drained_s=STOP_GRACE_S), seen(), Action.END_NOW),
        (ending(DRAIN_LIMIT_S, is_answering=True, drained_s=1.0), seen(), Action.ASK_TO_END),
        # Progress of long before it was to end is none of its ending.
        (ending(1.0, is_answering=True, drained_s=900.0), seen(), Action.DRAIN),
        (view(S.STOPPING, is_wanted=False), None, Action.RETIRE),
        (view(S.PENDING, is_wanted=False), None, Action.RETIRE),
    ],
)
def test_plan_chooses_the_one_next_step(
    row: ReplicaView, observed: Observed | None, action: Action
) -> None:
    assert plan(row, observed) == action
