"""What one kind of operation must know."""

from collections.abc import Mapping
from typing import Any, Protocol

from models_app.models import Operation
from models_app.services.leases import Lease


class Work(Protocol):
    """One kind of long work, done in steps of a few seconds that survive a kill at any point.

    `pause_s` is the wait between two steps: none where a step does the work itself.
    """

    pause_s: float

    def step(self, operation: Operation, lease: Lease[Operation]) -> Mapping[str, Any] | None:
        """Do the next step; return the result when that was the last, else None.

        Raises FailureError; SHALL be safe to repeat from its beginning.
        """
        ...

    def clean_up(self, operation: Operation) -> None:
        """Take away what was made half; called when the operation is cancelled."""
        ...
