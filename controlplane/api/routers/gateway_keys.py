"""Gateway keys: what programs send to `/v1`. One's own, and for an admin everybody's."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status
from pydantic import StrictInt

from controlplane.api.authentication import actor_of
from controlplane.api.idempotency import shows_secret
from controlplane.api.paging import PageIn, PageOut, page_of
from controlplane.api.schemas import Flag, In, MadeRowOut, Name, Out, Version
from models_app.domain.gateway import KEY_LIMITS, KeyRoute, KeyStanding
from models_app.models import GatewayKey
from models_app.selectors.gateway_keys import facts_of, key_get, keys_visible, standing_of
from models_app.selectors.model_names import ModelNames, names_of_key, names_of_keys
from models_app.services import gateway_keys as services

router = Router(tags=["gateway"])


class LimitsIn(In):
    """How much may be asked; null is no limit."""

    requests_per_minute: StrictInt | None = None
    tokens_per_minute: StrictInt | None = None
    tokens_per_day: StrictInt | None = None
    concurrent_requests: StrictInt | None = None
    max_tokens_per_request: StrictInt | None = None


class LimitsOut(Out):
    """How much may be asked; null is no limit."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    tokens_per_day: int | None
    concurrent_requests: int | None
    max_tokens_per_request: int | None


class ScopeIn(In):
    """What a key opens."""

    every_model: Flag = Field(default=False, description="Admins only; also models to come.")
    deployments: list[Name] = Field(default_factory=list, max_length=services.NAMES_LIMIT)
    aliases: list[Name] = Field(default_factory=list, max_length=services.NAMES_LIMIT)
    routes: list[KeyRoute] = Field(default_factory=lambda: list(KeyRoute), max_length=10)


class ScopeOut(Out):
    """What a key opens, by name; what is gone is left out."""

    every_model: bool
    deployments: list[str]
    aliases: list[str]
    routes: list[KeyRoute]


class GatewayKeyIn(In):
    """A key to be made."""

    name: str = Field(max_length=services.NAME_LENGTH)
    scope: ScopeIn
    limits: LimitsIn = Field(
        default_factory=LimitsIn, description=f"Not named: {asdict(KEY_LIMITS)}."
    )
    days: StrictInt = Field(services.DEFAULT_DAYS, description="Until it expires, 365 at most.")
    ollama_face: Flag = Field(
        default=False, description="Also open Ollama's `/api/chat` and so on."
    )


class GatewayKeyPatch(In):
    """What is to change of a key; what is left out stays. Limits are replaced as a whole."""

    version: Version | None = None
    name: str | None = Field(None, max_length=services.NAME_LENGTH)
    scope: ScopeIn | None = None
    limits: LimitsIn | None = None
    ollama_face: Flag | None = None


class GatewayKeyFilters(PageIn):
    """Whose keys, and which."""

    everybodys: bool = Field(default=False, description="Admins only.")
    revoked: bool = Field(default=False, description="Those that were revoked, instead.")
    search: str = Field("", max_length=100)


class GatewayKeyOut(MadeRowOut):
    """A key; its text is never shown again."""

    key_id: str
    name: str
    owner: str
    standing: KeyStanding
    scope: ScopeOut
    limits: LimitsOut
    ollama_face: bool
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewGatewayKeyOut(GatewayKeyOut):
    """A key just made, with its text."""

    key: str


class GatewayKeyPage(PageOut):
    """One page of keys."""

    items: list[GatewayKeyOut]


@router.get("", response=GatewayKeyPage, summary="List gateway keys")
def list_gateway_keys(request: HttpRequest, filters: Query[GatewayKeyFilters]) -> dict[str, Any]:
    """Return keys, newest first."""
    rows = keys_visible(
        actor_of(request),
        everybodys=filters.everybodys,
        revoked=filters.revoked,
        search=filters.search,
    )
    found = page_of(rows, filters, "-id")
    names = names_of_keys(found["items"])
    return {**found, "items": [_out(row, names[row.pk]) for row in found["items"]]}


@router.post("", response={201: NewGatewayKeyOut}, summary="Create a gateway key")
@shows_secret
def create_gateway_key(
    request: HttpRequest, payload: GatewayKeyIn, response: HttpResponse
) -> Status[Any]:
    """Make a key of one's own (operator). `key` is shown this once; keep it."""
    row, text = services.gateway_key_create(
        actor_of(request),
        name=payload.name,
        scope=_scope(payload.scope),
        limits=payload.limits.model_dump(exclude_unset=True),
        days=payload.days,
        ollama_face=payload.ollama_face,
    )
    response["Location"] = f"{request.path}/{row.public_id}"
    out = _out(row, names_of_key(row)).model_dump()
    return Status(201, NewGatewayKeyOut(**out, key=text))


@router.get("/{key}", response=GatewayKeyOut, summary="Read a gateway key")
def read_gateway_key(request: HttpRequest, key: str) -> GatewayKeyOut:
    """Return one key by id or key id."""
    row = key_get(actor_of(request), key)
    return _out(row, names_of_key(row))


@router.patch("/{key}", response=GatewayKeyOut, summary="Change a gateway key")
def edit_gateway_key(request: HttpRequest, key: str, payload: GatewayKeyPatch) -> GatewayKeyOut:
    """Change what a key opens and how much; its text stays the same."""
    actor = actor_of(request)
    row = services.gateway_key_edit(
        actor,
        key_get(actor, key),
        version=payload.version,
        name=payload.name,
        scope=_scope(payload.scope) if payload.scope else None,
        limits=payload.limits.model_dump(exclude_unset=True) if payload.limits else None,
        ollama_face=payload.ollama_face,
    )
    return _out(row, names_of_key(row))


@router.delete("/{key}", response={204: None}, summary="Revoke a gateway key")
def revoke_gateway_key(request: HttpRequest, key: str) -> Status[None]:
    """Make a key useless, everywhere within seconds."""
    actor = actor_of(request)
    services.gateway_key_revoke(actor, key_get(actor, key))
    return Status(204, None)


def _scope(payload: ScopeIn) -> services.KeyScope:
    return services.KeyScope(**payload.model_dump())


def _out(row: GatewayKey, names: ModelNames) -> GatewayKeyOut:
    facts = facts_of(row)
    return GatewayKeyOut(
        id=row.public_id,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        key_id=row.key_id,
        name=row.name,
        owner=row.owner.name if row.owner else "",
        standing=standing_of(row),
        scope=ScopeOut(
            every_model=row.every_model,
            deployments=names.deployments,
            aliases=names.aliases,
            routes=sorted(facts.routes, key=list(KeyRoute).index),
        ),
        limits=LimitsOut(**asdict(facts.limits)),
        ollama_face=row.ollama_face,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
