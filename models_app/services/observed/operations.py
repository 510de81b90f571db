"""How far long work has come, and how it ended."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from models_app.domain.failures import Failure, FailureCode
from models_app.domain.states import (
    OperationState,
)
from models_app.models import Operation
from models_app.services.leases import Lease, database_time
from models_app.services.records import changed, event, failure_fields
from models_app.services.steps import step


@transaction.atomic
def operation_progress(
    lease: Lease[Operation], operation: Operation, *, phase: str, **fields: Any
) -> None:
    """Write how far an operation has come."""
    state = OperationState(operation.state)
    if state == OperationState.PENDING:
        fields |= {"state": step(operation, OperationState.RUNNING), "started_at": database_time()}
    done = fields.get("done_bytes", operation.done_bytes)
    if done != operation.done_bytes:
        fields["progress_at"] = database_time()
    if operation.failure_code != FailureCode.INTERNAL:  # no byte mends an error of ours
        fields |= failure_fields(None) if operation.failure_code else {}
        if done > operation.done_bytes:
            fields["attempts"] = 0  # a step that merely did not fail is no progress
    lease.write(phase=phase, **fields)
    operation.refresh_from_db()
    changed(operation)


@transaction.atomic
def operation_end(
    lease: Lease[Operation],
    operation: Operation,
    state: OperationState,
    *,
    failure: Failure | None = None,
    result: Mapping[str, Any] | None = None,
) -> None:
    """Write how an operation ended."""
    lease.write(
        state=step(operation, state),
        finished_at=database_time(),
        bytes_per_s=None,
        result=dict(result or {}),
        **({} if state == OperationState.SUCCEEDED else {"secret": ""}),
        **failure_fields(failure),
    )
    operation.refresh_from_db()
    level = {OperationState.SUCCEEDED: "good", OperationState.FAILED: "bad"}.get(state, "info")
    event(
        operation,
        f"operation.{state}",
        level=level,
        params={"title": operation.title}
        | ({"failure": str(failure.code), **failure.params} if failure else {}),
        evidence=failure.evidence if failure else (),
    )
    changed(operation)
    if operation.model:
        changed(operation.model)


@transaction.atomic
def operation_waits(
    lease: Lease[Operation], operation: Operation, failure: Failure, *, attempts: int
) -> None:
    """Something failed that time may mend: say so, and that it is tried again."""
    lease.write(attempts=attempts, bytes_per_s=None, phase="waiting", **failure_fields(failure))
    operation.refresh_from_db()
    changed(operation)
