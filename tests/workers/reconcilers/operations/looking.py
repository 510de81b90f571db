"""Operations looked at as workers do, until they are over."""

from models_app.domain.states import OperationState
from models_app.models import Operation
from tests.workloads import eventually
from workers.reconcilers.operations import reconcile_operation


def look(operation: Operation) -> Operation:
    """Look once as a worker does that finds the lease run out."""
    Operation.objects.filter(pk=operation.pk).update(lease_until=None)
    reconcile_operation(operation.pk)
    operation.refresh_from_db()
    return operation


def end(operation: Operation, *, seconds: float = 90.0) -> Operation:
    """Look until it is over."""
    eventually(lambda: OperationState(look(operation).state).finished, seconds=seconds)
    return operation
