"""The gateway's pages in a real browser: empty, with data; an alias drawn while it is edited."""

import pytest
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from models_app.models import User
from tests import factories
from tests.browsers import DESK, PHONE, Browser, Look
from tests.controlplane.web import fleet
from tests.controlplane.web.test_pages_look import around, look_at_all
from tests.controlplane.web.views.test_every_page import pages

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
EMPTY = ("/gateway/", "/gateway/keys/", "/gateway/aliases/", "/new/gateway-key", "/new/alias")
OURS = ("usage", "gateway", "alias", "connect", "settings")


@pytest.mark.parametrize("look", [Look(DESK, "light"), Look(PHONE, "dark", "it")], ids=str)
def test_the_gateways_pages_are_calm(
    browser: Browser, live_server: LiveServer, alice: User, charlie: User, look: Look
) -> None:
    found = pages(fleet.make_fleet("failing", text="A name that a person gave, rather long"))
    ours = {name: path for name, path in found.items() if any(word in name for word in OURS)}
    assert len(ours) > 12
    with around(browser, live_server, alice, look) as seen:
        look_at_all(seen, live_server, ours, look)


@pytest.mark.parametrize("look", [Look(DESK, "dark"), Look(PHONE, "light")], ids=str)
def test_they_are_calm_when_there_is_nothing(
    browser: Browser, live_server: LiveServer, alice: User, look: Look
) -> None:
    with around(browser, live_server, alice, look) as seen:
        look_at_all(seen, live_server, {address: address for address in EMPTY}, look)


def test_an_alias_is_drawn_as_it_is_written(
    browser: Browser, live_server: LiveServer, alice: User
) -> None:
    for name in ("one", "two"):
        factories.make_deployment(name)
    with around(browser, live_server, alice, Look(DESK)) as seen:
        page = seen.page
        page.goto(live_server.url + reverse("web:alias-new"))
        rows = page.locator("[data-alias-share]:visible")
        assert rows.count() == 1, "one empty row at a time"
        page.select_option("[name=target-0]", "one")
        assert rows.count() == 2
        page.select_option("[name=target-1]", "two")
        page.fill("[name=weight-0]", "9")
        key = page.locator("[data-alias-picture] .memory-key")
        assert "one 90 %" in key.inner_text()
        assert "two 10 %" in key.inner_text()
        widths = page.locator("[data-alias-picture] .split-bar .split-slice").evaluate_all(
            "all => all.map((one) => one.getAttribute('width'))"
        )
        assert widths == ["90%", "10%"]
        seen.judge(name="alias form")
