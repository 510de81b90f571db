"""Two hosts that are not this machine, as a person lives it: a Docker engine and an Ollama server.

Added in the form, deployed on, chatted with; one loses its network, is drained, and comes back.
"""

import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browsers import Browser, chromium_browser
from tests.controlplane.web.playground_page import Playground
from tests.docker_engine import DockerEngine, new_engine
from tests.docker_images import BUSYBOX, OLLAMA
from tests.e2e.person import (
    PATIENCE_MS,
    PATIENCE_S,
    TELLS_CSP,
    of_the_page,
    sign_in,
    telling,
)
from tests.flows.house import House, wait_for
from tests.ollama_server import OllamaHouse
from tests.requirements import need
from tests.runtime_sites import reached_by

pytestmark = [pytest.mark.slow]

SAYS_SO_S = 45.0  # promised: from the pulled plug to the word on the page
BOX_GIB, LAN_GIB = "3", "1.5"
IMPORT = """
from models_app.domain.actors import SYSTEM
from models_app.services.language_models import model_import
model_import(SYSTEM, name="smollm2", source="bundled", reference={"key": "smollm2-135m-instruct"})
"""


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    need("docker")
    need("ollama")
    with new_engine(machine=True, tls=True) as made:
        made.load(BUSYBOX, OLLAMA)
        yield made


@pytest.fixture
def ollama(tmp_path: Path) -> Iterator[OllamaHouse]:
    with OllamaHouse(tmp_path / "ollama") as made:
        yield made


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    for name in ("valkey", "smollm2", "chromium"):
        need(name)
    with House(tmp_path / "data", SLIPWAY_FIRST_MODEL="0") as made:
        made.start_and_wait()
        made.manage("shell", "-c", IMPORT)
        yield made


@pytest.fixture
def browser(house: House) -> Iterator[Browser]:
    with chromium_browser() as started:
        yield started


def test_two_hosts_from_the_form_to_a_pulled_plug_and_back(
    house: House, browser: Browser, engine: DockerEngine, ollama: OllamaHouse
) -> None:
    link = re.search(r"http://\S+", house.line("http://"))
    assert link
    with browser.open(link.group()) as seen:
        page = seen.page
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(TELLS_CSP)
        with telling(page):
            sign_in(page)
            add_the_docker_host(page, house, engine)
            add_the_ollama_host(page, house, ollama)
            deploy(page, house, "on-box", "box", "lan")
            deploy(page, house, "on-lan", "lan")
            assert where(house, "on-box") == ["box"]
            for name in ("on-box", "on-lan"):
                chat(page, house, name)
            assert len(ollama.loaded()) == 1
            pull_the_plug_and_put_it_back(page, house, engine)
            drain(page, house)
            chat(page, house, "on-box")  # now by the other host
            put_it_back(page, house)
            chat(page, house, "on-box")
        assert of_the_page(seen.complaints) == []
    assert house.stop() == 0


def add_the_docker_host(page: Page, house: House, engine: DockerEngine) -> None:
    """By TLS, tested, its identity confirmed."""
    connection, secret = reached_by(engine, "tls")
    page.goto(f"{house.url}/new/host")
    choose(page, "runtime", "docker")
    choose(page, "transport", "tcp")
    page.fill("[name=address]", connection["address"])
    page.fill("[name=ca]", secret["ca"])
    page.fill("[name=certificate]", secret["certificate"])
    page.fill("[name=tls_key]", secret["private_key"])
    told = try_it(page)
    expect(told).to_contain_text("live-restore is off")
    expect(told).to_contain_text("Compare it on the host")
    page.check("#host-trusted")
    add(page, house, "box", BOX_GIB)


def add_the_ollama_host(page: Page, house: House, ollama: OllamaHouse) -> None:
    """A wrong port first: the form says so, and is still filled."""
    page.goto(f"{house.url}/new/host")
    choose(page, "runtime", "ollama")
    page.fill("[name=url]", "http://127.0.0.1:9")
    page.click("button:has-text('Test the connection')")
    told = page.locator("#host-check")
    expect(told).to_contain_text("refuses the connection", timeout=PATIENCE_MS)
    page.fill("[name=url]", ollama.url)
    expect(try_it(page)).to_contain_text("0.17.4")
    add(page, house, "lan", LAN_GIB)


def try_it(page: Page) -> Locator:
    """Press the button and wait for the answer."""
    page.click("button:has-text('Test the connection')")
    told = page.locator("#host-check")
    expect(told).to_contain_text("It answers.", timeout=PATIENCE_MS)
    return told


def add(page: Page, house: House, name: str, gib: str) -> None:
    """Name it, add it, and see it become ready without a reload."""
    page.fill("[name=name]", name)
    page.fill("[name=memory_budget]", gib)
    page.click("#host-form .actions .button-main")
    page.wait_for_url(f"{house.url}/hosts/{name}/")
    expect(page.locator("#host-head .page-head .pill.is-ready")).to_be_visible(timeout=PATIENCE_MS)


