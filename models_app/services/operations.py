"""Long work: begun by a service, carried on by the hands, cancelled or retried by a person."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.errors import ConflictError
from models_app.domain.states import OperationState, Role
from models_app.models import Artifact, Host, LanguageModel, Operation
from models_app.models.clock import database_now
from models_app.services.records import audit, changed, event, hold
from models_app.services.sealing import seal
from models_app.services.steps import step
from models_app.services.wishes import look_now, wish

BEGUN_ANEW = frozenset({"check_connection"})  # their secrets are taken away when they end


def operation_begin(  # noqa: PLR0913 - what an operation is about, each part optional
    actor: Actor,
    kind: str,
    *,
    title: str,
    parameters: Mapping[str, Any],
    model: LanguageModel | None = None,
    artifact: Artifact | None = None,
    host: Host | None = None,
    secret: Mapping[str, str] | None = None,
    total_bytes: int | None = None,
) -> Operation:
    """Write an operation that is due now. Called inside another service's transaction."""
    operation = Operation(
        kind=kind,
        title=title[:200],
        actor_id=actor.user_id,
        model=model,
        artifact=artifact,
        host=host,
        parameters=dict(parameters),
        total_bytes=total_bytes,
    )
    operation.secret = seal(operation, "secret", secret or {})
    operation.save()
    audit(actor, f"operation.{kind}", operation)
    event(operation, "operation.begun", params={"by": actor.name, "title": operation.title})
    changed(operation)
    look_now(operation)
    return operation


def may_retry(operation: Operation) -> bool:
    """Return whether this kind of operation can be begun again: one whose secret is gone cannot."""
    return operation.kind not in BEGUN_ANEW


@transaction.atomic
def operation_cancel(actor: Actor, operation: Operation) -> Operation:
    """Ask it to stop; what it had made half is taken away. A finished one raises ConflictError."""
    actor.require(Role.OPERATOR)
    hold(operation)
    state = OperationState(operation.state)
    if state == OperationState.CANCELLING:
        return operation
    step(operation, OperationState.CANCELLING)
    wish(
        actor,
        operation,
        "operation.cancel",
        version=None,
        changes={"state": OperationState.CANCELLING},
    )
    event(operation, "operation.cancelling", params={"by": actor.name})
    return operation


@transaction.atomic
def operation_retry(actor: Actor, operation: Operation) -> Operation:
    """Begin a failed or cancelled operation again; a download goes on where it stopped."""
    actor.require(Role.OPERATOR)
    hold(operation)
    if OperationState(operation.state) == OperationState.SUCCEEDED:
        raise ConflictError("ALREADY_DONE", params={"title": operation.title})
    if not may_retry(operation):
        raise ConflictError("CHECK_ANEW")
    step(operation, OperationState.PENDING)
    wish(
        actor,
        operation,
        "operation.retry",
        version=None,
        changes={
            "state": OperationState.PENDING,
            "finished_at": None,
            "failure_code": "",
            "progress_at": database_now(),
        },
    )
    event(operation, "operation.retried", params={"by": actor.name})
    return operation
