"""Reads of gateway keys: for the gateway, which checks access itself, and for people."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from models_app.domain.actors import Actor
from models_app.domain.gateway import GatewayKeyFacts, KeyRoute, KeyStanding, Limits
from models_app.domain.states import Role
from models_app.models import GatewayKey
from models_app.selectors.lookup import row_by_ref

KEY_ID_LENGTH = 16


def key_by_id(key_id: str) -> GatewayKeyFacts | None:
    """Return what the gateway must know of a key; None when there is none. One query."""
    if not key_id.isalnum():  # PostgreSQL refuses text that holds a NUL
        return None
    key = GatewayKey.objects.select_related("owner").filter(key_id=key_id[:16]).first()
    return None if key is None else facts_of(key)


def keys_by_ids(key_ids: Collection[str]) -> dict[str, GatewayKeyFacts]:
    """Return what the gateway must know of several keys; those that do not exist are left out."""
    wanted = [key_id for key_id in key_ids if len(key_id) <= KEY_ID_LENGTH]
    keys = GatewayKey.objects.select_related("owner").filter(key_id__in=wanted)
    return {key.key_id: facts_of(key) for key in keys}


def facts_of(key: GatewayKey) -> GatewayKeyFacts:
    """Return a key as the gateway knows it."""
    return GatewayKeyFacts(
        id=key.key_id,
        row_id=key.pk,
        digest=key.secret_hmac,
        name=key.name,
        every_model=key.every_model,
        deployments=frozenset(key.deployments),
        aliases=frozenset(key.aliases),
        routes=frozenset(KeyRoute(route) for route in key.routes),
        limits=Limits(**key.limits),
        ollama_face=key.ollama_face,
        is_backed=_is_backed(key),
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )


def standing_of(key: GatewayKey, now: datetime | None = None) -> KeyStanding:
    """Return whether a key is good, and why not."""
    return facts_of(key).standing(now or timezone.now())


def role_needed(*, every_model: bool) -> Role:
    """Return the role that its owner must have: what does not exist yet is the admin's to open."""
    return Role.ADMIN if every_model else Role.OPERATOR


def keys_visible(
    actor: Actor, *, everybodys: bool = False, revoked: bool = False, search: str | None = None
) -> QuerySet[GatewayKey]:
    """Return gateway keys, newest first: one's own, or everybody's for an admin."""
    actor.require(Role.VIEWER)
    rows = GatewayKey.objects.select_related("owner").filter(revoked_at__isnull=not revoked)
    if everybodys:
        actor.require(Role.ADMIN)
    else:
        rows = rows.filter(owner=actor.user_id or 0)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(key_id__icontains=search))
    return rows.order_by("-created_at", "-id")


def key_get(actor: Actor, ref: str | UUID) -> GatewayKey:
    """Return one key by public id or key id; an admin finds everybody's. Raises NotFoundError."""
    actor.require(Role.VIEWER)
    rows = GatewayKey.objects.select_related("owner")
    if not actor.role.allows(Role.ADMIN):
        rows = rows.filter(owner=actor.user_id or 0)
    return row_by_ref(rows, "gateway_key", ref, name_field="key_id")


def _is_backed(key: GatewayKey) -> bool:
    owner = key.owner
    if owner is None or not owner.is_active:
        return False
    return Role(owner.role).allows(role_needed(every_model=key.every_model))