def deploy(page: Page, house: House, name: str, *hosts: str) -> None:
    """Deploy the model with Ollama on one of these hosts."""
    page.goto(f"{house.url}/new/deployment")
    page.fill("[name=name]", name)
    choose(page, "where", "hosts")
    for host in hosts:
        page.check(f"[name=hosts][value={host}]")
    page.select_option("[name=engine]", "ollama")
    expect(page.locator("[name=p-keep_alive_s]")).to_be_attached(timeout=PATIENCE_MS)
    page.fill("[name=p-context_length]", "512")
    expect(page.locator("#fit")).to_contain_text("1 replica goes to", timeout=PATIENCE_MS)
    page.click("#deployment-form .actions .button-main")
    page.wait_for_url(f"{house.url}/deployments/{name}/")
    expect_ready(page, "1/1")


def expect_ready(page: Page, replicas: str) -> None:
    """Wait until the head of the deployment's page says so, live."""
    head = page.locator("#deployment-head")
    expect(head).to_contain_text(replicas, timeout=PATIENCE_MS)
    expect(head.locator(".page-head .pill.is-ready").first).to_be_visible(timeout=PATIENCE_MS)


def chat(page: Page, house: House, name: str) -> None:
    """Ask it something from its own page."""
    page.goto(f"{house.url}/deployments/{name}/")
    page.click("#deployment-head a[href^='/playground/']")
    page.wait_for_url("**/playground/**")
    talk = Playground(page, patience_ms=PATIENCE_MS)
    talk.parameter("max_tokens", "12")
    talk.ask("Say hello.")
    assert talk.answered().locator("[data-body]").inner_text().strip()


def pull_the_plug_and_put_it_back(page: Page, house: House, engine: DockerEngine) -> None:
    """The open page says so in time, by itself; nothing is removed; back, it is as it was."""
    before = containers(engine)
    page.once("dialog", lambda dialog: dialog.accept())  # the chat is not kept, and that is asked
    page.goto(f"{house.url}/hosts/box/")
    expect(page.locator("#live-indicator")).to_have_attribute(
        "data-state", "live", timeout=PATIENCE_MS
    )
    # What runs on a machine with other tests is late by what they take.
    late_s = SAYS_SO_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    engine.unplug()
    began = time.monotonic()
    head = page.locator("#host-head")
    expect(head).to_contain_text("Unreachable", timeout=late_s * 1000)
    sys.stderr.write(f"unplugged: the page said so after {time.monotonic() - began:.1f} s\n")
    page.goto(f"{house.url}/deployments/on-box/")
    expect(page.locator("#deployment-head")).to_contain_text("Unknown", timeout=PATIENCE_MS)
    engine.plug_in()
    expect_ready(page, "1/1")
    assert containers(engine) == before


def drain(page: Page, house: House) -> None:
    """What runs there moves to the other host, and the page says when it is done."""
    page.goto(f"{house.url}/hosts/box/")
    page.click("#host-head button:has-text('Drain')")
    wait_for(lambda: where(house, "on-box") == ["lan"], PATIENCE_S, partial(told, house))
    drained = "select state from models_app_operation where kind = 'drain_host'"
    wait_for(lambda: rows(house, drained) == [("succeeded",)], PATIENCE_S, partial(told, house))
    expect(page.locator("#host-head")).to_contain_text("Open for replicas", timeout=PATIENCE_MS)


def put_it_back(page: Page, house: House) -> None:
    """Opened again, it takes the second copy."""
    page.goto(f"{house.url}/hosts/box/")
    page.click("#host-head button:has-text('Open for replicas')")
    expect(page.locator("#host-head button:has-text('Drain')")).to_be_visible(timeout=PATIENCE_MS)
    page.goto(f"{house.url}/deployments/on-box/")
    page.click("[data-dialog-open=scale]")
    page.fill("#scale-replicas", "2")
    page.click("#scale .button-main")
    expect_ready(page, "2/2")
    assert sorted(where(house, "on-box")) == ["box", "lan"]


def choose(page: Page, field: str, value: str) -> None:
    """Choose one of the round buttons, by its label as people do."""
    page.locator(f"label:has(input[name={field}][value={value}])").click()


def where(house: House, name: str) -> list[str]:
    """Return the hosts of a deployment's replicas that serve, in the order of the replicas."""
    query = (
        "select h.name from models_app_replica r join models_app_host h on h.id = r.host_id"
        " join models_app_deployment d on d.id = r.deployment_id"
        " where d.name = ? and r.state != 'retired' order by r.id"
    )
    return [str(row[0]) for row in rows(house, query, name)]


def containers(engine: DockerEngine) -> list[str]:
    """Return the running engines, as Docker itself lists them."""
    wanted = ["--filter", "label=dev.slipway.workload", "--filter", "status=running"]
    return engine.docker("ps", "-q", "--no-trunc", *wanted).split()


def told(house: House) -> str:
    """Return what the ledger last told, for a test that waits in vain."""
    query = "select code, params, evidence from models_app_event order by id desc limit 12"
    return "\n".join(map(str, rows(house, query)))


def rows(house: House, query: str, *values: str) -> list[tuple[object, ...]]:
    """Ask the ledger."""
    with closing(sqlite3.connect(house.data / "slipway.sqlite3", timeout=20)) as ledger:
        return ledger.execute(query, values).fetchall()
