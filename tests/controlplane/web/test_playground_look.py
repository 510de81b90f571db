"""The playground in a real browser, on real sockets, against the fake engine served for real."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from models_app.domain.states import Role
from models_app.models import Chat, User
from models_app.services.gateway_keys import KeyScope, gateway_key_create
from tests.browsers import DESK, LOOKS, Browser, Look, Seen
from tests.controlplane.gateway.scripted_engine import DONE, END, HEAD, delta
from tests.controlplane.web.playground_page import Playground, scripted
from tests.factories import actor_of, make_deployment, make_replica, make_user
from tests.fake_engine import FakeEngine, fake_engine
from tests.requirements import need
from tests.website import Website, website

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    # WhiteNoise's files are synchronous: Django says so, and reads them whole, which they allow.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning"),
]

Serve = Callable[..., FakeEngine]
HOSTILE = (
    "<img src=x onerror=alert(1)> <script>alert(2)</script>\n\n"
    "[click](javascript:alert(3)) ![x](http://evil.example/x.png)\n\n"
    "```python\nprint('<b>not bold</b>')\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
)


@pytest.fixture
def served(transactional_db: None) -> Iterator[Serve]:
    """`served("chat", tokens_per_s=…)`: a deployment whose replica is a fake engine like that."""
    with ExitStack() as engines:

        def serve(name: str = "chat", **options: object) -> FakeEngine:
            engine = engines.enter_context(fake_engine(**options))
            make_replica(make_deployment(name), address=engine.address)
            return engine

        yield serve


@pytest.fixture
def site(transactional_db: None) -> Iterator[Website]:
    with website() as running:
        yield running


@pytest.fixture
def opened(browser: Browser, site: Website, bob: User) -> Iterator[Callable[..., Playground]]:
    """`opened()`: the playground in bob's browser. At the end its console must be clean."""
    with ExitStack() as pages:
        seen: list[Seen] = []

        def open_(query: str = "") -> Playground:
            cookies = site.session_of(bob)
            address = f"{site.url}/playground/{query}"
            seen.append(pages.enter_context(browser.open(address, cookies=cookies)))
            return Playground(seen[-1].page)

        yield open_
        for one in seen:
            assert one.complaints == []


def test_an_answer_streams_and_tells_its_figures(
    served: Serve, opened: Callable[..., Playground]
) -> None:
    served(tokens_per_s=40)
    chat = opened()
    chat.parameter("max_tokens", "40")
    chat.ask("How are you?")
    first = chat.streaming().locator("[data-body]").inner_text()
    answer = chat.answered()
    assert len(answer.locator("[data-body]").inner_text()) > len(first)
    figures = answer.locator("[data-figures]").inner_text()
    assert re.search(r"\d+ (ms|s) to first token", figures)
    assert re.search(r"[\d.]+ tok/s", figures)
    assert re.search(r"\d+ tokens", figures)
    assert "chat · replica 0 on host-" in figures


def test_stop_is_where_send_was_and_really_stops_the_engine(
    served: Serve, opened: Callable[..., Playground]
) -> None:
    engine = served(tokens_per_s=20)
    chat = opened()
    chat.parameter("max_tokens", "5000")
    chat.ask("Tell me everything.")
    chat.streaming()
    assert not chat.page.is_visible("[data-chat-send]")
    chat.page.click("[data-chat-stop]")
    answer = chat.answered()
    assert "stopped" in answer.locator("[data-figures]").inner_text()
    assert answer.locator("[data-body]").inner_text()
    assert engine.becomes_idle(5)
    made = engine.metric("tokens_predicted_total")
    time.sleep(0.5)
    assert engine.metric("tokens_predicted_total") == made < 200
    assert chat.page.is_visible("[data-chat-send]")


