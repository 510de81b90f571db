"""Every page: empty, with data and failing; for each role; within its budget of queries."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from models_app.models import User
from tests.controlplane.web import fleet
from tests.controlplane.web.spoken import spoken, untranslated

QUERIES = 10  # session and user included


def pages(row: fleet.Fleet) -> dict[str, str]:
    """Return the address of every page that a signed-in admin can open."""
    d, h, m, o = row.deployment.name, row.host.name, row.model.name, row.ollama.name
    tabs = ("replicas", "logs", "metrics", "revisions", "connect", "settings", "edit")
    return {
        "overview": reverse("web:overview"),
        "deployments": reverse("web:deployments"),
        "deployment": reverse("web:deployment", args=[d]),
        **{f"deployment {tab}": reverse(f"web:deployment-{tab}", args=[d]) for tab in tabs},
        "new deployment": reverse("web:deployment-new"),
        "hosts": reverse("web:hosts"),
        "host": reverse("web:host", args=[h]),
        "edit host": reverse("web:host-edit", args=[h]),
        "new host": reverse("web:host-new"),
        "import hosts": reverse("web:host-import"),
        "host models": reverse("web:host-models", args=[o]),
        "host model": reverse("web:host-model", args=[o, row.host_model.public_id]),
        "variant": reverse("web:host-variant", args=[o]) + "?from=tiny:1",
        "variant as text": reverse("web:host-variant", args=[o]) + "?from=tiny:1&as=text",
        "models": reverse("web:models"),
        "model": reverse("web:model", args=[m]),
        "edit model": reverse("web:model-edit", args=[m]),
        "import": reverse("web:model-import"),
        "operations": reverse("web:operations"),
        "operation": reverse("web:operation", args=[row.operation.public_id]),
        "usage": reverse("web:gateway"),
        "usage by key": reverse("web:gateway") + "?by=key&range=30d",
        "gateway keys": reverse("web:gateway-keys"),
        "gateway key": reverse("web:gateway-key", args=[row.key.key_id]),
        "edit gateway key": reverse("web:gateway-key-edit", args=[row.key.key_id]),
        "new gateway key": reverse("web:gateway-key-new"),
        "aliases": reverse("web:aliases"),
        "alias": reverse("web:alias", args=[row.alias.name]),
        "edit alias": reverse("web:alias-edit", args=[row.alias.name]),
        "new alias": reverse("web:alias-new"),
        "deployment gateway": reverse("web:deployment-gateway", args=[d]),
        "deployment capture": reverse("web:deployment-capture", args=[d]),
        "playground": reverse("web:playground"),
        "playground with a deployment": reverse("web:playground") + f"?deployment={d}",
        "audit": reverse("web:audit"),
        "settings": reverse("web:settings"),
        "users": reverse("web:users"),
        "user": reverse("web:user", args=["charlie"]),
        "new user": reverse("web:user-new"),
        "profile": reverse("web:profile"),
        "tokens": reverse("web:tokens"),
    }


def questions(row: fleet.Fleet) -> dict[str, tuple[str, dict[str, list[str]]]]:
    """Return the pages that ask before something is lost: where a form leads, and its rows."""
    return {
        "delete deployments": (
            reverse("web:deployments-delete"),
            {"selected": [row.deployment.name]},
        ),
        "delete models": (reverse("web:models-delete"), {"selected": [row.model.name]}),
        "remove hosts": (
            reverse("web:hosts-remove"),
            {"selected": [row.host.name, row.ollama.name]},
        ),
    }


def open_page(browser: Client, row: fleet.Fleet, page: str, language: str = "en") -> Any:
    """Open one of the pages; one that asks first, by the form that leads to it."""
    headers = {"Accept-Language": language}
    if page in pages(row):
        return browser.get(pages(row)[page], headers=headers)
    address, data = questions(row)[page]
    headers["X-CSRFToken"] = browser.cookies["slipway_csrf"].value
    return browser.post(address, data, headers=headers)


ADDRESSES = list(pages(fleet.names_only()))
NAMES = [*ADDRESSES, *questions(fleet.names_only())]
ADMIN_ONLY = {
    "deployment capture",
    "edit host",
    "new host",
    "import hosts",
    "remove hosts",
    "audit",
    "settings",
    "users",
    "user",
    "new user",
}
OWN = {"gateway key"}  # others may not know that it exists
OPERATOR_ONLY = {
    "edit gateway key",
    "new gateway key",
    "edit alias",
    "new alias",
    "deployment gateway",
    "deployment edit",
    "new deployment",
    "edit model",
    "import",
    "variant",
    "variant as text",
    "delete deployments",
    "delete models",
}


@pytest.mark.parametrize("state", ["well", "failing", "starting", "stopped"])
@pytest.mark.parametrize("page", NAMES)
def test_a_page_shows_its_objects_within_its_budget(
    alice_browser: Client, charlie: object, page: str, state: str
) -> None:
    row = fleet.make_fleet(state)
    alice_browser.get(reverse("web:profile"))  # the session notes its use once a minute
    with CaptureQueriesContext(connection) as queries:
        response = open_page(alice_browser, row, page)
    assert response.status_code == 200, page
    assert len(queries) <= QUERIES, "\n".join(q["sql"][:160] for q in queries)
    html = response.content.decode()
    assert "<h1" in html
    assert "{{" not in html
    assert "<script>" not in html
    assert " style=" not in html


@pytest.mark.parametrize("page", ["overview", "deployments", "hosts", "models", "operations"])
@pytest.mark.parametrize("browser", ["alice_browser", "bob_browser", "charlie_browser"])
def test_an_empty_page_says_what_to_do(
    request: pytest.FixtureRequest, page: str, browser: str
) -> None:
    client: Client = request.getfixturevalue(browser)
    response = client.get(reverse(f"web:{page}"))
    assert response.status_code == 200
    assert 'class="empty"' in response.content.decode()


@pytest.mark.parametrize("page", NAMES)
def test_a_viewer_sees_and_may_change_nothing(charlie_browser: Client, page: str) -> None:
    row = fleet.make_fleet("failing")
    charlie_browser.get(reverse("web:profile"))
    response = open_page(charlie_browser, row, page)
    if page in ADMIN_ONLY | OPERATOR_ONLY:
        assert response.status_code == 403
        return
    if page in OWN:
        assert response.status_code == 404
        return
    html = response.content.decode()
    assert response.status_code == 200
    own = {"language", "sign-out", "profile", "tokens", "playground/kept"}
    actions = fleet.posts_of(html)
    assert all(any(word in action for word in own) for action in actions), actions
    opens = set(re.findall(r'data-dialog-open="([^"]*)"', html))
    assert opens <= {"keys", "kept", "request"}, opens


@pytest.mark.parametrize("page", sorted(ADMIN_ONLY))
def test_an_operator_may_not_open_what_is_an_admins(
    bob_browser: Client, charlie: object, page: str
) -> None:
    bob_browser.get(reverse("web:profile"))
    assert open_page(bob_browser, fleet.make_fleet("well"), page).status_code == 403


@pytest.mark.parametrize("page", ADDRESSES)
def test_nobody_sees_anything_before_the_sign_in(
    client: Client, charlie: object, page: str
) -> None:
    response = client.get(pages(fleet.make_fleet("well"))[page])
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("web:sign-in"))


@pytest.mark.parametrize("page", NAMES)
def test_names_and_evidence_are_escaped(alice_browser: Client, charlie: object, page: str) -> None:
    row = fleet.make_fleet("failing", text=fleet.HOSTILE)
    alice_browser.get(reverse("web:profile"))
    html = open_page(alice_browser, row, page).content.decode()
    assert "<img" not in html
    assert "onerror=alert" not in html.replace("onerror=alert(1)&gt;", "")


@pytest.mark.parametrize("state", ["well", "failing"])
@pytest.mark.parametrize("page", NAMES)
def test_a_page_speaks_italian(
    alice_browser: Client, charlie: object, page: str, state: str
) -> None:
    row = fleet.make_fleet(state)
    alice_browser.get(reverse("web:profile"))
    italian = open_page(alice_browser, row, page, "it").content.decode()
    assert '<html lang="it"' in italian
    english = open_page(alice_browser, row, page, "en").content.decode()
    assert '<html lang="en"' in english
    assert not untranslated(spoken(english) & spoken(italian))


@pytest.mark.parametrize("language", ["en", "it"])
@pytest.mark.parametrize("page", ["sign-in", "first-run"])
def test_the_ways_in_are_pages_too(client: Client, alice: User, page: str, language: str) -> None:
    fleet.make_fleet("well")
    alice.is_set_up = False
    alice.save()
    if page == "first-run":
        client.force_login(alice)
    client.get(reverse(f"web:{page}"))
    with CaptureQueriesContext(connection) as queries:
        response = client.get(reverse(f"web:{page}"), headers={"Accept-Language": language})
    assert response.status_code == 200
    assert len(queries) <= QUERIES, "\n".join(q["sql"][:160] for q in queries)
    other = client.get(reverse(f"web:{page}"), headers={"Accept-Language": "en"})
    html = response.content.decode()
    assert f'<html lang="{language}"' in html
    if language != "en":
        assert not untranslated(spoken(html) & spoken(other.content.decode()))


def test_what_is_not_translated_is_found() -> None:
    page = "<p title='Only here'>Deployments <code>code</code></p><b>till-1</b>"
    assert untranslated(spoken(page)) == {"Only here", "Deployments"}
