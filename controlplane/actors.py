"""Who asks: the one place that makes an Actor, for pages, the API and sockets alike."""

from typing import Any

from django.http import HttpRequest

from controlplane.logs import request_id
from models_app.domain.actors import Actor
from models_app.domain.errors import NotSignedInError
from models_app.domain.states import Role
from models_app.models import User


def actor_of_request(request: HttpRequest, via: str = "page") -> Actor:
    """Return the actor of a request with a session. Raises NotSignedInError."""
    return actor_of_user(request.user, via=via, address=address_of(request.META))


def actor_of_user(user: object, *, via: str, address: str = "", role: Role | None = None) -> Actor:
    """Return the actor of a signed-in user; `role` narrows it (a token's scopes do)."""
    if not isinstance(user, User) or not user.is_active:
        raise NotSignedInError
    return Actor(
        user_id=user.pk,
        name=user.name,
        role=role or Role(user.role),
        via=via,
        address=address,
        request_id=request_id.get(),
    )


def address_of(meta: dict[str, Any]) -> str:
    """Return the address that the connection came from.

    What a client says of itself (X-Forwarded-For) is not believed; a proxy that is to be believed
    is named to the web server, which then sets REMOTE_ADDR.
    """
    return str(meta.get("REMOTE_ADDR") or "")[:45]


def address_of_scope(scope: dict[str, Any]) -> str:
    """Return the same of an ASGI scope: a socket's."""
    client = scope.get("client") or ("",)
    return str(client[0])[:45]
