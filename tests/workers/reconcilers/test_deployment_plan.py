"""The plan of a deployment: tables, and a machine that plays hosts, failures and wishes."""

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, integers

from models_app.domain.states import DeploymentState, ReplicaState, Wish
from workers.reconcilers.deployment_plan import (
    Add,
    Desired,
    End,
    Release,
    ReplicaSeen,
    derive_state,
    plan,
)

S = ReplicaState
READY_TWO = Desired(Wish.RUNNING, 2)


def replica(
    row_id: int, state: ReplicaState = S.READY, *, current: bool = True, wanted: bool = True
) -> ReplicaSeen:
    return ReplicaSeen(
        row_id=row_id, index=row_id, state=state, is_wanted=wanted, is_current=current
    )


def test_first_deploy_adds_all_at_once() -> None:
    assert plan(READY_TWO, []) == [Add(0), Add(1)]


def test_nothing_to_do_when_it_is_as_wished() -> None:
    assert plan(READY_TWO, [replica(0), replica(1)]) == []


def test_scaling_down_keeps_what_serves() -> None:
    rows = [replica(0, S.BACKOFF), replica(1), replica(2)]
    assert plan(READY_TWO, rows) == [Release(0)]


def test_an_index_that_is_still_stopping_is_not_used_again() -> None:
    rows = [replica(0, S.STOPPING, wanted=False)]
    assert plan(Desired(Wish.RUNNING, 1), rows) == [Add(1)]


def test_rolling_starts_one_more_before_an_old_one_goes() -> None:
    rows = [replica(0, current=False), replica(1, current=False)]
    assert plan(READY_TWO, rows) == [Add(2, instead_of=0)]
    assert plan(READY_TWO, [*rows, replica(2, S.STARTING)]) == []
    assert plan(READY_TWO, [*rows, replica(2)]) == [Release(0)]


def test_a_new_one_that_fails_stops_the_roll_and_the_old_ones_serve_on() -> None:
    rows = [replica(0, current=False), replica(1, current=False), replica(2, S.FAILED)]
    assert plan(READY_TWO, rows) == []
    assert derive_state(READY_TWO, rows, has_room=True) == DeploymentState.DEGRADED


def test_old_ones_that_do_not_serve_are_not_waited_for() -> None:
    rows = [replica(0, S.BACKOFF, current=False)]
    assert plan(Desired(Wish.RUNNING, 1), rows) == [Release(0)]


def test_deleting_ends_when_nothing_is_left() -> None:
    gone = Desired(Wish.DELETED, 1)
    assert plan(gone, [replica(0)]) == [Release(0)]
    assert plan(gone, [replica(0, S.STOPPING, wanted=False)]) == []
    assert plan(gone, []) == [End.FORGET]


def test_states_are_told_apart() -> None:
    def state(*rows: ReplicaSeen, has_room: bool = True) -> DeploymentState:
        return derive_state(READY_TWO, rows, has_room=has_room)

    assert state(replica(0), replica(1)) == DeploymentState.READY
    assert state(replica(0), replica(1, S.STARTING)) == DeploymentState.DEPLOYING
    assert state(replica(0), replica(1, S.BACKOFF)) == DeploymentState.DEGRADED
    assert state(replica(0, S.FAILED), replica(1, S.BACKOFF)) == DeploymentState.FAILED
    assert state(replica(0, S.UNKNOWN), replica(1, S.UNKNOWN)) == DeploymentState.UNKNOWN
    assert state(replica(0), replica(1, S.UNKNOWN)) == DeploymentState.DEGRADED
    assert state(has_room=False) == DeploymentState.FAILED
    assert state(replica(0), has_room=False) == DeploymentState.DEGRADED
    stopped = Desired(Wish.STOPPED, 2)
    assert derive_state(stopped, [], has_room=True) == DeploymentState.STOPPED
    assert derive_state(stopped, [replica(0)], has_room=True) == DeploymentState.STOPPING


