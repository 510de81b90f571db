"""Changes of aliases. Every change is a new version; rolling back is choosing an older one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError, NotFoundError
from models_app.domain.names import check_name
from models_app.domain.states import Role, Wish
from models_app.models import Alias, AliasVersion, Deployment
from models_app.services.model_names import model_name_claim
from models_app.services.records import audit, changed, lock_version

TARGETS_LIMIT = 16
LARGEST_WEIGHT = 1000


@dataclass(frozen=True, slots=True)
class Share:
    """A deployment, by name, and its weight among the others."""

    deployment: str
    weight: int = 1


@transaction.atomic
def alias_create(
    actor: Actor,
    *,
    name: str,
    targets: Sequence[Share],
    fallback: Sequence[str] = (),
    comment: str = "",
) -> Alias:
    """Make an alias. Raises ConflictError NAME_TAKEN (a deployment's too), InvalidError."""
    actor.require(Role.OPERATOR)
    check_name(name)
    model_name_claim(name)
    alias = Alias.objects.create(name=name)
    version = _version_add(actor, alias, targets, fallback, comment)
    _choose(actor, alias, version, "alias.create", [None, 1])
    return alias


@transaction.atomic
def alias_edit(
    actor: Actor,
    alias: Alias,
    *,
    version: int | None,
    targets: Sequence[Share],
    fallback: Sequence[str] = (),
    comment: str = "",
) -> Alias:
    """Give an alias new targets. Raises ConflictError STALE, InvalidError."""
    actor.require(Role.OPERATOR)
    lock_version(alias, version)
    before = alias.current
    added = _version_add(actor, alias, targets, fallback, comment)
    noted = [before.number if before else None, added.number]
    _choose(actor, alias, added, "alias.edit", noted)
    return alias


@transaction.atomic
def alias_roll_back(actor: Actor, alias: Alias, *, version: int | None, number: int) -> Alias:
    """Choose an older version again. Raises NotFoundError; InvalidError ALIAS_EMPTY when it leads
    nowhere any more.
    """
    actor.require(Role.OPERATOR)
    lock_version(alias, version)
    chosen = alias.versions.filter(number=number).first()
    if chosen is None:
        raise NotFoundError("REVISION_UNKNOWN", params={"number": number})
    _check_targets_remain(chosen)
    before = alias.current.number if alias.current else None
    _choose(actor, alias, chosen, "alias.roll_back", [before, number])
    return alias


@transaction.atomic
def alias_delete(actor: Actor, alias: Alias, *, version: int | None) -> None:
    """Forget an alias and its versions; requests for its name are refused from then on."""
    actor.require(Role.OPERATOR)
    lock_version(alias, version)
    audit(actor, "alias.delete", alias)
    changed(alias)
    Alias.objects.filter(pk=alias.pk).update(current=None)
    alias.delete()


def _choose(
    actor: Actor, alias: Alias, version: AliasVersion, action: str, noted: list[Any]
) -> None:
    alias.current = version
    alias.save(update_fields=["current", "updated_at"])
    audit(actor, action, alias, {"version": noted})
    changed(alias)


def _version_add(
    actor: Actor, alias: Alias, targets: Sequence[Share], fallback: Sequence[str], comment: str
) -> AliasVersion:
    _check_shape(targets, fallback)
    known = _public_ids([*(share.deployment for share in targets), *fallback])
    last = alias.versions.order_by("-number").values_list("number", flat=True).first()
    return AliasVersion.objects.create(
        alias=alias,
        number=(last or 0) + 1,
        targets=[{"deployment": known[s.deployment], "weight": s.weight} for s in targets],
        fallback=[known[name] for name in fallback],
        comment=comment[:200],
        created_by_id=actor.user_id,
    )


def _check_shape(targets: Sequence[Share], fallback: Sequence[str]) -> None:
    """Raise InvalidError unless there is somebody to ask, once each, by weights that add up."""
    names = [share.deployment for share in targets]
    if not targets:
        raise InvalidError("ALIAS_EMPTY", fields={"targets": "FIELD_REQUIRED"})
    if len(targets) + len(fallback) > TARGETS_LIMIT:
        raise InvalidError("VALUE_OUT_OF_RANGE", fields={"targets": "VALUE_OUT_OF_RANGE"})
    if len({*names, *fallback}) != len(names) + len(fallback):
        raise InvalidError("ALIAS_TWICE", fields={"targets": "VALUE_INVALID"})
    if any(not 0 <= share.weight <= LARGEST_WEIGHT for share in targets):
        raise InvalidError("VALUE_OUT_OF_RANGE", fields={"targets": "VALUE_OUT_OF_RANGE"})
    if not any(share.weight for share in targets):
        raise InvalidError("ALIAS_EMPTY", fields={"targets": "VALUE_OUT_OF_RANGE"})


def _public_ids(names: Sequence[str]) -> dict[str, str]:
    rows = Deployment.objects.exclude(wish=Wish.DELETED).filter(name__in=names)
    known = {name: str(public_id) for name, public_id in rows.values_list("name", "public_id")}
    missing = sorted(set(names) - set(known))
    if missing:
        raise InvalidError(
            "MODEL_NAME_UNKNOWN",
            params={"names": ", ".join(missing)[:200]},
            fields={"targets": "MODEL_NAME_UNKNOWN"},
        )
    return known


def _check_targets_remain(version: AliasVersion) -> None:
    wanted = [target["deployment"] for target in version.targets]
    rows = Deployment.objects.exclude(wish=Wish.DELETED).filter(public_id__in=wanted)
    if not rows.exists():
        raise InvalidError("ALIAS_EMPTY", fields={"targets": "FIELD_REQUIRED"})
