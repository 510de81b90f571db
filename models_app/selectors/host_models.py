"""Reads of the models that lie on hosts which keep their own."""

from uuid import UUID

from django.db.models import Q, QuerySet

from models_app.domain.actors import Actor
from models_app.domain.states import OperationState, Role
from models_app.models import Host, HostModel, Operation
from models_app.selectors.lookup import row_by_ref
from models_app.selectors.operations import UNFINISHED, operations_visible

KINDS = (
    "pull_model", "create_model", "push_model", "copy_model", "delete_model", "load_model",
    "unload_model",
)  # fmt: skip


def host_models_visible(
    actor: Actor,
    host: Host,
    *,
    search: str | None = None,
    loaded: bool = False,
    with_ours: bool = False,
) -> QuerySet[HostModel]:
    """Return the models on a host, by name. What Slipway itself put there only `with_ours`."""
    actor.require(Role.VIEWER)
    rows = HostModel.objects.filter(host=host).select_related("host", "artifact__model")
    if not with_ours:
        rows = rows.filter(is_ours=False)
    if loaded:
        rows = rows.filter(loaded_bytes__isnull=False)
    if search:
        rows = rows.filter(name__icontains=search)
    return rows.order_by("name")


def host_model_get(actor: Actor, host: Host, ref: str | UUID) -> HostModel:
    """Return one of them by public id or name. Raises NotFoundError."""
    rows = host_models_visible(actor, host, with_ours=True)
    return row_by_ref(rows, "host_model", ref, name_field="name")


def host_model_work(actor: Actor, host: Host, *, limit: int = 10) -> list[Operation]:
    """Return what is being done to a host's models, and what failed last."""
    rows = operations_visible(actor, host=host).filter(kind__in=KINDS)
    return list(rows.filter(Q(state__in=UNFINISHED) | Q(state=OperationState.FAILED))[:limit])


def host_model_bases(actor: Actor, host: Host) -> list[str]:
    """Return the names that a variant may be made from."""
    return list(host_models_visible(actor, host).values_list("name", flat=True))
