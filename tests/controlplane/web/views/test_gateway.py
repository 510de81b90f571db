"""Keys, aliases, limits and usage through their pages."""

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from models_app.domain.gateway import split_key
from models_app.models import Alias, Deployment, GatewayKey, User
from models_app.selectors.aliases import alias_table
from models_app.selectors.gateway_keys import key_by_id
from models_app.services.gateway_keys import secret_matches
from models_app.services.usage import usage_record_many
from tests import factories
from tests.controlplane.web.posting import post, toast

KEY_FORM = {
    "name": "Till",
    "models": "deployment:chat",
    "routes": ["chat", "embeddings"],
    "days": "30",
    "requests_per_minute": "5",
    "tokens_per_minute": "",
    "tokens_per_day": "",
    "concurrent_requests": "",
    "max_tokens_per_request": "",
}


@pytest.fixture
def chat(db: None) -> Deployment:
    """A deployment."""
    return factories.make_deployment("chat")


def test_a_new_key_is_shown_once_and_works(bob_browser: Client, chat: Deployment) -> None:
    response = post(bob_browser, reverse("web:gateway-key-new"), KEY_FORM)
    text = re.search(r'id="new-key"[^>]*>([^<]+)<', response.content.decode())
    assert text is not None
    assert "no-store" in response["Cache-Control"]
    key_id, secret = split_key(text[1]) or ("", "")
    facts = key_by_id(key_id)
    assert facts is not None
    assert secret_matches(facts, secret)
    assert facts.opens_deployment(str(chat.public_id))
    assert (facts.limits.requests_per_minute, facts.limits.tokens_per_minute) == (5, None)
    assert {str(route) for route in facts.routes} == {"chat", "embeddings"}
    again = bob_browser.get(reverse("web:gateway-key", args=[key_id])).content.decode()
    assert secret not in again


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": " "}, "This field is required"),
        ({"models": "deployment:other"}, "valid choice"),
        ({"models": []}, "This is needed."),
        ({"days": "9999"}, "365"),
        ({"requests_per_minute": "0"}, "1"),
        ({"every_model": "on", "models": []}, "This is needed."),
    ],
)
def test_a_mistake_is_told_and_makes_no_key(
    bob_browser: Client, chat: Deployment, wrong: dict[str, Any], words: str
) -> None:
    response = post(bob_browser, reverse("web:gateway-key-new"), KEY_FORM | wrong)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not GatewayKey.objects.exists()


def test_only_an_admin_is_offered_every_model(
    alice_browser: Client, bob_browser: Client, chat: Deployment
) -> None:
    address = reverse("web:gateway-key-new")
    assert 'name="every_model"' not in bob_browser.get(address).content.decode()
    assert 'name="every_model"' in alice_browser.get(address).content.decode()
    data = KEY_FORM | {"models": [], "every_model": "on"}
    assert post(alice_browser, address, data).status_code == 200
    assert GatewayKey.objects.get().every_model


def test_the_connect_page_leads_to_a_key_for_it(bob_browser: Client, chat: Deployment) -> None:
    html = bob_browser.get(reverse("web:gateway-key-new") + "?deployment=chat").content.decode()
    checked = re.search(r'value="deployment:chat"[^>]*checked', html)
    assert checked


def test_a_key_is_narrowed_and_revoked(
    bob: User, bob_browser: Client, charlie_browser: Client, chat: Deployment
) -> None:
    key = factories.make_gateway_key(bob, [chat])
    address = reverse("web:gateway-key-edit", args=[key.key_id])
    post(bob_browser, address, KEY_FORM | {"routes": ["chat"], "version": "1"})
    key.refresh_from_db()
    assert (key.routes, key.limits) == (["chat"], {"requests_per_minute": 5})
    stale = post(bob_browser, address, KEY_FORM | {"version": "1"})
    assert stale.status_code == 422
    end = reverse("web:gateway-key-revoke", args=[key.key_id])
    assert post(charlie_browser, end).status_code == 404
    assert post(bob_browser, end)["Location"] == reverse("web:gateway-keys")
    key.refresh_from_db()
    assert key.revoked_at is not None
    shown = bob_browser.get(reverse("web:gateway-keys") + "?state=revoked").content.decode()
    assert key.key_id in shown


def alias_form(**fields: str) -> dict[str, str]:
    return {
        "name": "assistant",
        "comment": "",
        "target-0": "chat",
        "weight-0": "9",
        "target-1": "next",
        "weight-1": "1",
        "fallback-0": "spare",
        **fields,
    }


