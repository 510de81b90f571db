"""Reads of users and of API tokens."""

from uuid import UUID

from django.db.models import Q, QuerySet

from models_app.domain.actors import Actor
from models_app.domain.errors import NotFoundError
from models_app.domain.states import Role
from models_app.models import ApiToken, User
from models_app.selectors.lookup import row_by_ref


def users_visible(
    actor: Actor, *, role: str | None = None, search: str | None = None
) -> QuerySet[User]:
    """Return the users, by name: all for an admin, oneself for everybody else."""
    actor.require(Role.VIEWER)
    rows = User.objects.all()
    if not actor.role.allows(Role.ADMIN):
        rows = rows.filter(pk=actor.user_id or 0)
    if role:
        rows = rows.filter(role=role)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(display_name__icontains=search))
    return rows.order_by("name")


def user_get(actor: Actor, ref: str | UUID) -> User:
    """Return one user by public id or name. Raises NotFoundError."""
    return row_by_ref(users_visible(actor), "user", ref, name_field="name")


def user_of(actor: Actor) -> User:
    """Return the user that the actor is. Raises NotFoundError."""
    found = User.objects.filter(pk=actor.user_id or 0, is_active=True).first()
    if found is None:
        raise NotFoundError(params={"kind": "user", "ref": actor.name})
    return found


def tokens_visible(actor: Actor, *, everybodys: bool = False) -> QuerySet[ApiToken]:
    """Return API tokens that are not revoked, newest first: one's own, or all for an admin."""
    actor.require(Role.VIEWER)
    rows = ApiToken.objects.filter(revoked_at=None).select_related("user")
    if everybodys:
        actor.require(Role.ADMIN)
    else:
        rows = rows.filter(user=actor.user_id)
    return rows.order_by("-created_at", "-id")


def token_get(actor: Actor, ref: str | UUID) -> ApiToken:
    """Return one token by public id or key id; an admin finds everybody's. NotFoundError."""
    rows = tokens_visible(actor, everybodys=actor.role.allows(Role.ADMIN))
    return row_by_ref(rows, "token", ref, name_field="key_id")