class RollingMachine(RuleBasedStateMachine):
    """Plays a fleet with room for everything: whatever is wished and fails, it converges.

    While a healthy revision is rolled out, at least as many serve as before, less none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.desired = Desired(Wish.RUNNING, 1)
        self.rows: dict[int, ReplicaSeen] = {}
        self.revisions: dict[int, int] = {}
        self.revision = 1
        self.next_id = 0

    def seen(self) -> list[ReplicaSeen]:
        return [
            ReplicaSeen(
                row_id=row.row_id,
                index=row.index,
                state=row.state,
                is_wanted=row.is_wanted,
                is_current=self.revisions[row.row_id] == self.revision,
            )
            for row in self.rows.values()
        ]

    def set_state(self, row_id: int, state: ReplicaState, *, wanted: bool | None = None) -> None:
        row = self.rows[row_id]
        self.rows[row_id] = ReplicaSeen(
            row_id, row.index, state, row.is_wanted if wanted is None else wanted, row.is_current
        )

    def reconcile(self) -> None:
        for action in plan(self.desired, self.seen()):
            if isinstance(action, Add):
                self.rows[self.next_id] = ReplicaSeen(
                    self.next_id, action.index, S.PENDING, is_wanted=True, is_current=True
                )
                self.revisions[self.next_id] = self.revision
                self.next_id += 1
            elif isinstance(action, Release):
                self.set_state(action.row_id, S.STOPPING, wanted=False)

    def hosts_work(self, *, healthy: bool = True) -> None:
        for row_id, row in list(self.rows.items()):
            if not row.is_wanted:
                del self.rows[row_id]
            elif row.state in {S.PENDING, S.STARTING}:
                self.set_state(row_id, S.READY if healthy else S.BACKOFF)
            elif row.state in {S.BACKOFF, S.UNKNOWN} and healthy:
                self.set_state(row_id, S.READY)

    @rule(replicas=integers(0, 5))
    def scale(self, replicas: int) -> None:
        self.desired = Desired(self.desired.wish, replicas)

    @rule()
    def revise(self) -> None:
        self.revision += 1

    @rule(running=booleans())
    def stop_or_start(self, running: bool) -> None:
        self.desired = Desired(Wish.RUNNING if running else Wish.STOPPED, self.desired.replicas)

    @rule(healthy=booleans())
    def pass_time(self, healthy: bool) -> None:
        self.reconcile()
        self.hosts_work(healthy=healthy)

    @precondition(lambda self: self.rows)
    @rule(which=integers(0, 100))
    def host_goes_silent(self, which: int) -> None:
        row_id = sorted(self.rows)[which % len(self.rows)]
        if self.rows[row_id].is_wanted:
            self.set_state(row_id, S.UNKNOWN)

    @invariant()
    def one_live_replica_per_index(self) -> None:
        indexes = [row.index for row in self.rows.values()]
        assert len(indexes) == len(set(indexes))

    @invariant()
    def converges_once_all_is_healthy(self) -> None:
        saved = (dict(self.rows), dict(self.revisions), self.next_id)
        for _ in range(60):
            self.reconcile()
            self.hosts_work()
        wished = self.desired.replicas if self.desired.wish == Wish.RUNNING else 0
        assert len(self.rows) == wished
        assert plan(self.desired, self.seen()) == []
        self.rows, self.revisions, self.next_id = saved

    @invariant()
    def a_healthy_roll_never_serves_with_fewer(self) -> None:
        saved = (dict(self.rows), dict(self.revisions), self.next_id)
        self.hosts_work()
        serving = sum(row.state == S.READY for row in self.rows.values())
        floor = min(serving, self.desired.replicas if self.desired.wish == Wish.RUNNING else 0)
        for _ in range(20):
            self.reconcile()
            ready = [r for r in self.rows.values() if r.state == S.READY and r.is_wanted]
            assert len(ready) >= floor
            self.hosts_work()
        self.rows, self.revisions, self.next_id = saved


TestRolling = RollingMachine.TestCase
TestRolling.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
