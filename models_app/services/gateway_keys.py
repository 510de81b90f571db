"""Keys of the gateway: `slip_<id>_<secret>`, shown once, kept as an HMAC.

A key never opens more than its owner may use, checked when it is made and each time it is read: an
owner who is disabled or demoted takes every key along. Every change is hinted to the gateways, so
that a revoked key opens nothing within seconds; without the hint they read keys again by time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import token_hex
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError, NotAllowedError
from models_app.domain.gateway import (
    KEY_LIMITS,
    KEY_PREFIX,
    GatewayKeyFacts,
    KeyRoute,
    as_values,
    limits_of,
)
from models_app.domain.states import Role, Wish
from models_app.models import Alias, Deployment, GatewayKey, User
from models_app.notify import browsers
from models_app.selectors.gateway_keys import role_needed
from models_app.selectors.people import user_of
from models_app.services.keyed_digests import keyed_digest, new_secret, same_digest
from models_app.services.records import audit, lock_version

PURPOSE = "gateway-key"
DEFAULT_DAYS = 90
LONGEST_DAYS = 365
NAME_LENGTH = 100
NAMES_LIMIT = 200  # deployments or aliases in one scope


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What a key opens: models by name, or every model that is and will be; kinds of requests."""

    every_model: bool = False
    deployments: Sequence[str] = ()
    aliases: Sequence[str] = ()
    routes: Sequence[str] = field(default_factory=lambda: [str(route) for route in KeyRoute])


@transaction.atomic
def gateway_key_create(
    actor: Actor,
    *,
    name: str,
    scope: KeyScope,
    limits: Mapping[str, Any] | None = None,
    days: int = DEFAULT_DAYS,
    ollama_face: bool = False,
) -> tuple[GatewayKey, str]:
    """Make a key of one's own; its text is returned this once. Raises InvalidError.

    `limits` not named are those of KEY_LIMITS; a limit of None is none.
    """
    actor.require(Role.OPERATOR)
    _check_name(name)
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidError("VALUE_OUT_OF_RANGE", fields={"days": "VALUE_OUT_OF_RANGE"})
    secret = new_secret()
    key = GatewayKey(
        owner=user_of(actor),
        name=name.strip(),
        key_id=token_hex(6),
        secret_hmac=keyed_digest(PURPOSE, secret),
        limits=as_values(limits_of(limits or {}, KEY_LIMITS)),
        ollama_face=ollama_face,
        expires_at=timezone.now() + timedelta(days=days),
        **_checked_scope(actor, scope),
    )
    key.save()
    audit(actor, "gateway_key.create", key, {"scope": [None, scope_of(key)]})
    browsers.publish_key_changed(key.key_id)
    return key, f"{KEY_PREFIX}_{key.key_id}_{secret}"


@transaction.atomic
def gateway_key_edit(  # noqa: PLR0913 - each a field of the form
    actor: Actor,
    key: GatewayKey,
    *,
    version: int | None,
    name: str | None = None,
    scope: KeyScope | None = None,
    limits: Mapping[str, Any] | None = None,
    ollama_face: bool | None = None,
) -> GatewayKey:
    """Change what a key opens and how much; what is None stays. Its text stays the same."""
    _check_may_change(actor, key)
    before = {"name": key.name, "scope": scope_of(key), "limits": key.limits}
    lock_version(key, version)
    if name is not None:
        _check_name(name)
        key.name = name.strip()
    if limits is not None:
        key.limits = as_values(limits_of(limits))
    if ollama_face is not None:
        key.ollama_face = ollama_face
    if scope is not None:
        for column, value in _checked_scope(actor, scope).items():
            setattr(key, column, value)
    key.save()
    after = {"name": key.name, "scope": scope_of(key), "limits": key.limits}
    changes = {k: [before[k], after[k]] for k in before if before[k] != after[k]}
    audit(actor, "gateway_key.edit", key, changes)
    browsers.publish_key_changed(key.key_id)
    return key


