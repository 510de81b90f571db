"""Bearer tokens of the REST API: `slip_<id>_<secret>`, shown once, kept as an HMAC.

A token never allows more than its scopes and its user's role, checked when it is made and each time
it is used: a user who is demoted or disabled takes every token along.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError, NotAllowedError, NotSignedInError
from models_app.domain.states import Role
from models_app.models import ApiToken, User
from models_app.selectors.instance import instance_settings
from models_app.selectors.people import user_of
from models_app.services.keyed_digests import keyed_digest, new_secret, same_digest
from models_app.services.records import audit

PREFIX = "slip"
PURPOSE = "api-token"
SCOPES = {"read": Role.VIEWER, "operate": Role.OPERATOR, "admin": Role.ADMIN}
DEFAULT_DAYS = 90
LONGEST_DAYS = 365
NAME_LENGTH = 100
USED_NOTE_EVERY = timedelta(minutes=1)
_NOBODY = "0" * 64


@dataclass(frozen=True, slots=True)
class TokenUse:
    """A good token, whose it is, and what it may do now."""

    token: ApiToken
    user: User
    role: Role


@transaction.atomic
def token_create(
    actor: Actor, *, name: str, scopes: Sequence[str], days: int | None = None
) -> tuple[ApiToken, str]:
    """Make a token of one's own; the text is returned this once. Raises InvalidError.

    Without `days` it lives DEFAULT_DAYS, or as long as the installation's rules let it.
    """
    actor.require(Role.VIEWER)
    _check_scopes(actor, scopes)
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidError("VALUE_INVALID", fields={"name": "VALUE_INVALID"})
    longest = min(LONGEST_DAYS, instance_settings().token_days)
    days = min(DEFAULT_DAYS, longest) if days is None else days
    if not 1 <= days <= longest:
        raise InvalidError("VALUE_OUT_OF_RANGE", fields={"days": "VALUE_OUT_OF_RANGE"})
    secret = new_secret()
    token = ApiToken.objects.create(
        user=user_of(actor),
        name=name.strip(),
        key_id=token_hex(6),
        secret_hmac=keyed_digest(PURPOSE, secret),
        scopes=sorted(set(scopes), key=list(SCOPES).index),
        expires_at=timezone.now() + timedelta(days=days),
    )
    audit(actor, "token.create", token, {"scopes": [None, token.scopes]})
    return token, f"{PREFIX}_{token.key_id}_{secret}"


@transaction.atomic
def token_revoke(actor: Actor, token: ApiToken) -> ApiToken:
    """Make a token useless at once. One's own, or anybody's for an admin."""
    if token.user_id != actor.user_id:
        actor.require(Role.ADMIN)
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.version += 1
        token.save(update_fields=["revoked_at", "version", "updated_at"])
        audit(actor, "token.revoke", token)
    return token


def token_check(text: str) -> TokenUse:
    """Return what a bearer token allows now. Raises NotSignedInError TOKEN_INVALID.

    Unknown, revoked, expired and a disabled user's are told alike.
    """
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    is_sound = key_id.isalnum()  # PostgreSQL refuses text that holds a NUL
    rows = ApiToken.objects.select_related("user").filter(key_id=key_id[:16])
    token = rows.first() if is_sound else None
    kept = token.secret_hmac if token else _NOBODY
    is_same = same_digest(keyed_digest(PURPOSE, secret), kept)
    if token is None or prefix != PREFIX or not is_same or not _is_good(token):
        raise NotSignedInError("TOKEN_INVALID")
    _note_use(token)
    return TokenUse(token, token.user, min(_widest(token.scopes), Role(token.user.role), key=_rank))


def _is_good(token: ApiToken) -> bool:
    now: datetime = timezone.now()
    in_time = token.expires_at is None or token.expires_at > now
    return token.revoked_at is None and in_time and token.user.is_active


def _note_use(token: ApiToken) -> None:
    """Write the time of use, at most once a minute, however many requests come."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USED_NOTE_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_NOTE_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def _check_scopes(actor: Actor, scopes: Sequence[str]) -> None:
    if not scopes or set(scopes) - set(SCOPES):
        raise InvalidError("SCOPE_UNKNOWN", fields={"scopes": "SCOPE_UNKNOWN"})
    needed = _widest(scopes)
    if not actor.role.allows(needed):
        raise NotAllowedError(
            "SCOPE_TOO_WIDE",
            params={"needed": str(needed), "role": str(actor.role)},
            fields={"scopes": "SCOPE_TOO_WIDE"},
        )


def _widest(scopes: Sequence[str]) -> Role:
    return max((SCOPES[scope] for scope in scopes), key=_rank)


def _rank(role: Role) -> int:
    return list(Role).index(role)
