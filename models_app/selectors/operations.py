"""Reads of long work."""

from uuid import UUID

from django.db.models import Q, QuerySet

from models_app.domain.actors import Actor
from models_app.domain.states import OperationState, Role
from models_app.models import Host, LanguageModel, Operation
from models_app.selectors.lookup import row_by_ref

UNFINISHED = tuple(state for state in OperationState if not state.finished)


def operations_visible(
    actor: Actor,
    *,
    state: str | None = None,
    kind: str | None = None,
    search: str | None = None,
    model: LanguageModel | None = None,
    host: Host | None = None,
) -> QuerySet[Operation]:
    """Return operations, newest first. `state` may be "unfinished"."""
    actor.require(Role.VIEWER)
    rows = Operation.objects.select_related("actor", "model", "artifact", "host")
    if state == "unfinished":
        rows = rows.filter(state__in=UNFINISHED)
    elif state:
        rows = rows.filter(state=state)
    if search:
        rows = rows.filter(Q(title__icontains=search) | Q(model__name__icontains=search))
    asked = {"kind": kind, "model": model, "host": host}
    rows = rows.filter(**{key: value for key, value in asked.items() if value})
    return rows.order_by("-id")


def operation_get(actor: Actor, ref: str | UUID) -> Operation:
    """Return one operation by public id. Raises NotFoundError."""
    return row_by_ref(operations_visible(actor), "operation", ref)
