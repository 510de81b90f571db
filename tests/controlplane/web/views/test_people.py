"""Users, tokens, profile and the audit log through their pages."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from models_app.domain.states import Role
from models_app.models import ApiToken, AuditEntry, User
from models_app.services.tokens import token_check
from tests import factories
from tests.controlplane.web.posting import post


def test_a_new_user_gets_a_link_that_is_shown_once(alice_browser: Client) -> None:
    data = {"name": "dora", "display_name": "Dora D.", "role": "operator"}
    html = post(alice_browser, "/new/user", data).content.decode()
    link = re.search(r'id="sign-in-link">https?://[^/]+(/sign-in/link/[^<]+)<', html)
    assert link
    fresh = Client()
    assert fresh.post(link[1])["Location"] == "/first-run"
    assert User.objects.get(name="dora").role == Role.OPERATOR
    assert link[1] not in alice_browser.get("/users/dora/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"name": "alice"}, "taken"), ({"name": "A B"}, "lower-case"), ({"role": "king"}, "valid")],
)
def test_a_user_that_cannot_be_is_refused(
    alice_browser: Client, wrong: dict[str, Any], words: str
) -> None:
    response = post(alice_browser, "/new/user", {"name": "dora", "role": "viewer", **wrong})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert User.objects.count() == 1


def test_roles_change_and_the_last_admin_stays(
    alice_browser: Client, charlie: User, charlie_browser: Client
) -> None:
    data = {"display_name": "C", "role": "operator", "is_active": "on", "version": "1"}
    assert post(alice_browser, "/users/charlie/", data)["Location"] == "/users/"
    charlie.refresh_from_db()
    assert charlie.role == Role.OPERATOR
    assert charlie_browser.get("/").status_code == 302, "other rights, another session"
    refused = post(alice_browser, "/users/alice/", {**data, "role": "viewer"})
    assert refused.status_code == 422
    assert "the last admin" in refused.content.decode()


def test_sessions_end_and_users_go(alice_browser: Client, bob: User, bob_browser: Client) -> None:
    assert bob_browser.get("/").status_code == 200
    post(alice_browser, "/users/bob/sign-out")
    assert bob_browser.get("/").status_code == 302
    refused = post(alice_browser, "/users/bob/delete", {"confirm_name": "x"}, htmx=True)
    assert refused.status_code == 422
    post(alice_browser, "/users/bob/delete", {"confirm_name": "bob"})
    assert not User.objects.filter(name="bob").exists()
    assert AuditEntry.objects.filter(action="user.delete", subject_name="bob").exists()


def test_a_new_link_replaces_the_old(alice_browser: Client, bob: User) -> None:
    html = post(alice_browser, "/users/bob/link").content.decode()
    assert "/sign-in/link/" in html


@pytest.mark.parametrize("browser", ["bob_browser", "charlie_browser"])
@pytest.mark.parametrize(
    "address", ["/new/user", "/users/alice/", "/users/alice/link", "/users/alice/delete"]
)
def test_users_are_an_admins_business(
    request: pytest.FixtureRequest, alice: User, browser: str, address: str
) -> None:
    client: Client = request.getfixturevalue(browser)
    data = {"name": "evil", "role": "admin", "confirm_name": "alice", "version": "1"}
    assert post(client, address, data).status_code in (403, 404)
    assert User.objects.filter(name="alice", role=Role.ADMIN).exists()
    assert not User.objects.filter(name="evil").exists()


def test_a_token_is_shown_once_and_works_until_revoked(bob_browser: Client) -> None:
    data = {"name": "cron", "scope": "operate", "days": "30"}
    html = post(bob_browser, "/tokens/", data).content.decode()
    secret = re.search(r'id="new-token">(slip_[^<]+)<', html)
    assert secret
    assert token_check(secret[1]).role == Role.OPERATOR
    assert secret[1] not in bob_browser.get("/tokens/").content.decode()
    token = ApiToken.objects.get()
    assert token.scopes == ["read", "operate"]
    post(bob_browser, reverse("web:token-revoke", args=[token.public_id]))
    token.refresh_from_db()
    assert token.revoked_at


def test_a_token_never_may_more_than_its_owner(charlie_browser: Client) -> None:
    html = charlie_browser.get("/tokens/").content.decode()
    assert 'value="admin"' not in html
    response = post(charlie_browser, "/tokens/", {"name": "x", "scope": "admin", "days": "30"})
    assert response.status_code == 422
    assert not ApiToken.objects.exists()


def test_tokens_of_others_are_unknown(bob_browser: Client, charlie_browser: Client) -> None:
    post(bob_browser, "/tokens/", {"name": "cron", "scope": "read", "days": "30"})
    token = ApiToken.objects.get()
    assert "cron" not in charlie_browser.get("/tokens/?of=everybody").content.decode()
    address = reverse("web:token-revoke", args=[token.public_id])
    assert post(charlie_browser, address).status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_the_profile_keeps_language_and_theme(charlie_browser: Client, charlie: User) -> None:
    data = {"display_name": "Charlie", "language": "it", "theme": "dark"}
    response = post(charlie_browser, "/profile/", data)
    assert response.cookies["slipway_theme"].value == "dark"
    html = charlie_browser.get("/profile/").content.decode()
    assert 'lang="it"' in html
    assert 'data-theme="dark"' in html
    switched = post(charlie_browser, "/language", {"language": "en", "next": "/profile/"})
    assert switched["Location"] == "/profile/"
    assert 'lang="en"' in charlie_browser.get("/profile/").content.decode()


def test_the_password_is_changed_with_the_one_before(bob: User, bob_browser: Client) -> None:
    other = Client()
    other.force_login(bob)
    new = {"password": "another good one", "again": "another good one"}
    wrong = post(bob_browser, "/profile/password", {**new, "current": "guess"})
    assert wrong.status_code == 422
    assert "current password is wrong" in wrong.content.decode()
    done = post(bob_browser, "/profile/password", {**new, "current": factories.PASSWORD})
    assert done["Location"] == "/profile/"
    assert bob_browser.get("/").status_code == 200, "this session goes on"
    assert other.get("/").status_code == 302, "the others end"


def test_other_sessions_are_ended_from_the_profile(bob: User, bob_browser: Client) -> None:
    other = Client()
    other.force_login(bob)
    post(bob_browser, "/profile/sign-out-everywhere")
    assert bob_browser.get("/").status_code == 200
    assert other.get("/").status_code == 302


def test_the_audit_log_tells_what_changed_from_where(alice_browser: Client) -> None:
    factories.make_host("till-1")
    data = {"name": "till-1", "labels": "site=rome", "memory_budget": "", "version": "1"}
    post(alice_browser, "/hosts/till-1/edit", data)
    html = alice_browser.get("/audit/?action=host.").content.decode()
    assert "host.edit" in html
    assert "Labels" in html
    assert "127.0.0.1" in html
    assert 'href="/hosts/till-1/"' in html
    assert "host.edit" not in alice_browser.get("/audit/?action=user.").content.decode()
    assert "host.edit" in alice_browser.get("/audit/?by=alice").content.decode()
    assert "Nothing matches" in alice_browser.get("/audit/?by=nobody").content.decode()
