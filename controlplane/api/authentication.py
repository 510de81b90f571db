"""Who calls the API: a bearer token, or a browser's session with its CSRF token. Nobody else.

A request that carries an `Authorization` header is judged by it alone: a bad token is never saved
by a cookie that happens to be there.
"""

from typing import Any, cast

from django.http import HttpRequest
from ninja.utils import check_csrf

from controlplane.actors import actor_of_request, actor_of_user, address_of
from models_app.domain.actors import Actor
from models_app.domain.errors import NotAllowedError, NotSignedInError
from models_app.models import User
from models_app.services.tokens import token_check

VIA = "api"
SCHEME = "bearer"
_CACHED = "slipway_actor"


class SessionOrToken:
    """The authenticator of every operation. The instance's class name is the schema's name."""

    openapi_type = "http"
    openapi_scheme = SCHEME
    openapi_security_schema = {"type": "http", "scheme": SCHEME}
    csrf = True  # the documentation page then sends the CSRF token along

    def __call__(self, request: HttpRequest) -> Actor:
        """Return the actor. Raises NotSignedInError, NotAllowedError."""
        return authenticate(request)


def authenticate(request: HttpRequest) -> Actor:
    """Return who asks, found once per request. Raises NotSignedInError, NotAllowedError."""
    found: Actor | None = getattr(request, _CACHED, None)
    if found is None:
        header = request.headers.get("Authorization")
        found = _by_session(request) if header is None else _by_token(request, header)
        setattr(request, _CACHED, found)
    return found


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor of an operation that runs."""
    return cast("Any", request).auth  # type: ignore[no-any-return]


def _by_token(request: HttpRequest, header: str) -> Actor:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != SCHEME:
        raise NotSignedInError("TOKEN_INVALID")
    use = token_check(text.strip())
    return actor_of_user(use.user, via=VIA, address=address_of(request.META), role=use.role)


def _by_session(request: HttpRequest) -> Actor:
    actor = actor_of_request(request, via=VIA)
    if check_csrf(request) is not None:
        raise NotAllowedError("CSRF_FAILED")
    user = request.user
    if isinstance(user, User) and not user.is_set_up:
        raise NotAllowedError("NOT_SET_UP")
    return actor
