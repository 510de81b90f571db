"""Selecting rows in a real browser: live repaints keep the selection, and deleting is calm."""

import pytest
from pytest_django.live_server_helper import LiveServer

from models_app.domain.states import Wish
from models_app.models import Deployment, User
from tests import factories
from tests.browsers import DESK, PHONE, Browser, Look
from tests.controlplane.web.test_pages_look import around

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LOOKS = [Look(DESK, "dark"), Look(PHONE, "light")]
REPAINT = (  # as after an action without a socket
    "document.documentElement.dataset.updates = 'off';"
    "document.dispatchEvent(new CustomEvent('slipway:repaint'))"
)


@pytest.fixture(autouse=True)
def three(transactional_db: None) -> None:
    factories.make_engine()
    for name in ("apple", "banana", "cherry"):
        factories.make_deployment(name)


def test_a_selection_stays_with_its_rows_when_others_come(
    browser: Browser, live_server: LiveServer, alice: User
) -> None:
    with around(browser, live_server, alice, Look()) as seen:
        page = seen.page
        page.goto(f"{live_server.url}/deployments/", wait_until="networkidle")
        page.check("input[value=banana]")
        factories.make_deployment("aardvark")  # one more row above it
        page.evaluate(REPAINT)
        page.wait_for_selector("input[value=aardvark]")
        assert page.is_checked("input[value=banana]")
        assert not page.is_checked("input[value=apple]")
        assert page.get_attribute("tr[data-key=banana]", "aria-selected") == "true"
        assert page.inner_text("[data-bulk-count]") == "Selected: 1"
        page.click("[data-bulk-bar] button[value=stop]")
        page.wait_for_selector(".toast")
        assert "1 deployment stops." in page.inner_text(".toast")
        assert not page.is_visible("[data-bulk-bar]")
        assert Deployment.objects.get(name="banana").wish == Wish.STOPPED
        page.click(".toast [data-undo]")
        page.wait_for_selector(".toast:has-text('1 deployment starts.')")
        assert Deployment.objects.get(name="banana").wish == Wish.RUNNING
        assert not seen.complaints


def test_enter_in_a_box_does_nothing(
    browser: Browser, live_server: LiveServer, alice: User
) -> None:
    with around(browser, live_server, alice, Look()) as seen:
        page = seen.page
        page.goto(f"{live_server.url}/deployments/", wait_until="networkidle")
        page.check("input[value=banana]")
        page.press("input[value=banana]", "Enter")
        page.wait_for_timeout(500)
        assert page.url.endswith("/deployments/")
        assert Deployment.objects.get(name="banana").wish == Wish.RUNNING


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_deleting_many_is_asked_for_calmly(
    browser: Browser, live_server: LiveServer, alice: User, look: Look
) -> None:
    factories.make_artifact(factories.make_model("free"))
    with around(browser, live_server, alice, look) as seen:
        page = seen.page
        page.goto(f"{live_server.url}/models/", wait_until="networkidle")
        for box in page.locator("tbody input[type=checkbox]").all():
            box.check()
        seen.judge(name=f"models selected {look}")
        page.click("[data-bulk-bar] .button-danger")
        page.wait_for_selector("#confirm-name")
        seen.judge(name=f"models to delete {look}")
        page.goto(f"{live_server.url}/deployments/", wait_until="networkidle")
        page.check("input[value=apple]")
        page.check("input[value=cherry]")
        page.click("[data-bulk-bar] .button-danger")
        page.wait_for_selector("#confirm-name")
        seen.judge(name=f"deployments to delete {look}")
        assert page.is_disabled("main .button-danger")
        page.fill("#confirm-name", "2")
        page.click("main .button-danger")
        page.wait_for_selector(".toast:has-text('2 deployments are being deleted.')")
    wishes = dict(Deployment.objects.values_list("name", "wish"))
    assert wishes == {"apple": Wish.DELETED, "banana": Wish.RUNNING, "cherry": Wish.DELETED}
