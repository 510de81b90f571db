"""Every page in a real browser: sizes, themes, Italian, axe, console, no sideways scroll."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from models_app.models import User
from tests.browsers import DESK, LOOKS, PHONE, Browser, Look, Seen
from tests.controlplane.web import fleet
from tests.controlplane.web.views.test_every_page import pages

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
EMPTY = ("/", "/deployments/", "/hosts/", "/models/", "/operations/", "/new/deployment")


def session_of(user: User, server: LiveServer) -> list[Any]:
    """Return the cookie with which a browser is signed in as the user."""
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return [{"name": cookie.key, "value": cookie.value, "url": server.url}]


def look_at_all(seen: Seen, server: LiveServer, addresses: dict[str, str], look: Look) -> None:
    for name, address in addresses.items():
        seen.complaints.clear()
        seen.page.goto(server.url + address, wait_until="networkidle")
        seen.judge(name=f"{name} {look}")


def around(browser: Browser, server: LiveServer, user: User, look: Look) -> Any:
    cookies = session_of(user, server)
    return browser.open(f"{server.url}/profile/", look, cookies=cookies, silent_sockets=True)


@pytest.mark.parametrize("look", [*LOOKS, Look(PHONE, "light", "it")], ids=str)
def test_pages_with_trouble_are_calm(
    browser: Browser, live_server: LiveServer, alice: User, charlie: User, look: Look
) -> None:
    addresses = pages(fleet.make_fleet("failing", text="A name that a person gave, rather long"))
    with around(browser, live_server, alice, look) as seen:
        look_at_all(seen, live_server, addresses, look)


@pytest.mark.parametrize("look", [Look(DESK, "light"), Look(PHONE, "dark")], ids=str)
def test_pages_without_trouble_are_calm(
    browser: Browser, live_server: LiveServer, alice: User, charlie: User, look: Look
) -> None:
    addresses = pages(fleet.make_fleet("well"))
    with around(browser, live_server, alice, look) as seen:
        look_at_all(seen, live_server, addresses, look)


@pytest.mark.parametrize("look", [Look(DESK, "dark"), Look(PHONE, "light")], ids=str)
def test_empty_pages_are_calm(
    browser: Browser, live_server: LiveServer, alice: User, look: Look
) -> None:
    with around(browser, live_server, alice, look) as seen:
        look_at_all(seen, live_server, {address: address for address in EMPTY}, look)


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_the_ways_in_are_calm(browser: Browser, live_server: LiveServer, look: Look) -> None:
    for address in ("/sign-in", "/sign-in/link/x"):
        with browser.open(live_server.url + address, look) as seen:
            seen.judge(name=f"{address} {look}")


def test_the_api_describes_itself_from_here_alone(
    browser: Browser, live_server: LiveServer, alice: User
) -> None:
    """Its page is a packaged one: every byte from this server, nothing the policy refuses."""
    with around(browser, live_server, alice, Look()) as seen:
        asked: list[str] = []
        seen.page.on("request", lambda request: asked.append(request.url))
        seen.page.add_init_script(
            "document.addEventListener('securitypolicyviolation',"
            " (event) => console.error('CSP ' + event.violatedDirective))"
        )
        seen.page.goto(f"{live_server.url}/api/v1/docs")
        seen.page.wait_for_selector(".opblock")
        seen.page.locator(".opblock-summary").first.click()
        seen.page.wait_for_selector(".opblock-body")
        assert seen.page.locator(".opblock").count() > 80
        assert all(url.startswith((live_server.url, "data:", "blob:")) for url in asked), asked
        assert not seen.complaints
