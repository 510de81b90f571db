"""Aliases: model names that stand for deployments, by weight, with a fallback in order."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status
from pydantic import StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import In, MadeRowOut, Name, Out, ShortText, Version, VersionQuery
from models_app.models import Alias, AliasVersion
from models_app.selectors.aliases import (
    alias_get,
    aliases_visible,
    deployment_names,
    targets_of,
    versions_visible,
)
from models_app.services import aliases as services

router = Router(tags=["gateway"])

Weight = Annotated[StrictInt, Field(ge=0, le=services.LARGEST_WEIGHT)]


class ShareIn(In):
    """A deployment and its weight among the others."""

    deployment: Name
    weight: Weight = 1


class TargetsIn(In):
    """Whom an alias asks by weight, and whom in order when none of those can answer."""

    targets: list[ShareIn] = Field(max_length=services.TARGETS_LIMIT)
    fallback: list[Name] = Field(default_factory=list, max_length=services.TARGETS_LIMIT)
    comment: ShortText = ""


class AliasIn(TargetsIn):
    """An alias to be made; no deployment may have its name."""

    name: Name


class AliasEdit(TargetsIn):
    """A new version of an alias."""

    version: Version | None = None


class RollBackIn(In):
    """Which version to choose again."""

    version: Version | None = None
    number: StrictInt


class ShareOut(Out):
    """A deployment and its weight."""

    deployment: str
    weight: int


class AliasVersionOut(Out):
    """One version; deployments that are gone are left out."""

    number: int
    targets: list[ShareOut]
    fallback: list[str]
    comment: str
    created_at: datetime
    created_by: str


class AliasOut(MadeRowOut):
    """An alias as it stands."""

    name: str
    current: AliasVersionOut


class AliasPage(PageOut):
    """One page of aliases."""

    items: list[AliasOut]


class AliasVersionPage(PageOut):
    """One page of versions."""

    items: list[AliasVersionOut]


@router.get("", response=AliasPage, summary="List aliases")
def list_aliases(request: HttpRequest, page: Query[PageIn]) -> dict[str, Any]:
    """Return aliases by name."""
    found = page_of(aliases_visible(actor_of(request)), page, "name")
    names = deployment_names([row.current for row in found["items"]])
    return {**found, "items": [_out(row, names) for row in found["items"]]}


@router.post("", response={201: AliasOut}, summary="Create an alias")
def create_alias(request: HttpRequest, payload: AliasIn, response: HttpResponse) -> Status[Any]:
    """Make an alias (operator)."""
    row = services.alias_create(actor_of(request), name=payload.name, **_targets(payload))
    response["Location"] = f"{request.path}/{row.public_id}"
    return Status(201, _out(row))


@router.get("/{alias}", response=AliasOut, summary="Read an alias")
def read_alias(request: HttpRequest, alias: str) -> AliasOut:
    """Return one alias by id or name."""
    return _out(alias_get(actor_of(request), alias))


@router.put("/{alias}", response=AliasOut, summary="Change an alias")
def edit_alias(request: HttpRequest, alias: str, payload: AliasEdit) -> AliasOut:
    """Give an alias a new version (operator). Gateways follow within seconds."""
    actor = actor_of(request)
    row = alias_get(actor, alias)
    return _out(services.alias_edit(actor, row, version=payload.version, **_targets(payload)))


@router.delete("/{alias}", response={204: None}, summary="Remove an alias")
def delete_alias(request: HttpRequest, alias: str, seen: Query[VersionQuery]) -> Status[None]:
    """Remove an alias (operator); requests for its name are refused from then on."""
    actor = actor_of(request)
    services.alias_delete(actor, alias_get(actor, alias), version=seen.version)
    return Status(204, None)


@router.get("/{alias}/versions", response=AliasVersionPage, summary="List versions of an alias")
def list_alias_versions(request: HttpRequest, alias: str, page: Query[PageIn]) -> dict[str, Any]:
    """Return versions, newest first."""
    actor = actor_of(request)
    row = alias_get(actor, alias)
    found = page_of(versions_visible(actor, row), page, "-number")
    names = deployment_names(found["items"])
    return {**found, "items": [_version_out(row, one, names) for one in found["items"]]}


@router.post("/{alias}/roll-back", response=AliasOut, summary="Roll an alias back")
def roll_back_alias(request: HttpRequest, alias: str, payload: RollBackIn) -> AliasOut:
    """Choose an older version again (operator)."""
    actor = actor_of(request)
    row = alias_get(actor, alias)
    services.alias_roll_back(actor, row, version=payload.version, number=payload.number)
    return _out(row)


def _targets(payload: TargetsIn) -> dict[str, Any]:
    return {
        "targets": [services.Share(one.deployment, one.weight) for one in payload.targets],
        "fallback": payload.fallback,
        "comment": payload.comment,
    }


def _out(alias: Alias, names: Mapping[str, str] | None = None) -> AliasOut:
    current = alias.current
    assert current is not None  # null only while it is being made
    if names is None:
        names = deployment_names([current])
    return AliasOut(
        id=alias.public_id,
        version=alias.version,
        created_at=alias.created_at,
        updated_at=alias.updated_at,
        name=alias.name,
        current=_version_out(alias, current, names),
    )


def _version_out(alias: Alias, version: AliasVersion, names: Mapping[str, str]) -> AliasVersionOut:
    found = targets_of(alias, version, names)
    return AliasVersionOut(
        number=version.number,
        targets=[ShareOut(deployment=t.deployment, weight=t.weight) for t in found.targets],
        fallback=[t.deployment for t in found.fallback],
        comment=version.comment,
        created_at=version.created_at,
        created_by=version.created_by.name if version.created_by else "",
    )
