"""Passwords: what one must be, and how a person changes their own."""

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError
from models_app.models import User
from models_app.notify import browsers
from models_app.selectors.people import user_of
from models_app.services.records import audit, changed
from models_app.services.sign_in import attempt_begin, attempts_forget

LONGEST = 1024  # characters; Argon2 is given no more

CODES = {
    "password_too_short": "PASSWORD_TOO_SHORT",
    "password_too_common": "PASSWORD_TOO_COMMON",
    "password_too_similar": "PASSWORD_TOO_SIMILAR",
}


def password_check(password: str, user: User) -> None:
    """Raise InvalidError unless the password is good enough for this user."""
    if len(password) > LONGEST:
        raise InvalidError("PASSWORD_TOO_LONG", fields={"password": "PASSWORD_TOO_LONG"})
    try:
        validate_password(password, user)
    except ValidationError as error:
        code = CODES.get(error.error_list[0].code or "", "PASSWORD_WEAK")
        raise InvalidError(code, fields={"password": code}) from None


def password_change(actor: Actor, *, current: str, new: str) -> User:
    """Change one's own password; every session ends, the caller begins a new one.

    Guessing the current password is as slow as guessing it at the sign-in.
    """
    user = user_of(actor)
    attempt_begin(user.name, actor.address)
    if not check_password(current, user.password):
        raise InvalidError("PASSWORD_WRONG", fields={"current": "PASSWORD_WRONG"})
    attempts_forget(user.name)
    password_check(new, user)
    with transaction.atomic():
        user.password = make_password(new)
        user.role_version += 1
        user.version += 1
        user.save(update_fields=["password", "role_version", "version", "updated_at"])
        audit(actor, "user.change_password", user)
        browsers.publish_revoked(user.public_id)
        changed(user)
    return user
