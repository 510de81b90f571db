"""Browser sessions: begun with a new key, ended after an hour of silence or twelve hours at most.

What ends them at once (a new password, another role, disabled) is part of the hash in each session,
see `User._get_session_auth_hash`.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse

from models_app.models import User

IDLE_S = 3600
ABSOLUTE_S = 12 * 3600
NOTE_EVERY_S = 60
BEGUN_AT = "begun_at"
SEEN_AT = "seen_at"
BACKEND = "django.contrib.auth.backends.ModelBackend"


class Session(Protocol):
    """What is used of Django's session, a request's or a socket's."""

    def get(self, key: str, default: Any, /) -> Any:
        """Return a value of the session."""

    def __setitem__(self, key: str, value: Any, /) -> None:
        """Set a value of the session."""


def session_begin(request: HttpRequest, user: User) -> None:
    """Sign the user in, under a new session key and with a new CSRF token."""
    request.session.flush()
    login(request, user, backend=BACKEND)
    session_note(request.session)


def session_keep(request: HttpRequest, user: User) -> None:
    """Keep this one session after its user's own change of password ended them all."""
    update_session_auth_hash(request, user)


def session_end(request: HttpRequest) -> None:
    """Sign out: the session row is deleted, the cookie is worth nothing."""
    logout(request)


def session_is_over(session: Session, now: float | None = None) -> bool:
    """Return whether the session has been silent, or there, for too long."""
    now = time.time() if now is None else now
    begun, seen = session.get(BEGUN_AT, now), session.get(SEEN_AT, now)
    return bool(now - begun >= ABSOLUTE_S or now - seen >= IDLE_S)


def session_note(session: Session, now: float | None = None) -> bool:
    """Note that the session is used, at most once a minute; return whether that was written."""
    now = time.time() if now is None else now
    if session.get(BEGUN_AT, None) is None:
        session[BEGUN_AT] = int(now)
    elif now - session.get(SEEN_AT, 0) < NOTE_EVERY_S:
        return False
    session[SEEN_AT] = int(now)
    return True


class SessionLifeMiddleware:
    """Ends sessions that are over before any view sees their user."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Sign out when the session is over, else note that it is used."""
        if request.user.is_authenticated:
            if session_is_over(request.session):
                logout(request)
            else:
                session_note(request.session)
        return self.get_response(request)
