"""The state machines: whole, without dead ends but the meant ones, and held by every write."""

import ast
from enum import StrEnum
from typing import Any

import pytest

from controlplane.settings.env import ROOT
from models_app.domain.errors import ConflictError
from models_app.domain.state_diagrams import diagrams
from models_app.domain.states import (
    MACHINES,
    REPLICA_STEPS,
    ArtifactState,
    HostState,
    OperationState,
    PlacementState,
    ReplicaState,
    Role,
    check_step,
)

KINDS = list(MACHINES)
ENDS = {
    ReplicaState: {ReplicaState.RETIRED},
    OperationState: {OperationState.SUCCEEDED},
    HostState: {HostState.REMOVING},
    PlacementState: set(),
    ArtifactState: set(),
}


def reached(kind: type[StrEnum], start: StrEnum) -> set[Any]:
    """Every state that some path leads to."""
    found, todo = {start}, [start]
    while todo:
        for then in MACHINES[kind][todo.pop()]:
            if then not in found:
                found.add(then)
                todo.append(then)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_has_its_steps_and_none_of_another_machine(kind: type[StrEnum]) -> None:
    assert set(MACHINES[kind]) == set(kind)
    for state, then in MACHINES[kind].items():
        assert then <= set(kind)
        assert state not in then  # staying is always allowed and needs no row


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_is_reached_and_only_meant_ones_are_ends(kind: type[StrEnum]) -> None:
    assert reached(kind, next(iter(kind))) == set(kind)
    assert {state for state, then in MACHINES[kind].items() if not then} == ENDS[kind]


@pytest.mark.parametrize("state", ReplicaState)
def test_every_replica_can_be_ended(state: ReplicaState) -> None:
    assert ReplicaState.RETIRED in reached(ReplicaState, state)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_held(kind: type[StrEnum]) -> None:
    for now in kind:
        for then in kind:
            if now == then or then in MACHINES[kind][now]:
                check_step(MACHINES[kind], now, then)
                continue
            with pytest.raises(ConflictError) as refused:
                check_step(MACHINES[kind], now, then)
            assert refused.value.code == "STATE_FORBIDS"
            assert refused.value.params == {"state": str(now), "wanted": str(then)}


def test_a_retired_replica_never_comes_back() -> None:
    assert REPLICA_STEPS[ReplicaState.RETIRED] == frozenset()


def test_finished_operations_are_those_that_nothing_more_happens_to() -> None:
    assert {state for state in OperationState if state.finished} == {
        OperationState.SUCCEEDED,
        OperationState.FAILED,
        OperationState.CANCELLED,
    }


@pytest.mark.parametrize("role", Role)
def test_roles_include_those_below(role: Role) -> None:
    order = [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    assert [role.allows(needed) for needed in order] == [
        order.index(needed) <= order.index(role) for needed in order
    ]


def test_the_architecture_draws_these_machines() -> None:
    assert diagrams() in (ROOT / "ARCHITECTURE.md").read_text(), (
        "the diagrams have changed; they are now:\n" + diagrams()
    )


def test_no_service_writes_a_state_past_its_machine() -> None:
    """`state=<Kind>.X` and `.state = <Kind>.X` outside of filters and of services/steps.py."""
    names = {kind.__name__ for kind in KINDS}
    found = []
    for path in sorted((ROOT / "models_app" / "services").rglob("*.py")):
        if "demo" in path.parts:
            continue  # rows made up from nothing have no step before them
        nodes = ast.walk(ast.parse(path.read_text()))
        lines = [getattr(node, "lineno", 0) for node in nodes if _writes_past(node, names)]
        found += [f"{path.relative_to(ROOT)}:{line}" for line in lines]
    assert found == []


def _writes_past(node: ast.AST, names: set[str]) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        is_write = node.func.attr in {"update", "write", "create", "bulk_create"}
        return is_write and any(
            k.arg == "state" and _is_state(k.value, names) for k in node.keywords
        )
    if isinstance(node, ast.Assign):
        targets = [t.attr for t in node.targets if isinstance(t, ast.Attribute)]
        return "state" in targets and _is_state(node.value, names)
    return False


def _is_state(node: ast.expr, names: set[str]) -> bool:
    """Return whether an expression names a state itself, not what `step` gave back."""
    if isinstance(node, ast.IfExp):
        return _is_state(node.body, names) or _is_state(node.orelse, names)
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in names
    )
