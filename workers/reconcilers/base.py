"""The frame of every reconciler: take the row, work one short step, give it back.

`run` never branches on why it was called. A message lost, doubled, late or reordered changes
nothing: the row says what is due, and the lease lets one worker at a time find out.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import DatabaseError

from models_app.domain.errors import LeaseLostError
from models_app.models.base import WorkedRow
from models_app.notify import workers
from models_app.services.leases import Lease, database_time, lease_take, lease_take_as_read
from models_app.services.records import changed
from workers.reconcilers.bulkhead import HostBusyError
from workers.reconcilers.owners import new_owner

log = logging.getLogger(__name__)

R = TypeVar("R", bound=WorkedRow)

PASSES_LIMIT = 5  # changes that came while working are looked at again at once, but not for ever
BACKOFF_FIRST_S = 10.0
BACKOFF_LIMIT_S = 300.0
SOON_S = 2.5  # due earlier than the sweep would find it: a message of its own


@dataclass(frozen=True, slots=True)
class Result:
    """When to look at the row again, in seconds; None: when something changes.

    `seen` is written as the row is given back, and browsers are told: for what changes at every
    look, so that a steady row costs one write less.
    """

    again_s: float | None
    seen: Mapping[str, Any] = field(default_factory=dict)


DONE = Result(None)


def run(
    model: type[R], row_id: int, work: Callable[[R, Lease[R]], Result], *, related: tuple[str, ...]
) -> None:
    """Work on one row if it is free. Never raises for a row that is gone or owned by another.

    `related` names what is read with the row.
    """
    for _ in range(PASSES_LIMIT):
        row, lease = _taken(model, row_id, related)
        if row is None or lease is None:
            return
        result = _worked(work, row, lease)
        if result is None or not _give_back(row, lease, result):
            return


def _taken(
    model: type[R], row_id: int, related: tuple[str, ...]
) -> tuple[R | None, Lease[R] | None]:
    """Return the row with what belongs to it, and the right to work on it; None without."""
    rows = model._default_manager.select_related(*related).filter(pk=row_id)
    row = rows.first()
    if row is None:
        return None, None
    lease = lease_take_as_read(row, new_owner())
    if lease is None:  # held, or something moved: taken first, it is read as it is then
        lease = lease_take(model, row_id, new_owner())
        row = rows.first() if lease else None
    return row, lease


def _worked(work: Callable[[R, Lease[R]], Result], row: R, lease: Lease[R]) -> Result | None:
    """Return when to look again; None when the row is another's now."""
    name = lease.model.__name__
    try:
        return work(row, lease)
    except HostBusyError as busy:
        return Result(busy.again_s)
    except LeaseLostError:
        log.info("%s %s is worked on by another now", name, row.pk)
        return None
    except DatabaseError:
        raise
    except Exception:
        log.exception("%s %s: unexpected error", name, row.pk)
        return Result(backoff_s(_count_attempt(lease, row)))


def backoff_s(attempts: int) -> float:
    """Return the wait before try number `attempts` + 1: 10, 20, 40 ... 300 seconds."""
    return min(BACKOFF_FIRST_S * 2.0 ** max(attempts - 1, 0), BACKOFF_LIMIT_S)


def _give_back(row: R, lease: Lease[R], result: Result) -> bool:
    """Release the row; return whether a change, or the look itself, asks for another at once."""
    again = None if result.again_s is None else database_time(result.again_s)
    asked = lease.release(again, **result.seen)
    if result.seen:
        changed(row)
    if asked or result.again_s == 0.0:
        return True
    if result.again_s is not None and result.again_s < SOON_S:
        workers.send_later(workers.TASK_OF[lease.model], lease.row_id, result.again_s)
    return False


def _count_attempt(lease: Lease[R], row: R) -> int:
    attempts = row.attempts + 1
    try:
        lease.write(attempts=attempts)
    except LeaseLostError:
        log.info("lease lost while noting an attempt")
    return attempts
