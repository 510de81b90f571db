"""The one way to write a state: only a step that its machine knows (`domain/states.py`)."""

from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from models_app.domain.states import MACHINES, check_step

S = TypeVar("S", bound=StrEnum)


def step(row: Any, state: S) -> S:
    """Return the state, to be written, if the row may take it. Raises ConflictError."""
    check_step(MACHINES[type(state)], type(state)(row.state), state)
    return state


def step_all(rows: QuerySet[Any, Any], state: StrEnum, **fields: Any) -> int:
    """Move those of the rows that may take the state, and are not in it; return how many."""
    steps = MACHINES[type(state)]
    before = [one for one, then in steps.items() if state in then]
    return rows.filter(state__in=before).update(state=state, **fields)


def step_one(row: Model, state: StrEnum) -> int:
    """Move one row by its key, whatever this process knew of it; return whether it was moved."""
    return step_all(type(row)._default_manager.filter(pk=row.pk), state)
