"""One command to a chat with a real model, and all that follows, as a person lives it."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.browsers import Browser, chromium_browser
from tests.controlplane.web.playground_page import Playground
from tests.e2e.person import PATIENCE_MS, PATIENCE_S, TELLS_CSP, sign_in
from tests.flows.house import House, wait_for
from tests.requirements import need

pytestmark = [pytest.mark.slow]

NAME = "smollm2"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    for name in ("valkey", "xllamacpp", "smollm2", "chromium"):
        need(name)
    with House(tmp_path / "data") as made:
        yield made


@pytest.fixture
def browser(house: House) -> Iterator[Browser]:
    with chromium_browser() as started:
        yield started


def test_from_one_command_to_a_chat_and_back_to_nothing(house: House, browser: Browser) -> None:
    house.start()
    told = wait_for(partial(house.line, "http://"), PATIENCE_S, lambda: "\n".join(house.lines))
    link = re.search(r"http://\S+", told)
    assert link
    with browser.open(link.group()) as seen:
        page = seen.page
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(TELLS_CSP)
        sign_in(page, sees="SmolLM2 135M Instruct")
        see_it_become_ready(page)
        chat_and_stop(page, house)
        scale_to_two(page, house)
        change_the_context_and_go_back(page, house)
        read_the_log(page)
        delete_it(page, house)
        assert seen.complaints == []
    assert house.stop() == 0
    assert house.processes() == []


def see_it_become_ready(page: Page) -> None:
    """Without a reload: the page is the same one that was there before it was ready."""
    page.click(".sidebar a[href='/deployments/']")
    page.wait_for_url("**/deployments/")
    row = page.locator("a.row-link", has_text=NAME)
    expect(row).to_be_visible(timeout=PATIENCE_MS)
    row.click()
    page.wait_for_url(f"**/deployments/{NAME}/")
    page.evaluate("window.sameDocument = true")
    expect(page.locator("#live-indicator")).to_have_attribute(
        "data-state", "live", timeout=PATIENCE_MS
    )
    expect_ready(page, "1/1")
    assert page.evaluate("window.sameDocument"), "the page was loaded again"


def chat_and_stop(page: Page, house: House) -> None:
    """An answer with its figures; then one that is stopped, and the engine with it."""
    page.click("#deployment-head a[href^='/playground/']")
    page.wait_for_url("**/playground/**")
    chat = Playground(page, patience_ms=PATIENCE_MS)
    chat.parameter("max_tokens", "24")
    chat.parameter("seed", "1")
    chat.ask("Say hello.")
    answer = chat.answered()
    assert answer.locator("[data-body]").inner_text().strip()
    assert "tok/s" in answer.locator("[data-figures]").inner_text()
    chat.parameter("max_tokens", "2000")
    chat.ask("Tell me a very long story about a lighthouse and the sea.")
    chat.streaming(2)
    page.click("[data-chat-stop]")
    stopped = chat.answered(2)
    assert "stopped" in stopped.locator("[data-figures]").inner_text()
    ((address,),) = rows(house, "select address from models_app_replica where state = 'ready'")
    wait_for(partial(is_idle, str(address)), 30)
    page.on("dialog", lambda dialog: dialog.accept())  # the chat is not kept, and that is asked


def scale_to_two(page: Page, house: House) -> None:
    """A second copy, live."""
    page.goto(f"{house.url}/deployments/{NAME}/")
    page.click("[data-dialog-open=scale]")
    page.fill("#scale-replicas", "2")
    page.click("#scale .button-main")
    expect(page.locator(".toast").first).to_contain_text("1 → 2 replicas")
    expect_ready(page, "2/2")
    assert len(engines(house)) == 2


def change_the_context_and_go_back(page: Page, house: House) -> None:
    """A new revision rolls over both copies; then the one before does."""
    page.click(f"#deployment-head a[href='/deployments/{NAME}/edit']")
    page.wait_for_url("**/edit")
    page.fill("[name=p-context_length]", "1024")
    expect(page.locator("#fit")).to_contain_text("1,024", timeout=PATIENCE_MS)
    page.click("#deployment-form .button-main")
    page.wait_for_url(f"**/deployments/{NAME}/")
    expect(page.locator(".toast").first).to_contain_text("Revision 2 rolls out")
    wait_for(partial(all_serve, house, 2), PATIENCE_S, lambda: str(failures(house)))
    expect_ready(page, "2/2")
    page.click(f"a[href='/deployments/{NAME}/revisions']")
    page.click("text=Roll back to revision 1")
    wait_for(partial(all_serve, house, 1), PATIENCE_S, lambda: str(failures(house)))
    first = page.locator("#deployment-revisions section", has_text="Revision 1").last
    expect(first).to_contain_text("wished for", timeout=PATIENCE_MS)
    expect_ready(page, "2/2")


def read_the_log(page: Page) -> None:
    """The engine's own lines, and those that match."""
    page.click(f"a[href='/deployments/{NAME}/logs']")
    page.wait_for_url("**/logs")
    lines = page.locator("#log .log-line")
    expect(lines.first).to_be_visible(timeout=PATIENCE_MS)
    everything = lines.count()
    page.fill("[data-log-search]", "llama")
    expect(page.locator("#log mark").first).to_be_visible(timeout=PATIENCE_MS)
    assert 0 < page.locator("#log .log-line:not([hidden])").count() <= everything


def delete_it(page: Page, house: House) -> None:
    """By typing its name; then nothing of it runs, and the list says what to do next."""
    page.click(f"a[href='/deployments/{NAME}/settings']")
    page.wait_for_url("**/settings")
    page.click("[data-dialog-open=delete]")
    page.fill("#delete-name", NAME)
    page.click("#delete .button-danger")
    page.wait_for_url("**/deployments/")
    expect(page.locator("#deployments-table .empty")).to_be_visible(timeout=PATIENCE_MS)
    assert engines(house) == []


def expect_ready(page: Page, replicas: str) -> None:
    """Wait until the head of the deployment's page says so, live."""
    head = page.locator("#deployment-head")
    expect(head).to_contain_text(replicas, timeout=PATIENCE_MS)
    expect(head.locator(".page-head .pill.is-ready").first).to_be_visible(timeout=PATIENCE_MS)


def all_serve(house: House, revision: int) -> bool:
    """Whether exactly two copies are there, both ready, both of that revision."""
    query = (
        "select r.state, v.number from models_app_replica r"
        " join models_app_revision v on v.id = r.revision_id where r.state <> 'retired'"
    )
    return rows(house, query) == [("ready", revision)] * 2


def is_idle(address: str) -> bool:
    """Whether the engine works on nothing, as it says itself."""
    page = httpx.get(f"http://{address}/metrics", timeout=10).text
    found = re.search(r"^llamacpp:requests_processing (\S+)", page, re.MULTILINE)
    return found is not None and float(found.group(1)) == 0


def engines(house: House) -> list[psutil.Process]:
    """The processes that carry the mark of a workload of this house."""
    found = [p for p in house.processes() if "SLIPWAY_WORKLOAD" in p.environ()]
    mains = {p.pid for p in found}
    return [p for p in found if p.ppid() not in mains]


def failures(house: House) -> list[tuple[object, ...]]:
    """What went wrong, for the message of a test that waited in vain."""
    return rows(house, "select code, params from models_app_event where level = 'bad'")


def rows(house: House, query: str) -> list[tuple[object, ...]]:
    """Ask the ledger."""
    with closing(sqlite3.connect(house.data / "slipway.sqlite3", timeout=20)) as ledger:
        return ledger.execute(query).fetchall()
