"""Tokens, sessions, and what does not help instead of them."""

import pytest
from django.test import Client

from models_app.models import User
from models_app.services.people import user_create, user_edit
from models_app.services.tokens import token_revoke
from tests.conftest import browser_of
from tests.controlplane.api.callers import BASE, Caller
from tests.factories import actor_of

HOSTS = f"{BASE}/hosts"


def test_a_token_is_taken_from_its_header_alone(viewer: Caller) -> None:
    client = Client()
    good = {"Authorization": f"Bearer {viewer.token}"}
    assert client.get(HOSTS, headers=good).status_code == 200
    assert client.get(HOSTS, headers={"Authorization": f"bearer {viewer.token}"}).status_code == 200
    for headers in (
        {"X-Api-Key": viewer.token},
        {"Authorization": viewer.token},
        {"Authorization": f"Token {viewer.token}"},
        {"Authorization": "Bearer "},
    ):
        assert client.get(HOSTS, headers=headers).status_code == 401
    assert client.get(HOSTS, {"token": viewer.token, "api_key": viewer.token}).status_code == 401


def test_a_bad_token_is_not_saved_by_a_good_session(alice: User) -> None:
    response = browser_of(alice).get(HOSTS, headers={"Authorization": "Bearer slip_x_y"})
    assert response.status_code == 401
    assert response.json()["code"] == "TOKEN_INVALID"


def test_revoked_and_disabled_end_at_once(admin: Caller, operator: Caller, alice: User) -> None:
    assert operator.call("GET", "/hosts").status_code == 200
    token = operator.user.tokens.get()
    token_revoke(actor_of(alice), token)
    assert operator.call("GET", "/hosts").status_code == 401
    user_edit(actor_of(alice), operator.user, version=None, role="admin")
    user_edit(actor_of(operator.user), alice, version=None, is_active=False)
    assert admin.call("GET", "/hosts").status_code == 401


def test_a_browser_with_its_csrf_token_may_change_things(bob: User) -> None:
    browser = browser_of(bob)
    secret = "a" * 32
    browser.cookies["slipway_csrf"] = secret

    def keep(**headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"title": "t", "content": {}}
        response = browser.post(
            f"{BASE}/chats", body, content_type="application/json", headers=sent
        )
        return response.status_code

    assert keep(X_CSRFToken=secret) == 201
    assert keep(X_CSRFToken=secret, Origin="http://testserver") == 201
    assert keep(X_CSRFToken=secret, Origin="https://evil.test") == 403
    assert keep(X_CSRFToken=secret, Origin="http://testserver:9999") == 403
    assert keep(X_CSRFToken="b" * 32) == 403
    assert keep() == 403


def test_an_account_that_is_not_set_up_is_sent_to_do_so_first(alice: User) -> None:
    user = user_create(actor_of(alice), name="dora", role="operator")
    response = browser_of(user).get(HOSTS)
    assert response.status_code == 403
    assert response.json()["code"] == "NOT_SET_UP"


def test_nothing_of_the_api_is_shared_with_other_origins(viewer: Caller) -> None:
    response = viewer.client.options(
        HOSTS,
        headers={"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"},
    )
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("page", ["docs", "openapi.json", ""])
def test_the_documentation_is_behind_the_sign_in(db: None, page: str) -> None:
    response = Client().get(f"{BASE}/{page}")
    assert response.status_code == 302
    assert "sign-in" in response.headers["Location"]


def test_the_caller_is_named_in_the_audit(admin: Caller) -> None:
    admin.post("/users", {"name": "dora", "role": "viewer"})
    entry = admin.get("/audit?action=user.create")["items"][0]
    assert (entry["by"], entry["via"], entry["address"]) == ("alice", "api", "127.0.0.1")
    assert entry["request_id"] != "-"
