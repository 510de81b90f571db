"""The parts of the operation pages that stay true while one looks at them."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from controlplane.fragments.failures import failure_of_row
from controlplane.fragments.listing import listing
from controlplane.fragments.progress import operation_progress, operation_title
from controlplane.fragments.registry import Asked, fragment
from controlplane.fragments.stories import by_day
from models_app.domain.actors import Actor
from models_app.domain.states import OperationState, Role
from models_app.models import Operation
from models_app.selectors.events import events_visible
from models_app.selectors.operations import operation_get, operations_visible


@dataclass(frozen=True, slots=True)
class OperationLine:
    """One operation as the list shows it."""

    operation: Operation
    title: str
    percent: float | None

    @property
    def duration_s(self) -> float | None:
        """How long it took, once finished."""
        row = self.operation
        if not row.started_at or not row.finished_at:
            return None
        return (row.finished_at - row.started_at).total_seconds()


@fragment("operations.table", template="operations/_table.html", lists=("operation",), every_s=2)
def operations_table(actor: Actor, asked: Asked) -> dict[str, Any]:
    """The list of operations, as the address filters it."""
    return table_context(actor, asked.filters)


def table_context(actor: Actor, filters: QueryDict) -> dict[str, Any]:
    """Return the page of operations that `filters` ask for."""
    rows = operations_visible(
        actor,
        state=filters.get("state") or None,
        kind=filters.get("kind") or None,
        search=filters.get("search") or None,
    )
    page = listing(rows, filters, shown_as=lambda found: [_line(row) for row in found])
    return {"listing": page, "filters": filters}


def _line(row: Operation) -> OperationLine:
    total = row.total_bytes
    percent = min(100.0, 100 * row.done_bytes / total) if total else None
    return OperationLine(row, operation_title(row), percent)


@fragment("operation.body", template="operations/_body.html", of="operation", every_s=2)
def operation_body(actor: Actor, asked: Asked) -> dict[str, Any]:
    """All of one operation: progress, failure, outcome, history."""
    return body_context(actor, operation_get(actor, asked.id))


def body_context(actor: Actor, operation: Operation) -> dict[str, Any]:
    """Return one operation with its story."""
    may = actor.role.allows(Role.OPERATOR)
    state = OperationState(operation.state)
    events = events_visible(actor, subject=operation.public_id)[:50]
    return {
        "operation": operation,
        "title": operation_title(operation),
        "row": operation_progress(operation, may_operate=may) | {"url": "", "state": ""},
        "line": _line(operation),
        "standing": failure_of_row(operation, operation.finished_at),
        "is_done": state == OperationState.SUCCEEDED,
        "is_finished": state.finished,
        "chapters": by_day(list(events)),
    }
