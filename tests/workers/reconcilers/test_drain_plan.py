"""Emptying hosts, played: the plan of a deployment and the choice of hosts, on a fleet of numbers.

Hosts have room for so many replicas, are drained and opened as it comes; what starts becomes ready
one look later. The plan and the choice are the real ones.
"""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import booleans, integers, lists, sampled_from

from models_app.domain.scheduling import Apart, HostOffer, Need, Policy, choose_host
from models_app.domain.states import HostState, ReplicaState, Scheduling, Wish
from workers.reconcilers.deployment_plan import Add, Desired, Release, ReplicaSeen, plan

S = ReplicaState


@dataclass
class Machine:
    """One host of the game."""

    room: int
    draining: bool = False


@dataclass
class Copy:
    """One replica of the game."""

    index: int
    host: int
    state: ReplicaState = S.PENDING
    wanted: bool = True


class DrainMachine(RuleBasedStateMachine):
    """Drains and opens hosts at random; whatever happens, serving never dips."""

    hosts: list[Machine]

    @initialize(
        rooms=lists(integers(0, 3), min_size=2, max_size=5),
        wished=integers(1, 4),
        apart=sampled_from(Apart),
        policy=sampled_from(Policy),
    )
    def begin(self, rooms: list[int], wished: int, apart: str, policy: str) -> None:
        self.hosts = [Machine(room) for room in rooms]
        self.desired = Desired(Wish.RUNNING, wished)
        self.need = Need(("process",), 1, policy=policy, apart=apart)
        self.copies: dict[int, Copy] = {}
        self.next_id = 0
        for _ in range(20):
            self.look()

    def on(self, host: int) -> list[Copy]:
        return [copy for copy in self.copies.values() if copy.host == host]

    def offers(self) -> list[HostOffer]:
        return [
            HostOffer(
                host_id=number,
                name=f"h{number}",
                state=HostState.READY,
                scheduling=Scheduling.DRAINING if host.draining else Scheduling.OPEN,
                runtime="process",
                labels={},
                room_bytes=host.room - len(self.on(number)),
                replicas_of_this=sum(copy.wanted for copy in self.on(number)),
                has_artifact=False,
            )
            for number, host in enumerate(self.hosts)
        ]

    def look(self) -> None:
        """One look of the deployment's reconciler, then of every replica's."""
        seen = [
            ReplicaSeen(row, c.index, c.state, c.wanted, not self.hosts[c.host].draining)
            for row, c in self.copies.items()
        ]
        for action in plan(self.desired, seen):
            if isinstance(action, Release):
                self.copies[action.row_id].wanted = False
            elif isinstance(action, Add):
                choice = choose_host(self.need, self.offers())
                if choice.host_id is not None:
                    assert not self.hosts[choice.host_id].draining
                    self.copies[self.next_id] = Copy(action.index, choice.host_id)
                    self.next_id += 1
        for row, copy in list(self.copies.items()):
            if not copy.wanted:
                del self.copies[row]
            else:
                copy.state = S.READY

    @rule(which=integers(0, 9), draining=booleans())
    def drain_or_open(self, which: int, draining: bool) -> None:
        self.hosts[which % len(self.hosts)].draining = draining

    @rule()
    def pass_time(self) -> None:
        self.look()

    def serving(self) -> int:
        return sum(copy.wanted and copy.state == S.READY for copy in self.copies.values())

    @invariant()
    def never_fewer_serve_than_before(self) -> None:
        saved = {row: Copy(**vars(copy)) for row, copy in self.copies.items()}
        floor = min(self.serving(), self.desired.replicas)
        for _ in range(20):
            self.look()
            assert self.serving() >= floor
        self.copies = saved

    @invariant()
    def no_host_holds_more_than_fits(self) -> None:
        assert all(len(self.on(n)) <= host.room for n, host in enumerate(self.hosts))

    @invariant()
    def copies_that_must_be_apart_are(self) -> None:
        if self.need.apart == Apart.REQUIRE:
            for number in range(len(self.hosts)):
                assert sum(copy.wanted for copy in self.on(number)) <= 1

    @invariant()
    def a_drained_host_is_empty_where_others_have_room(self) -> None:
        saved = {row: Copy(**vars(copy)) for row, copy in self.copies.items()}
        one_each = self.need.apart == Apart.REQUIRE
        elsewhere = sum(
            min(host.room, 1) if one_each else host.room for host in self.hosts if not host.draining
        )
        for _ in range(40):
            self.look()
        if elsewhere >= self.desired.replicas:
            drained = [n for n, host in enumerate(self.hosts) if host.draining]
            assert not any(self.on(number) for number in drained)
            assert self.serving() == self.desired.replicas
        self.copies = saved


TestDrain = DrainMachine.TestCase
TestDrain.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)
