"""The command palette knows every object by name, and the verbs that this person may use."""

from typing import Any

from django.test import Client

from models_app.domain.states import Wish
from tests import factories


def labels(browser: Client) -> dict[str, dict[str, Any]]:
    return {item["label"]: item for item in browser.get("/palette").json()["items"]}


def test_objects_and_verbs_are_found(bob_browser: Client) -> None:
    factories.make_deployment("chat")
    factories.make_deployment("night", wish=Wish.STOPPED)
    factories.make_deployment("gone", wish=Wish.DELETED)
    factories.make_host("till-1")
    found = labels(bob_browser)
    assert found["chat"]["url"] == "/deployments/chat/"
    assert found["till-1"]["hint"] == "Host"
    assert found["Stop chat"] | {"icon": ""} == {
        "label": "Stop chat",
        "url": "/deployments/chat/stop",
        "icon": "",
        "method": "post",
    }
    assert "Start night" in found
    assert "Logs of chat" in found
    assert "gone" not in found
    assert "Deploy model" in found
    assert "Add user" not in found


def test_a_viewer_finds_no_verbs(charlie_browser: Client) -> None:
    factories.make_deployment("chat")
    found = labels(charlie_browser)
    assert "chat" in found
    assert not [item for item in found.values() if item.get("method")]
    assert "Deploy model" not in found
