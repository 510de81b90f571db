"""Who works on a row: a lease taken on the database's clock, and writes that carry its token.

A lease alone cannot stop a worker that slept and woke; the token can: it only grows, every write
of a reconciler is `UPDATE ... WHERE lease_token = mine`, and zero rows means stop at once.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from django.db.models import DateTimeField, ExpressionWrapper, F, Q
from django.db.models.functions import Now

from models_app.domain.errors import LeaseLostError
from models_app.models.base import WorkedRow

R = TypeVar("R", bound=WorkedRow)

LEASE_S = 30.0


@dataclass(frozen=True, slots=True)
class Lease(Generic[R]):
    """The right to work on one row until it runs out."""

    model: type[R]
    row_id: int
    token: int

    def write(self, **fields: Any) -> None:
        """Write fields of the row. Raises LeaseLostError when somebody else owns it now."""
        rows = self.model._default_manager.filter(pk=self.row_id, lease_token=self.token)
        if not rows.update(updated_at=database_time(), **fields):
            raise LeaseLostError(self.model.__name__, self.row_id)

    def renew(self, seconds: float = LEASE_S) -> None:
        """Keep the lease for `seconds` more."""
        self.write(lease_until=database_time(seconds))

    def release(self, next_action_at: Any, **fields: Any) -> bool:
        """Give the row back, say when to look at it again (None: when something changes).

        While the lease was held, `next_action_at` lay in the future; if it lies in the past now, a
        change came meanwhile. It then stays, and True tells the caller to look again at once.
        `fields` are written in the same statement.
        """
        rows = self.model._default_manager.filter(pk=self.row_id, lease_token=self.token)
        free: dict[str, Any] = {"lease_owner": "", "lease_until": None, **fields}
        if fields:
            free["updated_at"] = database_time()
        later = Q(next_action_at__isnull=True) | Q(next_action_at__gt=database_time())
        if rows.filter(later).update(next_action_at=next_action_at, **free):
            return False
        return bool(rows.update(**free))  # a change came, or the row is another's


def lease_take(
    model: type[R], row_id: int, owner: str, seconds: float = LEASE_S
) -> Lease[R] | None:
    """Take the row if nobody holds it. None when it is held or gone."""
    rows = model._default_manager.filter(pk=row_id)
    if not rows.filter(_free()).update(**_taken_by(owner, seconds)):
        return None
    token = rows.filter(lease_owner=owner).values_list("lease_token", flat=True).first()
    return None if token is None else Lease(model, row_id, token)


def lease_take_as_read(row: R, owner: str, seconds: float = LEASE_S) -> Lease[R] | None:
    """Take a row that was just read, unless it is held or anything was changed or asked since.

    A change bumps `version` or `generation`, whoever asks for a look moves `next_action_at`, who
    worked on it moves the token: what was read is still true when none of them has moved.
    """
    unmoved = type(row)._default_manager.filter(
        pk=row.pk,
        version=row.version,
        generation=row.generation,
        lease_token=row.lease_token,
        next_action_at=row.next_action_at,
    )
    if not unmoved.filter(_free()).update(**_taken_by(owner, seconds)):
        return None
    row.lease_token += 1
    return Lease(type(row), row.pk, row.lease_token)


def _free() -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=database_time())


def _taken_by(owner: str, seconds: float) -> dict[str, Any]:
    return {
        "lease_owner": owner,
        "lease_token": F("lease_token") + 1,
        "lease_until": database_time(seconds),
        # If this worker dies, the sweep finds the row again once the lease has run out.
        "next_action_at": database_time(seconds),
    }


def leases_free(model: type[WorkedRow], owners: Collection[str]) -> int:
    """Take rows from owners that are known to be dead and make them due; return how many."""
    held = model._default_manager.filter(lease_owner__in=owners)
    return held.update(lease_owner="", lease_until=None, next_action_at=database_time())


def database_time(seconds: float = 0.0) -> Any:
    """Return the database's own time `seconds` from now, to be written or compared with.

    Always through the same expression: SQLite keeps times as text, and a bare `Now()` has fewer
    digits than a sum, so that the two compare wrongly within one millisecond.
    """
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())
