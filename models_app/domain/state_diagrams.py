"""The state machines as mermaid, so that ARCHITECTURE.md draws what the tables say.

Steps that every living state of a machine may take are drawn once, from a box around them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from models_app.domain.states import MACHINES

_BOX = "living"


def diagrams() -> str:
    """Return every machine, in one mermaid diagram each, below its name."""
    return "\n\n".join(_diagram(kind, steps) for kind, steps in MACHINES.items())


def _diagram(kind: type[StrEnum], steps: Mapping[Any, frozenset[Any]]) -> str:
    name = kind.__name__.removesuffix("State").lower()
    first = next(iter(kind))
    living = [state for state in kind if len(steps[state]) >= _MANY and len(kind) > _LARGE]
    shared = [then for then in kind if living and _is_shared(then, living, steps)]
    inside: list[tuple[Any, Any]] = []
    outside: list[tuple[Any, Any]] = []
    for state in kind:
        for then in kind:
            if then in steps[state] and not (state in living and then in shared):
                (inside if state in living and then in living else outside).append((state, then))
    lines = [f"**{name}**", "", "```mermaid", "stateDiagram-v2", "    direction LR"]
    lines.append(f"    [*] --> {first}")
    if living:
        lines += [f"    state {_BOX} {{", *(f"        {a} --> {b}" for a, b in inside), "    }"]
        outside = [*((_BOX, then) for then in shared), *outside]
    else:
        outside = [*inside, *outside]
    lines += [f"    {a} --> {b}" for a, b in outside]
    lines += [f"    {state} --> [*]" for state in kind if not steps[state]]
    return "\n".join([*lines, "```"])


_LARGE = 6  # states; below that every step is drawn by itself
_MANY = 3  # steps that a living state has at least


def _is_shared(then: Any, living: list[Any], steps: Mapping[Any, frozenset[Any]]) -> bool:
    return all(then in steps[state] for state in living if state != then)