@transaction.atomic
def gateway_key_revoke(actor: Actor, key: GatewayKey) -> GatewayKey:
    """Make a key useless at once. One's own, or anybody's for an admin."""
    if key.owner_id is None or key.owner_id != actor.user_id:
        actor.require(Role.ADMIN)
    if key.revoked_at is None:
        lock_version(key, None)
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at", "updated_at"])
        audit(actor, "gateway_key.revoke", key)
        browsers.publish_key_changed(key.key_id)
    return key


def owner_changed(user: User) -> None:
    """Have the gateways read a user's keys again: rights have changed. Inside a transaction."""
    for key_id in GatewayKey.objects.filter(owner=user, revoked_at=None).values_list(
        "key_id", flat=True
    ):
        browsers.publish_key_changed(key_id)


def owner_leaves(actor: Actor, user: User) -> None:
    """Revoke every key of a user who is about to be removed. Inside a transaction."""
    for key in GatewayKey.objects.filter(owner=user, revoked_at=None):
        gateway_key_revoke(actor, key)


def secret_matches(facts: GatewayKeyFacts | None, secret: str) -> bool:
    """Return whether the secret is this key's, in constant time; False, as slowly, of no key."""
    kept = facts.digest if facts else "0" * 64
    return same_digest(keyed_digest(PURPOSE, secret), kept) and facts is not None


def scope_of(key: GatewayKey) -> dict[str, Any]:
    """Return what a key opens, as the audit keeps it."""
    return {
        "every_model": key.every_model,
        "deployments": list(key.deployments),
        "aliases": list(key.aliases),
        "routes": list(key.routes),
        "ollama_face": key.ollama_face,
    }


def _checked_scope(actor: Actor, scope: KeyScope) -> dict[str, Any]:
    """Return the columns of a scope: names become public ids. Raises InvalidError."""
    needed = role_needed(every_model=scope.every_model)
    if not actor.role.allows(needed):
        raise NotAllowedError(
            "KEY_SCOPE_TOO_WIDE",
            params={"needed": str(needed), "role": str(actor.role)},
            fields={"every_model": "KEY_SCOPE_TOO_WIDE"},
        )
    routes = [str(route) for route in KeyRoute if route in scope.routes]
    if not routes or set(scope.routes) - set(routes):
        raise InvalidError("KEY_ROUTE_UNKNOWN", fields={"routes": "VALUE_INVALID"})
    if not (scope.every_model or scope.deployments or scope.aliases):
        raise InvalidError("KEY_SCOPE_EMPTY", fields={"deployments": "FIELD_REQUIRED"})
    deployments = Deployment.objects.exclude(wish=Wish.DELETED)
    found = dict(deployments.filter(name__in=scope.deployments).values_list("name", "public_id"))
    aliases = dict(Alias.objects.filter(name__in=scope.aliases).values_list("name", "public_id"))
    return {
        "every_model": scope.every_model,
        "deployments": _ids("deployments", scope.deployments, found),
        "aliases": _ids("aliases", scope.aliases, aliases),
        "routes": routes,
    }


def _ids(place: str, names: Collection[str], known: Mapping[str, UUID]) -> list[str]:
    if len(names) > NAMES_LIMIT:
        raise InvalidError("VALUE_OUT_OF_RANGE", fields={place: "VALUE_OUT_OF_RANGE"})
    missing = sorted({name for name in names if name not in known})
    if missing:
        raise InvalidError(
            "MODEL_NAME_UNKNOWN",
            params={"names": ", ".join(missing)[:200]},
            fields={place: "MODEL_NAME_UNKNOWN"},
        )
    return [str(known[name]) for name in dict.fromkeys(names)]


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidError("VALUE_INVALID", fields={"name": "VALUE_INVALID"})


def _check_may_change(actor: Actor, key: GatewayKey) -> None:
    """Only an owner widens a key: a change by somebody else would give away their own rights."""
    actor.require(Role.OPERATOR)
    if key.owner_id is None or key.owner_id != actor.user_id:
        actor.require(Role.ADMIN)
