"""Changes of users: added, given a role, disabled, removed; each person's own profile.

A change of rights raises `role_version`, which is part of the hash that every session carries: all
sessions of that user end with the commit, in every process, and open sockets are told.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from models_app.domain.actors import SYSTEM, Actor
from models_app.domain.errors import ConflictError, InvalidError, NotAllowedError
from models_app.domain.names import check_name
from models_app.domain.states import Role
from models_app.models import User
from models_app.notify import browsers
from models_app.selectors.people import user_of
from models_app.services.gateway_keys import owner_changed, owner_leaves
from models_app.services.passwords import password_check
from models_app.services.records import audit, before_and_after, changed, lock_version

RIGHTS = {"role", "is_active"}
EDITABLE = RIGHTS | {"display_name"}
PROFILE = {"display_name", "language", "theme"}
THEMES = {"", "light", "dark"}
LANGUAGES = {"", "en", "it"}
DISPLAY_NAME_LENGTH = 100
FIRST_ADMIN = "admin"


@transaction.atomic
def user_create(
    actor: Actor, *, name: str, role: str, display_name: str = "", password: str | None = None
) -> User:
    """Add a user. Without a password the person comes in by a one-time link and chooses one."""
    actor.require(Role.ADMIN)
    check_name(name)
    _check_role(role)
    user = User(name=name, role=role, display_name=_checked_display_name(display_name))
    if password is None:
        user.set_unusable_password()
        user.is_set_up = False
    else:
        password_check(password, user)
        user.password = make_password(password)
    _insert(user)
    audit(actor, "user.create", user, {"role": [None, role]})
    changed(user)
    return user


@transaction.atomic
def user_edit(actor: Actor, user: User, *, version: int | None, **changes: Any) -> User:
    """Change role, is_active or display_name. Raises ConflictError LAST_ADMIN, STALE."""
    actor.require(Role.ADMIN)
    _check_known(changes, EDITABLE)
    if "role" in changes:
        _check_role(changes["role"])
    if "display_name" in changes:
        changes["display_name"] = _checked_display_name(changes["display_name"])
    _hold_admins(actor)
    lock_version(user, version)
    before = before_and_after(user, changes)
    if set(before) & RIGHTS:
        _check_admin_remains(user, changes)
        user.role_version += 1
        browsers.publish_revoked(user.public_id)
        owner_changed(user)
    return _save(actor, "user.edit", user, changes)


@transaction.atomic
def user_delete(actor: Actor, user: User, *, version: int | None) -> None:
    """Remove a user with keys, tokens and chats; the audit keeps what they did, by name."""
    actor.require(Role.ADMIN)
    _hold_admins(actor)
    lock_version(user, version)
    _check_admin_remains(user, {"is_active": False})
    audit(actor, "user.delete", user, {"role": [user.role, None]})
    browsers.publish_revoked(user.public_id)
    owner_leaves(actor, user)
    changed(user)
    user.delete()


@transaction.atomic
def user_sign_out_everywhere(actor: Actor, user: User) -> User:
    """End every session and socket of a user; their API tokens stay."""
    if actor.user_id != user.pk:
        actor.require(Role.ADMIN)
    lock_version(user, None)
    user.role_version += 1
    browsers.publish_revoked(user.public_id)
    return _save(actor, "user.sign_out_everywhere", user, {})


@transaction.atomic
def profile_edit(actor: Actor, **changes: Any) -> User:
    """Change one's own display name, language or theme."""
    _check_known(changes, PROFILE)
    if changes.get("theme", "") not in THEMES:
        raise InvalidError("VALUE_INVALID", fields={"theme": "VALUE_INVALID"})
    if changes.get("language", "") not in LANGUAGES:
        raise InvalidError("VALUE_INVALID", fields={"language": "VALUE_INVALID"})
    if "display_name" in changes:
        changes["display_name"] = _checked_display_name(changes["display_name"])
    user = user_of(actor)
    lock_version(user, None)
    return _save(actor, "profile.edit", user, changes)


@transaction.atomic
def set_up(actor: Actor, *, name: str, password: str, display_name: str = "") -> User:
    """Choose one's name and password after coming in by a link; possible once."""
    user = user_of(actor)
    if user.is_set_up:
        raise ConflictError("ALREADY_SET_UP")
    check_name(name)
    user.name = name
    password_check(password, user)
    lock_version(user, None)
    changes = {
        "name": name,
        "display_name": _checked_display_name(display_name),
        "is_set_up": True,
    }
    user.password = make_password(password)
    return _save(actor, "user.set_up", user, changes)


@transaction.atomic
def admin_ensure() -> User | None:
    """Make the first admin of an empty installation; None when there are users already."""
    if User.objects.exists():
        return None
    user = User(name=FIRST_ADMIN, role=Role.ADMIN, is_set_up=False)
    user.set_unusable_password()
    _insert(user)
    audit(SYSTEM, "user.create", user, {"role": [None, str(Role.ADMIN)]})
    return user


def _insert(user: User) -> None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise _name_taken(user.name) from None


def _save(actor: Actor, action: str, user: User, changes: Mapping[str, Any]) -> User:
    before = before_and_after(user, changes)
    for field, value in changes.items():
        setattr(user, field, value)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise _name_taken(user.name) from None
    audit(actor, action, user, before)
    changed(user)
    return user


def _name_taken(name: str) -> ConflictError:
    return ConflictError("NAME_TAKEN", params={"name": name}, fields={"name": "NAME_TAKEN"})


def _hold_admins(actor: Actor) -> None:
    """Hold every admin's row: of two admins who demote each other at once, one is refused.

    First of all, and in one order, so that the two do not wait for each other. Raises
    NotAllowedError for one who is no admin any more.
    """
    admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True)
    held = set(admins.order_by("pk").values_list("pk", flat=True))
    if actor.user_id is not None and actor.user_id not in held:
        raise NotAllowedError(params={"role": str(actor.role), "needed": str(Role.ADMIN)})


def _check_admin_remains(user: User, changes: Mapping[str, Any]) -> None:
    """Raise ConflictError unless some admin can still sign in after the changes."""
    stays = changes.get("role", user.role) == Role.ADMIN and changes.get(
        "is_active", user.is_active
    )
    others = User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=user.pk)
    if not stays and not others.exists():
        raise ConflictError("LAST_ADMIN", params={"name": user.name})


def _check_role(role: str) -> None:
    if role not in list(Role):
        raise InvalidError("ROLE_UNKNOWN", fields={"role": "ROLE_UNKNOWN"})


def _check_known(changes: Mapping[str, Any], known: set[str]) -> None:
    unknown = set(changes) - known
    if unknown:
        raise InvalidError("FIELD_UNKNOWN", fields=dict.fromkeys(sorted(unknown), "FIELD_UNKNOWN"))


def _checked_display_name(text: str) -> str:
    text = text.strip()
    if len(text) > DISPLAY_NAME_LENGTH or not text.isprintable():
        raise InvalidError("VALUE_INVALID", fields={"display_name": "VALUE_INVALID"})
    return text
