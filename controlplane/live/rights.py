"""Who is at the other end of a socket, and whether they still may be.

Channels resolves the user once, when the socket opens. Here the session is read again, so that a
person who signed out, was demoted or switched off loses what an open socket would still give.
"""

from typing import Any

from channels.auth import get_user
from django.utils import translation

from models_app.models import User

Scope = Any  # Channels' own type of it is not public


async def user_now(scope: Scope) -> User | None:
    """Return the session's user as the database has it now; None when nobody is signed in."""
    session = scope["session"]
    fresh: Scope = {"session": session.__class__(session.session_key)}
    return signed_in(await get_user(fresh))


def signed_in(user: Any) -> User | None:
    """Return the user when it is one that may use Slipway."""
    return user if isinstance(user, User) and user.is_active and user.is_set_up else None


def language_of(asked: object) -> str:
    """Return the language a page is written in, as its `lang` says; the default when unknown."""
    found = asked if isinstance(asked, str) else ""
    try:
        return translation.get_supported_language_variant(found)
    except LookupError:
        return translation.get_supported_language_variant("en")
