"""What requests can name as their model: deployments and aliases, and which of them a key opens."""

from collections.abc import Iterable
from dataclasses import dataclass

from models_app.domain.actors import Actor
from models_app.domain.states import Role, Wish
from models_app.models import Alias, Deployment, GatewayKey


@dataclass(frozen=True, slots=True)
class ModelNames:
    """Names of deployments and of aliases, each in order."""

    deployments: list[str]
    aliases: list[str]


def model_names(actor: Actor) -> ModelNames:
    """Return every name that a key can be made for."""
    actor.require(Role.VIEWER)
    deployments = Deployment.objects.exclude(wish=Wish.DELETED).order_by("name")
    aliases = Alias.objects.order_by("name")
    return ModelNames(
        list(deployments.values_list("name", flat=True)),
        list(aliases.values_list("name", flat=True)),
    )


def names_of_key(key: GatewayKey) -> ModelNames:
    """Return the names that a key opens today; what is gone is left out."""
    return names_of_keys([key])[key.pk]


def names_of_keys(keys: Iterable[GatewayKey]) -> dict[int, ModelNames]:
    """Return the names that keys open, by row id. Two queries, however many keys."""
    keys = list(keys)
    deployments = {ref for key in keys for ref in key.deployments}
    aliases = {ref for key in keys for ref in key.aliases}
    alive = Deployment.objects.exclude(wish=Wish.DELETED).filter(public_id__in=deployments)
    named = {str(ref): name for ref, name in alive.values_list("public_id", "name")}
    rows = Alias.objects.filter(public_id__in=aliases).values_list("public_id", "name")
    named_aliases = {str(ref): name for ref, name in rows}
    return {
        key.pk: ModelNames(
            sorted(named[ref] for ref in key.deployments if ref in named),
            sorted(named_aliases[ref] for ref in key.aliases if ref in named_aliases),
        )
        for key in keys
    }