def test_escape_stops_too_and_the_next_question_knows_what_was_said(
    served: Serve, opened: Callable[..., Playground]
) -> None:
    engine = served(tokens_per_s=20)
    chat = opened()
    chat.ask("First")
    chat.streaming()
    chat.page.press("#composer-text", "Escape")
    said = chat.answered().locator("[data-body]").inner_text()
    assert engine.becomes_idle(5)
    chat.parameter("max_tokens", "5")
    chat.ask("Second")
    request = chat.request_of(chat.answered(2))
    roles = [message["role"] for message in request["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert request["messages"][1]["content"].split()[:2] == said.split()[:2]


def test_answering_again_replaces_the_answer(
    served: Serve, opened: Callable[..., Playground]
) -> None:
    served(tokens_per_s=0)
    chat = opened()
    chat.parameter("max_tokens", "20")
    chat.parameter("seed", "7")
    chat.ask("Hello")
    seven = chat.answered().locator("[data-body]").inner_text()
    chat.parameter("seed", "8")
    chat.answered().locator(".turn-foot [data-turn-again]").click()
    expect(chat.answers().first.locator("[data-body]")).not_to_have_text(seven)
    eight = chat.answered().locator("[data-body]").inner_text()
    chat.parameter("seed", "7")
    chat.answered().locator(".turn-foot [data-turn-again]").click()
    expect(chat.answers().first.locator("[data-body]")).to_have_text(seven)
    assert eight != seven


def test_an_edited_question_is_sent_again_and_what_followed_goes(
    served: Serve, opened: Callable[..., Playground]
) -> None:
    served(tokens_per_s=0)
    chat = opened()
    chat.parameter("max_tokens", "10")
    chat.ask("First")
    chat.answered(1)
    chat.ask("Second")
    chat.answered(2)
    question = chat.column().locator(".turn-question").first
    question.locator("[data-turn-edit]").click()
    assert question.locator("[data-replaces]").is_visible()
    question.locator("textarea").fill("First, better")
    question.locator(".button-main").click()
    request = chat.request_of(chat.answered(1))
    assert [message["content"] for message in request["messages"]] == ["First, better"]
    assert chat.column().locator(".turn-question").count() == 1


def test_two_deployments_answer_side_by_side(
    served: Serve, opened: Callable[..., Playground]
) -> None:
    served("left", tokens_per_s=0)
    served("right", tokens_per_s=0)
    chat = opened()
    chat.page.click("[data-chat-compare]")
    chat.parameter("max_tokens", "10")
    chat.ask("Which one is better?")
    told = [chat.answered(1, column).locator("[data-figures]").inner_text() for column in (0, 1)]
    assert "left · replica" in told[0]
    assert "right · replica" in told[1]
    chat.page.click("[data-chat-compare]")
    assert not chat.column(1).is_visible()


def test_a_chat_is_kept_on_request_opened_again_and_deleted_for_good(
    served: Serve, opened: Callable[..., Playground]
) -> None:
    served(tokens_per_s=0)
    chat = opened()
    chat.parameter("max_tokens", "10")
    chat.parameter("system", "Answer briefly.")
    chat.ask("Remember me")
    said = chat.answered().locator("[data-body]").inner_text()
    assert not Chat.objects.exists()
    chat.page.click("[data-chat-keep]")
    expect(chat.page.locator(".toast")).to_contain_text("The chat is kept.")
    row = Chat.objects.get()
    again = opened(query=f"?chat={row.public_id}")
    assert again.answered().locator("[data-body]").inner_text() == said
    assert again.page.input_value("#p-system") == "Answer briefly."
    again.page.click("[data-dialog-open=kept]")
    again.page.click(".kept-more summary")
    again.page.click(".kept-more .button-danger")
    expect(again.page.locator("#kept-list")).to_contain_text("No chat is kept.")
    assert not Chat.objects.exists()


def test_a_kept_chat_is_its_owners_alone(
    browser: Browser, site: Website, bob: User, charlie: User
) -> None:
    mine = Chat.objects.create(user=bob, title="Secret plans", content={"turns": []})
    with browser.open(f"{site.url}/playground/", cookies=site.session_of(charlie)) as seen:
        assert "Secret plans" not in seen.page.content()
        answer = seen.page.goto(f"{site.url}/playground/?chat={mine.public_id}")
        assert answer is not None
        assert answer.status == 404


def test_an_engine_that_dies_says_so_in_the_bubble(
    served: Serve, opened: Callable[..., Playground]
) -> None:
    served(tokens_per_s=100, crash_after_tokens=6)
    chat = opened()
    chat.ask("Hello")
    answer = chat.answered(state="failed")
    assert answer.locator("[data-body]").inner_text()
    assert answer.locator("[data-failure-code]").inner_text() == "ENGINE_DIED"
    assert answer.locator("[data-failure-text]").inner_text()
    assert answer.locator("[data-failure-remedy]").inner_text()
    answer.locator(".failure [data-turn-again]").click()
    last = chat.answered(state="failed")
    assert last.locator("[data-failure-text]").inner_text()
    assert not last.locator("[data-body]").inner_text(), "nobody is there any more"


def test_without_a_replica_the_bubble_says_why(opened: Callable[..., Playground]) -> None:
    make_deployment("chat", state="stopped", wish="stopped")
    chat = opened()
    chat.ask("Anybody there?")
    answer = chat.answered(state="failed")
    assert "chat is stopped." in answer.locator("[data-failure-text]").inner_text()


def test_every_parameter_reaches_the_engine_and_a_wrong_one_is_not_sent(
    served: Serve, opened: Callable[..., Playground]
) -> None:
    served(tokens_per_s=0)
    chat = opened()
    chat.parameter("temperature", "5")
    chat.ask("Hello")
    assert chat.answers().count() == 0
    assert chat.page.input_value("#composer-text") == "Hello"
    values = {"temperature": "0.3", "top_p": "0.9", "max_tokens": "12", "seed": "42"}
    for name, value in values.items():
        chat.parameter(name, value)
    chat.parameter("system", "Be brief.")
    chat.parameter("stop", "END\n###")
    chat.page.press("#composer-text", "Enter")
    request = chat.request_of(chat.answered())
    assert {name: request[name] for name in values} == {
        "temperature": 0.3,
        "top_p": 0.9,
        "max_tokens": 12,
        "seed": 42,
    }
    assert request["stop"] == ["END", "###"]
    assert request["messages"][0] == {"role": "system", "content": "Be brief."}
    chat.page.click("#parameters button[type=reset]")
    assert chat.page.input_value("#p-temperature") == ""


def test_the_curl_that_is_shown_really_asks_the_gateway(
    served: Serve, opened: Callable[..., Playground], site: Website, bob: User
) -> None:
    need("curl")
    served(tokens_per_s=0)
    chat = opened()
    chat.parameter("max_tokens", "10")
    chat.parameter("seed", "7")
    chat.ask('It\'s a "quoted" question with $HOME and `ls`')
    answer = chat.answered()
    answer.locator("[data-turn-request]").click()
    command = chat.page.locator("#request-curl code").inner_text()
    assert f"{site.url}/v1/chat/completions" in command
    scope = KeyScope(deployments=("chat",), routes=("chat",))
    _key, secret = gateway_key_create(actor_of(bob), name="curl", scope=scope)
    said = {
        key: subprocess.run(
            ["/bin/sh", "-c", command],
            env={**os.environ, "SLIPWAY_API_KEY": key},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for key in (secret, "slip_no_such")
    }
    assert "choices" not in said["slip_no_such"]
    events = [line[6:] for line in said[secret].splitlines() if line.startswith("data: {")]
    pieces = [json.loads(one)["choices"] for one in events]
    text = "".join(c[0]["delta"].get("content") or "" for c in pieces if c)
    shown = answer.locator("[data-body]").inner_text()
    assert text.split()[:3] == shown.split()[:3]


def test_markdown_is_shown_and_nothing_in_it_runs(opened: Callable[..., Playground]) -> None:
    pieces = [delta(HOSTILE[at : at + 7]) for at in range(0, len(HOSTILE), 7)]
    with scripted(HEAD, *pieces, DONE, END) as engine:
        make_replica(make_deployment("chat"), address=engine.address)
        chat = opened()
        chat.ask("<img src=x onerror=alert(4)>")
        answer = chat.answered()
        body = answer.locator("[data-body]")
        assert body.locator("img, script").count() == 0
        assert body.locator("a[href^=javascript]").count() == 0
        assert body.locator("table td").first.inner_text() == "1"
        assert "<b>not bold</b>" in body.locator(".code pre").inner_text()
        assert body.locator(".code [data-language]").inner_text() == "python"
        question = chat.column().locator(".turn-question [data-text]")
        assert question.inner_text() == "<img src=x onerror=alert(4)>"
        chat.page.click("[data-chat-keep]")
        expect(chat.page.locator(".toast")).to_contain_text("The chat is kept.")
    again = opened(query=f"?chat={Chat.objects.get().public_id}")
    body = again.answered().locator("[data-body]")
    assert body.locator("img, script, a[href^=javascript]").count() == 0
    assert "<b>not bold</b>" in body.locator(".code pre").inner_text()


def test_what_was_typed_survives_a_reload_in_its_owners_tab(
    served: Serve, opened: Callable[..., Playground]
) -> None:
    served()
    chat = opened()
    chat.parameter("system", "Be brief.")
    chat.page.fill("#composer-text", "A long thought, half")
    chat.page.reload()
    assert chat.page.input_value("#composer-text") == "A long thought, half"
    assert chat.page.input_value("#p-system") == "Be brief."


@pytest.mark.parametrize("look", [*LOOKS, Look(DESK, "light", "it")], ids=str)
def test_the_playground_is_calm_empty_chatting_comparing_and_failing(
    browser: Browser, site: Website, served: Serve, look: Look
) -> None:
    user = make_user(role=Role.OPERATOR)
    with browser.open(f"{site.url}/playground/", look, cookies=site.session_of(user)) as seen:
        seen.judge(name=f"nobody {look}")
        served("left", tokens_per_s=0)
        served("right", tokens_per_s=100, crash_after_tokens=3)
        seen.page.reload(wait_until="networkidle")
        chat = Playground(seen.page)
        seen.judge(name=f"empty {look}")
        chat.ask("Hello there, how are you today?")
        chat.answered()
        seen.judge(name=f"answered {look}")
        chat.page.click("[data-chat-compare]")
        chat.ask("And now?")
        chat.answered(2, 1, state="failed")
        seen.judge(name=f"comparing {look}")
        chat.parameter("seed", "3")
        seen.judge(name=f"parameters {look}")
