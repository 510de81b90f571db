"""The frame of every operation: start, step, count what fails, end, clean up when cancelled."""

import logging
from collections.abc import Mapping

from django.db import DatabaseError

from models_app.domain.errors import LeaseLostError, SlipwayError
from models_app.domain.failures import (
    Failure,
    FailureCode,
    FailureError,
    RuntimeUnreachableError,
)
from models_app.domain.states import OperationState
from models_app.models import Operation
from models_app.services.leases import Lease
from models_app.services.observed.operations import (
    operation_end,
    operation_progress,
    operation_waits,
)
from workers.reconcilers.base import DONE, Result, backoff_s, run
from workers.reconcilers.operations.checking import CheckConnectionWork
from workers.reconcilers.operations.draining import DrainHostWork
from workers.reconcilers.operations.host_models import HOST_MODEL_WORKS
from workers.reconcilers.operations.importing import ImportWork
from workers.reconcilers.operations.removing import RemoveArtifactWork
from workers.reconcilers.operations.verifying import VerifyWork
from workers.reconcilers.operations.work import Work

log = logging.getLogger(__name__)

TRIES = 6  # of a step that time may mend, before a person is asked

START_OVER = {FailureCode.SOURCE_CHANGED, FailureCode.CHECKSUM, FailureCode.ARTIFACT_INVALID}

WORKS: Mapping[str, Work] = {
    "import": ImportWork(),
    "verify": VerifyWork(),
    "remove_artifact": RemoveArtifactWork(),
    "check_connection": CheckConnectionWork(),
    "drain_host": DrainHostWork(),
    **HOST_MODEL_WORKS,
}
ONE_TRY = frozenset({"check_connection"})  # a person waits for the answer, whatever it is


def reconcile_operation(operation_id: int) -> None:
    """Look at one operation."""
    run(Operation, operation_id, _work, related=("model", "artifact__model", "host", "actor"))


def _work(operation: Operation, lease: Lease[Operation]) -> Result:
    state = OperationState(operation.state)
    if state.finished:
        return DONE
    work = WORKS[operation.kind]
    if state == OperationState.CANCELLING:
        work.clean_up(operation)
        operation_end(lease, operation, OperationState.CANCELLED)
        return DONE
    if state == OperationState.PENDING:
        operation_progress(lease, operation, phase="starting")
    try:
        outcome = work.step(operation, lease)
    except LeaseLostError:
        _leave_nothing_behind(operation, work)
        raise
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - each try is counted: none repeats without end
        return _failed(operation, lease, _failure_of(error))
    if outcome is None:
        return Result(work.pause_s)
    operation_end(lease, operation, OperationState.SUCCEEDED, result=outcome)
    return DONE


def _leave_nothing_behind(operation: Operation, work: Work) -> None:
    """Take away what was made half after another had ended the operation meanwhile.

    Of a failed one the part is kept, for its retry.
    """
    now = Operation.objects.filter(pk=operation.pk).values_list("state", flat=True).first()
    if now in {OperationState.SUCCEEDED, OperationState.CANCELLED}:
        work.clean_up(operation)


def _failure_of(error: Exception) -> Failure:
    """Return what went wrong as something that can be stored, told and counted."""
    if isinstance(error, FailureError):
        return error.failure
    if isinstance(error, RuntimeUnreachableError):
        return error.failure()
    if isinstance(error, SlipwayError):
        return Failure(FailureCode.WISH_REFUSED, {**error.params, "refusal": error.code})
    log.error("unexpected error in an operation", exc_info=error)
    return Failure(FailureCode.INTERNAL, {"reason": type(error).__name__})


def _failed(operation: Operation, lease: Lease[Operation], failure: Failure) -> Result:
    attempts = operation.attempts + 1
    tries = 1 if operation.kind in ONE_TRY else TRIES
    if failure.retry and attempts < tries and failure.code != FailureCode.DISK_SPACE:
        retry_s = float(failure.params.get("retry_after_s") or backoff_s(attempts))
        operation_waits(lease, operation, failure, attempts=attempts)
        return Result(retry_s)
    # A retry goes on where this one stopped, unless what was fetched is not what was promised.
    kept = {} if failure.code in START_OVER else operation.result
    operation_end(lease, operation, OperationState.FAILED, failure=failure, result=kept)
    return DONE
