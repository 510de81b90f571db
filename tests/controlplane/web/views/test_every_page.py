"""Every page: empty, with data and failing; for each role; within its budget of queries."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.controlplane.web import fleet

QUERIES = 10  # session and user included


def pages(row: fleet.Fleet) -> dict[str, str]:
    """Return the address of every page that a signed-in admin can open."""
    d, h, m = row.deployment.name, row.host.name, row.model.name
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
        "audit": reverse("web:audit"),
        "settings": reverse("web:settings"),
        "users": reverse("web:users"),
        "user": reverse("web:user", args=["charlie"]),
        "new user": reverse("web:user-new"),
        "profile": reverse("web:profile"),
        "tokens": reverse("web:tokens"),
    }


NAMES = list(pages(fleet.names_only()))
ADMIN_ONLY = {
    "deployment capture",
    "edit host",
    "new host",
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
}


@pytest.mark.parametrize("state", ["well", "failing", "starting", "stopped"])
@pytest.mark.parametrize("page", NAMES)
def test_a_page_shows_its_objects_within_its_budget(
    alice_browser: Client, charlie: object, page: str, state: str
) -> None:
    row = fleet.make_fleet(state)
    address = pages(row)[page]
    alice_browser.get(reverse("web:profile"))  # the session notes its use once a minute
    with CaptureQueriesContext(connection) as queries:
        response = alice_browser.get(address)
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
    response = charlie_browser.get(pages(row)[page])
    if page in ADMIN_ONLY | OPERATOR_ONLY:
        assert response.status_code == 403
        return
    if page in OWN:
        assert response.status_code == 404
        return
    html = response.content.decode()
    assert response.status_code == 200
    own = {"language", "sign-out", "profile", "tokens"}
    actions = fleet.posts_of(html)
    assert all(any(word in action for word in own) for action in actions), actions
    assert "data-dialog-open" not in html.replace('data-dialog-open="keys"', "")


@pytest.mark.parametrize("page", sorted(ADMIN_ONLY))
def test_an_operator_may_not_open_what_is_an_admins(
    bob_browser: Client, charlie: object, page: str
) -> None:
    assert bob_browser.get(pages(fleet.make_fleet("well"))[page]).status_code == 403


@pytest.mark.parametrize("page", NAMES)
def test_nobody_sees_anything_before_the_sign_in(
    client: Client, charlie: object, page: str
) -> None:
    response = client.get(pages(fleet.make_fleet("well"))[page])
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("web:sign-in"))


@pytest.mark.parametrize("page", NAMES)
def test_names_and_evidence_are_escaped(alice_browser: Client, charlie: object, page: str) -> None:
    row = fleet.make_fleet("failing", text=fleet.HOSTILE)
    html = alice_browser.get(pages(row)[page]).content.decode()
    assert "<img" not in html
    assert "onerror=alert" not in html.replace("onerror=alert(1)&gt;", "")


@pytest.mark.parametrize("page", NAMES)
def test_a_page_speaks_italian(alice_browser: Client, charlie: object, page: str) -> None:
    row = fleet.make_fleet("well")
    response = alice_browser.get(pages(row)[page], headers={"Accept-Language": "it"})
    html = response.content.decode()
    assert '<html lang="it"' in html
    assert ">Deployments<" not in html
