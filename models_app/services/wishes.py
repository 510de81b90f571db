"""The one way to change what a worked row should be: version, generation, audit, nudge, hint."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import F

from models_app.domain.actors import Actor
from models_app.models.base import WorkedRow
from models_app.notify.workers import nudge
from models_app.services.leases import database_time
from models_app.services.records import audit, before_and_after, changed, lock_version
from models_app.services.steps import step

R = TypeVar("R", bound=WorkedRow)


def wish(
    actor: Actor,
    row: R,
    action: str,
    *,
    version: int | None,
    changes: Mapping[str, Any],
    noted: Mapping[str, Any] | None = None,
) -> R:
    """Write a person's change of a worked row, inside the caller's transaction.

    `noted` replaces the before/after of the audit row where fields alone would not tell. The row
    becomes due at once, whatever a reconciler is doing with it now. Raises ConflictError STALE.
    """
    lock_version(row, version)
    if "state" in changes:
        step(row, changes["state"])
    difference = dict(noted) if noted is not None else before_and_after(row, changes)
    type(row)._default_manager.filter(pk=row.pk).update(
        generation=F("generation") + 1,
        attempts=0,
        next_action_at=database_time(),
        updated_at=database_time(),
        **changes,
    )
    row.refresh_from_db()
    audit(actor, action, row, difference)
    nudge(row)
    changed(row)
    return row


def look_now(row: WorkedRow) -> None:
    """Make a row due at once and nudge the hands; nothing about its wish changes."""
    type(row)._default_manager.filter(pk=row.pk).update(next_action_at=database_time())
    nudge(row)
