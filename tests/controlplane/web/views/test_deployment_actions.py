"""What people do to deployments: it happens, is told, can be taken back, and needs the role."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from models_app.domain.states import ReplicaState, Wish
from models_app.models import AuditEntry, Deployment
from tests import factories

HTMX = {"HX-Request": "true"}


@pytest.fixture
def chat(db: None) -> Deployment:
    """A deployment with two revisions and a ready replica."""
    factories.make_engine()
    row = factories.make_deployment("chat")
    factories.make_revision(row, artifact=row.revision.artifact, parameters={"context": 2048})
    factories.make_replica(row)
    return row


def post(browser: Client, name: str, verb: str, data: dict[str, Any] | None = None, **more) -> Any:
    browser.get(reverse("web:profile"))
    token = browser.cookies["slipway_csrf"].value
    headers = {"X-CSRFToken": token, **more.pop("headers", {})}
    address = reverse(f"web:{name}-{verb}", args=["chat"])
    return browser.post(address + more.get("query", ""), data or {}, headers=headers)


def toast(response: Any) -> dict[str, Any]:
    return json.loads(response["HX-Trigger"])["slipway:toast"]


def test_stopping_is_told_and_can_be_taken_back(bob_browser: Client, chat: Deployment) -> None:
    response = post(bob_browser, "deployment", "stop", headers=HTMX)
    chat.refresh_from_db()
    assert (response.status_code, chat.wish) == (204, Wish.STOPPED)
    assert toast(response)["undo"] == reverse("web:deployment-start", args=["chat"])
    assert "slipway:repaint" in json.loads(response["HX-Trigger"])
    token = bob_browser.cookies["slipway_csrf"].value
    headers = {**HTMX, "X-CSRFToken": token}
    undone = bob_browser.post(toast(response)["undo"], headers=headers)
    chat.refresh_from_db()
    assert (undone.status_code, chat.wish) == (204, Wish.RUNNING)
    assert list(AuditEntry.objects.values_list("action", flat=True)) == [
        "deployment.start",
        "deployment.stop",
    ]
    assert set(AuditEntry.objects.values_list("via", flat=True)) == {"page"}


def test_without_htmx_it_is_a_redirect_with_a_message(
    bob_browser: Client, chat: Deployment
) -> None:
    response = post(bob_browser, "deployment", "stop")
    assert response["Location"] == reverse("web:deployment", args=["chat"])
    html = bob_browser.get(response["Location"]).content.decode()
    assert "chat stops." in html
    assert f'data-undo="{reverse("web:deployment-start", args=["chat"])}"' in html


def test_scaling_takes_a_number_and_undo_the_one_before(
    bob_browser: Client, chat: Deployment
) -> None:
    response = post(bob_browser, "deployment", "scale", {"replicas": "3"}, headers=HTMX)
    chat.refresh_from_db()
    assert chat.replicas_wished == 3
    assert toast(response)["undo"].endswith("/scale?replicas=1")
    undone = post(bob_browser, "deployment", "scale", query="?replicas=1", headers=HTMX)
    chat.refresh_from_db()
    assert (undone.status_code, chat.replicas_wished) == (204, 1)


def test_scaling_to_the_same_number_says_so_and_changes_nothing(
    bob_browser: Client, chat: Deployment
) -> None:
    response = post(bob_browser, "deployment", "scale", {"replicas": "1"}, headers=HTMX)
    assert toast(response) == {
        "text": "chat is wished with 1 replica already: nothing changes.",
        "level": "success",
        "undo": "",
    }
    before = chat.version
    chat.refresh_from_db()
    assert chat.version == before
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("replicas", ["", "x", "-1", "65", "9" * 30, "1.5", "²"])
def test_a_number_that_is_none_is_refused_in_words(
    bob_browser: Client, chat: Deployment, replicas: str
) -> None:
    response = post(bob_browser, "deployment", "scale", {"replicas": replicas}, headers=HTMX)
    assert response.status_code == 422
    assert toast(response)["level"] == "error"
    chat.refresh_from_db()
    assert chat.replicas_wished == 1


def test_a_stale_form_is_refused(bob_browser: Client, chat: Deployment) -> None:
    data = {"replicas": "2", "version": "1"}
    assert post(bob_browser, "deployment", "scale", data, headers=HTMX).status_code == 204
    response = post(bob_browser, "deployment", "scale", {**data, "replicas": "5"}, headers=HTMX)
    assert response.status_code == 409
    assert "changed by somebody else" in toast(response)["text"]
    plain = post(bob_browser, "deployment", "scale", {**data, "replicas": "5"})
    assert plain.status_code == 302
    assert "changed by somebody else" in bob_browser.get("/deployments/chat/").content.decode()


def test_retrying_wakes_what_failed(bob_browser: Client, chat: Deployment) -> None:
    replica = factories.make_replica(chat, state=ReplicaState.FAILED, failure_code="ENGINE_EXITED")
    assert post(bob_browser, "deployment", "retry", headers=HTMX).status_code == 204
    replica.refresh_from_db()
    assert (replica.state, replica.failure_code) == (ReplicaState.PENDING, "")


def test_rolling_back_offers_the_way_forward(bob_browser: Client, chat: Deployment) -> None:
    response = post(bob_browser, "deployment", "roll-back", {"number": "2"}, headers=HTMX)
    chat.refresh_from_db()
    assert chat.revision.number == 2
    assert toast(response)["undo"].endswith("/roll-back?number=1")
    gone = post(bob_browser, "deployment", "roll-back", {"number": "9"}, headers=HTMX)
    assert gone.status_code == 404


def test_deleting_needs_the_name_typed(bob_browser: Client, chat: Deployment) -> None:
    refused = post(bob_browser, "deployment", "delete", {"confirm_name": "chut"}, headers=HTMX)
    chat.refresh_from_db()
    assert (refused.status_code, chat.wish) == (422, Wish.RUNNING)
    response = post(bob_browser, "deployment", "delete", {"confirm_name": "chat"})
    chat.refresh_from_db()
    assert chat.wish == Wish.DELETED
    assert response["Location"] == reverse("web:deployments")


@pytest.mark.parametrize("verb", ["stop", "start", "scale", "retry", "roll-back", "delete"])
def test_a_viewer_may_do_none_of_it(charlie_browser: Client, chat: Deployment, verb: str) -> None:
    data = {"replicas": "2", "number": "2", "confirm_name": "chat"}
    response = post(charlie_browser, "deployment", verb, data, headers=HTMX)
    assert response.status_code == 403
    assert post(charlie_browser, "deployment", verb, data).status_code == 403
    chat.refresh_from_db()
    assert (chat.wish, chat.replicas_wished, chat.version) == (Wish.RUNNING, 1, 1)


@pytest.mark.parametrize("verb", ["stop", "start", "scale", "retry", "roll-back", "delete"])
def test_a_link_alone_does_nothing(bob_browser: Client, chat: Deployment, verb: str) -> None:
    address = reverse(f"web:deployment-{verb}", args=["chat"])
    assert bob_browser.get(address).status_code == 405
    assert bob_browser.post(address).status_code == 403, "a post without the token"