@pytest.fixture
def three(chat: Deployment) -> None:
    """Deployments chat, next and spare."""
    for name in ("next", "spare"):
        factories.make_deployment(name)


def test_an_alias_is_made_edited_rolled_back_and_removed(bob_browser: Client, three: None) -> None:
    page = reverse("web:alias", args=["assistant"])
    assert post(bob_browser, reverse("web:alias-new"), alias_form())["Location"] == page
    found = alias_table()["assistant"]
    assert [(t.deployment, t.weight) for t in found.targets] == [("chat", 9), ("next", 1)]
    assert [t.deployment for t in found.fallback] == ["spare"]
    edit = reverse("web:alias-edit", args=["assistant"])
    assert 'value="9"' in bob_browser.get(edit).content.decode()
    post(bob_browser, edit, alias_form(**{"target-1": "", "version": "1", "comment": "calm"}))
    assert [t.deployment for t in alias_table()["assistant"].targets] == ["chat"]
    back = reverse("web:alias-roll-back", args=["assistant"])
    told = toast(post(bob_browser, back, {"number": "1"}, htmx=True))
    assert told["text"] == "assistant is back at version 1."
    post(bob_browser, told["undo"])
    assert alias_table()["assistant"].version == 2
    html = bob_browser.get(page).content.decode()
    assert "chat 90 %, next 10 %; then spare" in html.replace("\xa0", " ")
    remove = reverse("web:alias-delete", args=["assistant"])
    post(bob_browser, remove, {"confirm_name": "no"})
    assert Alias.objects.exists()
    post(bob_browser, remove, {"confirm_name": "assistant"})
    assert not Alias.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "chat"}, "taken"),
        ({"target-0": "", "target-1": ""}, "This is needed"),
        ({"weight-0": "0", "weight-1": "0"}, "out of its range"),
        ({"fallback-0": "chat"}, "cannot be accepted"),
        ({"target-0": "none"}, "valid choice"),
    ],
)
def test_a_mistake_makes_no_alias(
    bob_browser: Client, three: None, wrong: dict[str, str], words: str
) -> None:
    response = post(bob_browser, reverse("web:alias-new"), alias_form(**wrong))
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Alias.objects.exists()


def test_limits_of_a_deployment_are_set(bob_browser: Client, chat: Deployment) -> None:
    data = {
        "version": "1",
        "requests_per_minute": "600",
        "tokens_per_minute": "",
        "tokens_per_day": "",
        "concurrent_requests": "",
        "max_tokens_per_request": "",
        "connect_s": "3",
        "first_token_s": "120",
        "idle_s": "30",
    }
    address = reverse("web:deployment-gateway", args=["chat"])
    post(bob_browser, address, data)
    chat.refresh_from_db()
    assert (chat.limits, chat.timeouts) == ({"requests_per_minute": 600}, {"first_token_s": 120.0})
    page = bob_browser.get(reverse("web:deployment-settings", args=["chat"])).content.decode()
    assert "600" in page
    assert "120 s at most" in page
    assert post(bob_browser, address, data | {"idle_s": "0"}).status_code == 422


def test_usage_has_charts_and_a_table_for_spreadsheets(
    alice: User, alice_browser: Client, bob_browser: Client, chat: Deployment
) -> None:
    key = factories.make_gateway_key(alice, [chat], name="=Till")
    records = [factories.usage_record(chat, key_id=key.pk) for _ in range(3)]
    usage_record_many([*records, factories.usage_record(chat, status="ENGINE_DIED")])
    for span in ("1h", "24h", "7d", "30d", "90d", "1y"):
        for measure in ("tokens", "requests", "first-token", "duration"):
            address = reverse("web:usage-series", args=[measure]) + f"?range={span}"
            told = alice_browser.get(address).json()
            assert len(told["times"]) == len(told["series"][0]["values"])
    told = alice_browser.get(reverse("web:usage-series", args=["requests"]) + "?range=1h").json()
    assert [sum(line["values"]) for line in told["series"]] == [4, 1, 0]
    assert alice_browser.get(reverse("web:usage-series", args=["nothing"])).status_code == 404
    assert alice_browser.get(reverse("web:gateway") + "?range=9y").status_code == 422
    export = reverse("web:usage-export")
    text = b"".join(alice_browser.get(f"{export}?key={key.key_id}").streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["key"] for row in rows] == ["'=Till"] * 3
    own = b"".join(bob_browser.get(export).streaming_content).decode()
    assert own.count("\n") == 1, "an operator exports what is their own"
    assert bob_browser.get(f"{export}?key={key.key_id}").status_code == 404
