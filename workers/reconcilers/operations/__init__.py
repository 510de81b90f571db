"""Long work: one module per kind of operation, one short step per look."""

from workers.reconcilers.operations.reconciler import reconcile_operation

__all__ = ["reconcile_operation"]
