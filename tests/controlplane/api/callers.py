"""How the API's tests call it: with a bearer token, in JSON, through all of the middleware."""

import json
from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpResponse
from django.test import Client

from models_app.domain.states import Role
from models_app.models import User
from models_app.services.tokens import token_create
from tests.factories import actor_of

SCOPE = {Role.VIEWER: "read", Role.OPERATOR: "operate", Role.ADMIN: "admin"}
BASE = "/api/v1"


@dataclass(frozen=True, slots=True)
class Caller:
    """A script of one user, with a token as wide as the user's role or narrower."""

    user: User
    token: str
    client: Client

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """Send a request; a body goes as JSON. Headers: `Idempotency_Key="..."`."""
        content = b"" if body is None else json.dumps(body).encode()
        return self.send(method, path, content, **headers)

    def send(self, method: str, path: str, content: bytes, **headers: str) -> HttpResponse:
        """Send a request with a body as it is."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.client.generic(
            method,
            path if path.startswith(BASE) else BASE + path,
            content,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}", **sent},
        )
        return cast("HttpResponse", response)

    def get(self, path: str) -> Any:
        """Return the JSON of a GET that must succeed."""
        response = self.call("GET", path)
        assert response.status_code == 200, response.content
        return response.json()

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """Send a POST."""
        return self.call("POST", path, body, **headers)


def caller_of(user: User, role: Role | None = None) -> Caller:
    """A script of this user; `role` narrows its token."""
    scope = SCOPE[role or Role(user.role)]
    _, text = token_create(actor_of(user), name="tests", scopes=[scope])
    return Caller(user, text, Client(raise_request_exception=False))
