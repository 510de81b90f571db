"""The Connect page shows programs with the real address and model, and no key."""

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.web.connect import LANGUAGES, snippets
from tests.factories import make_deployment


def test_each_program_has_its_address_and_model() -> None:
    found = {one.key: one.text for one in snippets("http://till.example:8400", "support-chat")}
    assert set(found) == set(LANGUAGES) >= {"python", "curl", "ollama"}
    for key, text in found.items():
        assert "{{" not in text
        assert "http://till.example:8400" in text, key
        assert "support-chat" in text
        assert "SLIPWAY_API_KEY" in text
        assert "slip_" not in text


@pytest.mark.django_db
@pytest.mark.parametrize("browser", ["bob_browser", "charlie_browser"])
def test_the_page_has_the_address_of_the_browser(
    request: pytest.FixtureRequest, browser: str
) -> None:
    client: Client = request.getfixturevalue(browser)
    make_deployment("chat")
    html = client.get(reverse("web:deployment-connect", args=["chat"])).content.decode()
    assert "http://testserver/v1" in html
    may_make_keys = "?deployment=chat" in html and "new/gateway-key" in html
    assert may_make_keys is (browser == "bob_browser")
