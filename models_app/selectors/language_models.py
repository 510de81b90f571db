"""Reads of models, their artifacts, and where those are placed."""

from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet, Sum

from models_app.domain.actors import Actor
from models_app.domain.states import Role
from models_app.models import Artifact, Deployment, Host, LanguageModel, Placement
from models_app.selectors.counting import related_count
from models_app.selectors.lookup import row_by_ref


def models_visible(
    actor: Actor, *, search: str | None = None, tier: str | None = None, family: str | None = None
) -> QuerySet[LanguageModel]:
    """Return the models `actor` may see with their artifacts (see there), by name.

    Each row has `deployments_count`: deployments whose revision in force uses one of its artifacts.
    """
    actor.require(Role.VIEWER)
    rows = LanguageModel.objects.prefetch_related(Prefetch("artifacts", artifacts_visible(actor)))
    if search:
        rows = rows.filter(
            Q(name__icontains=search) | Q(title__icontains=search) | Q(family__icontains=search)
        )
    if tier:
        rows = rows.filter(tier=tier)
    if family:
        rows = rows.filter(family=family)
    return rows.annotate(
        deployments_count=related_count(Deployment.objects.all(), "revision__artifact__model")
    ).order_by("name")


def model_get(actor: Actor, ref: str | UUID) -> LanguageModel:
    """Return one model by public id or name. Raises NotFoundError."""
    return row_by_ref(models_visible(actor), "model", ref, name_field="name")


def store_bytes(actor: Actor) -> int:
    """Return how much the model store holds, as the ledger knows it."""
    actor.require(Role.VIEWER)
    return int(Artifact.objects.aggregate(total=Sum("size_bytes"))["total"] or 0)


def artifacts_visible(
    actor: Actor,
    *,
    model: LanguageModel | None = None,
    state: str | None = None,
    format: str | None = None,  # noqa: A002 - the column's name, and the API's
) -> QuerySet[Artifact]:
    """Return artifacts with their model, by model and size.

    Each row has `deployments_count` and `placements_count`.
    """
    actor.require(Role.VIEWER)
    rows = Artifact.objects.select_related("model", "parent")
    asked = {"model": model, "state": state, "format": format}
    rows = rows.filter(**{key: value for key, value in asked.items() if value})
    return rows.annotate(
        deployments_count=related_count(Deployment.objects.all(), "revision__artifact"),
        placements_count=related_count(Placement.objects.all(), "artifact"),
    ).order_by("model__name", "size_bytes", "id")


def artifact_get(actor: Actor, ref: str | UUID) -> Artifact:
    """Return one artifact by public id or sha256. Raises NotFoundError."""
    return row_by_ref(artifacts_visible(actor), "artifact", ref, name_field="sha256")


def placements_visible(
    actor: Actor,
    *,
    artifact: Artifact | None = None,
    model: LanguageModel | None = None,
    host: Host | None = None,
    state: str | None = None,
) -> QuerySet[Placement]:
    """Return placements with host, artifact and model, by host."""
    actor.require(Role.VIEWER)
    rows = Placement.objects.select_related("host", "artifact__model")
    asked = {"artifact": artifact, "artifact__model": model, "host": host, "state": state}
    rows = rows.filter(**{key: value for key, value in asked.items() if value})
    return rows.order_by("host__name", "id")


def placements_in_brief(actor: Actor, model: LanguageModel, *, limit: int) -> list[Placement]:
    """Return where a model's artifacts lie, with no more of host and artifact than their names."""
    rows = placements_visible(actor, model=model).select_related(None)
    rows = rows.select_related("host", "artifact").only(
        "public_id",
        "state",
        "done_bytes",
        "total_bytes",
        "bytes_per_s",
        "progress_at",
        "host__name",
        "artifact__file_name",
    )
    return list(rows[:limit])


def placement_get(actor: Actor, ref: str | UUID) -> Placement:
    """Return one placement by public id. Raises NotFoundError."""
    return row_by_ref(placements_visible(actor), "placement", ref)
