"""Thinking and a tool call of a real model on a real Ollama server, as the playground shows them.

The model is led into both by its template: see `tests/led_model.py`.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from models_app.models import User
from tests.browsers import Browser
from tests.controlplane.web.playground_page import Playground
from tests.factories import make_deployment, make_replica
from tests.led_model import BASE, GREETING, NAME, QUESTION, THOUGHT, make_led_model
from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_artifact
from tests.weather_tool import TOOL
from tests.website import website

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    # WhiteNoise's files are synchronous: Django says so, and reads them whole, which they allow.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning"),
]
PATIENCE_MS = 90_000


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with OllamaHouse(tmp_path / "ollama") as house:
        house.make(BASE, smollm2_artifact(tmp_path / "models"))
        make_led_model(house)
        yield house.url.removeprefix("http://")


def test_the_playground_shows_what_it_thought_and_asks_for(
    address: str, browser: Browser, bob: User
) -> None:
    make_replica(make_deployment("chat"), address=address, served_as=NAME)
    with (
        website() as site,
        browser.open(f"{site.url}/playground/", cookies=site.session_of(bob)) as seen,
    ):
        chat = Playground(seen.page, patience_ms=PATIENCE_MS)
        chat.parameter("temperature", "0")
        chat.parameter("max_tokens", "64")
        chat.ask("Say hello.")
        answer = chat.answered()
        expect(answer.locator("[data-body]")).to_have_text(GREETING)
        assert answer.locator("[data-thoughts]").text_content() == THOUGHT

        chat.parameter("tools", "get_weather")
        chat.ask(QUESTION)
        expect(chat.answers()).to_have_count(1)  # refused before it was sent: no JSON
        chat.parameter("tools", json.dumps([TOOL]))
        seen.page.reload()  # a chat of its own; what stands in the drawer stays
        expect(chat.answers()).to_have_count(0)
        chat.ask(QUESTION)
        called = chat.answered()
        expect(called.locator("[data-calls] [data-language]")).to_have_text("get_weather")
        given = called.locator("[data-calls] pre").text_content()
        assert set(json.loads(given or "")) == {"city"}
        expect(called.locator("[data-figures]")).to_contain_text("asks for a tool")
        assert chat.request_of(called)["tools"] == [TOOL]
        assert seen.complaints == []
