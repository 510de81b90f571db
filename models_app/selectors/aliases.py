"""Reads of aliases: the gateway's table of them, and what people look at."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from models_app.domain.actors import Actor
from models_app.domain.gateway import AliasTarget, AliasTargets
from models_app.domain.states import Role, Wish
from models_app.models import Alias, AliasVersion, Deployment
from models_app.selectors.lookup import row_by_ref


def alias_table() -> dict[str, AliasTargets]:
    """Return every alias by name, for the gateway. Two queries, however many there are."""
    aliases = list(Alias.objects.select_related("current").exclude(current=None))
    versions = [alias.current for alias in aliases if alias.current]
    names = deployment_names(versions)
    return {alias.name: targets_of(alias, alias.current, names) for alias in aliases}


def targets_of(
    alias: Alias, version: AliasVersion | None, names: Mapping[str, str]
) -> AliasTargets:
    """Return a version of an alias; `names` are those of `deployment_names`."""
    targets: list[Mapping[str, Any]] = version.targets if version else []
    fallback: list[str] = version.fallback if version else []
    return AliasTargets(
        id=str(alias.public_id),
        name=alias.name,
        version=version.number if version else 0,
        targets=tuple(
            AliasTarget(t["deployment"], names[t["deployment"]], t["weight"])
            for t in targets
            if t["deployment"] in names
        ),
        fallback=tuple(AliasTarget(ref, names[ref], 1) for ref in fallback if ref in names),
    )


def deployment_names(versions: Iterable[AliasVersion]) -> dict[str, str]:
    """Return the names, by public id, of the deployments named there that still exist."""
    wanted: set[str] = set()
    for version in versions:
        wanted.update(target["deployment"] for target in version.targets)
        wanted.update(version.fallback)
    rows = Deployment.objects.exclude(wish=Wish.DELETED).filter(public_id__in=wanted)
    return {str(public_id): name for public_id, name in rows.values_list("public_id", "name")}


def aliases_visible(actor: Actor, *, search: str | None = None) -> QuerySet[Alias]:
    """Return aliases by name."""
    actor.require(Role.VIEWER)
    rows = Alias.objects.select_related("current", "current__created_by")
    if search:
        rows = rows.filter(name__icontains=search)
    return rows.order_by("name")


def alias_get(actor: Actor, ref: str | UUID) -> Alias:
    """Return one alias by public id or name. Raises NotFoundError."""
    return row_by_ref(aliases_visible(actor), "alias", ref, name_field="name")


def versions_visible(actor: Actor, alias: Alias) -> QuerySet[AliasVersion]:
    """Return the versions of an alias, newest first."""
    actor.require(Role.VIEWER)
    return alias.versions.select_related("created_by").order_by("-number")


def aliases_of_deployment(actor: Actor, deployment: Deployment) -> list[Alias]:
    """Return the aliases that send requests to a deployment, by share or as a fallback."""
    ref = str(deployment.public_id)
    return [
        alias for alias in aliases_visible(actor) if alias.current and _names(alias.current, ref)
    ]


def _names(version: AliasVersion, ref: str) -> bool:
    return ref in version.fallback or any(t["deployment"] == ref for t in version.targets)
