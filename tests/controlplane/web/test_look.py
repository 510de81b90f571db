"""The style guide and the error pages in a real browser: both sizes, themes and languages."""

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.browsers import DESK, LOOKS, PHONE, Browser, Look

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ERRORS = ("400", "403", "404", "500", "csrf", "offline")


@pytest.mark.parametrize(
    "look", [*LOOKS, Look(PHONE, "light", "it"), Look(DESK, "dark", "it")], ids=str
)
def test_the_style_guide_is_calm(browser: Browser, live_server: LiveServer, look: Look) -> None:
    with browser.open(f"{live_server.url}/styleguide/", look) as seen:
        seen.page.locator("#chart-cpu").scroll_into_view_if_needed()
        seen.page.wait_for_selector("#chart-cpu .chart-plot path")
        seen.page.wait_for_selector("#log .log-line")
        seen.judge(name=str(look))


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_error_pages_are_calm(browser: Browser, live_server: LiveServer, look: Look) -> None:
    for name in ERRORS:
        with browser.open(f"{live_server.url}/styleguide/error/{name}", look) as seen:
            seen.judge(name=f"{name} {look}")


def test_the_palette_goes_where_it_is_told(browser: Browser, live_server: LiveServer) -> None:
    with browser.open(f"{live_server.url}/styleguide/") as seen:
        page = seen.page
        page.keyboard.press("Control+k")
        assert page.evaluate("document.activeElement.id") == "palette-input"
        page.keyboard.type("no such thing at all")
        assert page.is_visible("#palette-none")
        seen.judge(name="palette")
        page.keyboard.press("Escape")
        assert not page.is_visible("#palette")


def test_keys_lead_to_the_search_and_to_their_own_list(
    browser: Browser, live_server: LiveServer
) -> None:
    with browser.open(f"{live_server.url}/styleguide/") as seen:
        page = seen.page
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.type") == "search"
        page.keyboard.type("?ERROR")
        assert page.input_value("[data-log-search]") == "?ERROR", "keys typed in a field are text"
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("?")
        assert page.is_visible("#keys")
        seen.judge(name="keys")


def test_the_theme_is_switched_and_remembered(browser: Browser, live_server: LiveServer) -> None:
    with browser.open(f"{live_server.url}/styleguide/") as seen:
        page = seen.page
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        light = page.evaluate(ground)
        page.click("[data-theme-switch]:visible")
        assert page.evaluate(ground) == light, "the system's theme is light already"
        page.click("[data-theme-switch]:visible")
        dark = page.evaluate(ground)
        assert dark != light
        page.reload()
        assert page.evaluate(ground) == dark


def test_the_language_is_switched_and_remembered(browser: Browser, live_server: LiveServer) -> None:
    with browser.open(f"{live_server.url}/styleguide/") as seen:
        seen.page.click("button[name=language][value=it]")
        seen.page.wait_for_load_state()
        assert seen.page.url.endswith("/styleguide/")
        assert seen.page.inner_text("h1") == "Guida di stile"
        assert seen.page.get_attribute("html", "lang") == "it"
        assert not seen.complaints


def test_the_side_bar_is_a_sheet_on_the_phone(browser: Browser, live_server: LiveServer) -> None:
    with browser.open(f"{live_server.url}/styleguide/", Look(PHONE)) as seen:
        page = seen.page
        assert not page.is_visible("#sidebar")
        page.click("[data-sheet-open]")
        page.wait_for_selector("#sidebar", state="visible")
        assert page.evaluate("document.querySelector('.frame-body').inert")
        page.keyboard.press("Escape")
        page.wait_for_selector("#sidebar", state="hidden")
        assert page.evaluate("document.activeElement.hasAttribute('data-sheet-open')")


def test_nothing_is_lost_without_typing_its_name(browser: Browser, live_server: LiveServer) -> None:
    with browser.open(f"{live_server.url}/styleguide/") as seen:
        page = seen.page
        page.click("[data-dialog-open=remove-host]")
        button = page.locator("#remove-host .button-main")
        assert button.is_disabled()
        page.fill("#remove-host-name", "till-2")
        assert button.is_disabled()
        page.fill("#remove-host-name", "till-3")
        assert button.is_enabled()
        seen.judge(name="confirm")


def test_rows_are_selected_together(browser: Browser, live_server: LiveServer) -> None:
    with browser.open(f"{live_server.url}/styleguide/") as seen:
        page = seen.page
        assert not page.is_visible("[data-bulk-bar]")
        page.check("[data-bulk-all]")
        assert page.inner_text("[data-bulk-count]") == "Selected: 4"
        page.uncheck("tbody tr:first-child input")
        assert page.evaluate("document.querySelector('[data-bulk-all]').indeterminate")


def test_a_log_line_is_text_and_search_hides_the_rest(
    browser: Browser, live_server: LiveServer
) -> None:
    with browser.open(f"{live_server.url}/styleguide/") as seen:
        page = seen.page
        page.wait_for_selector("#log .log-line")
        assert page.locator("#log .log-line script").count() == 0
        assert "\x1b" not in page.locator("#log .log-lines").inner_text()
        page.fill("[data-log-search]", "alert(")
        shown = page.locator("#log .log-line:not([hidden])")
        assert shown.count() == 40
        assert page.locator("#log mark").first.text_content() == "alert("
        page.fill("[data-log-search]", "")
        page.click("[data-log-follow]")
        page.evaluate(
            "document.getElementById('log').dispatchEvent(new CustomEvent('slipway:log-lines',"
            "{detail: {lines: [{offset: 999, text: 'the newest line'}]}}))"
        )
        assert page.locator("#log .log-line").count() == 240, "paused: lines wait"
        page.click("[data-log-follow]")
        assert page.locator("#log .log-line").count() == 241


def test_a_gap_in_the_samples_is_a_gap_in_the_line(
    browser: Browser, live_server: LiveServer
) -> None:
    with browser.open(f"{live_server.url}/styleguide/") as seen:
        page = seen.page
        page.wait_for_selector("#chart-cpu .chart-plot path")
        in_plot = "#chart-cpu .chart-plot path.series-{}.chart-line"
        assert page.locator(in_plot.format(0)).count() == 2
        assert page.locator(in_plot.format(1)).count() == 1
        page.click("#chart-cpu details summary")
        page.wait_for_selector("#chart-cpu tbody tr")
        assert "no samples" in page.inner_text("#chart-cpu .chart-table")
        page.click("#chart-cpu [data-range='24h']")
        page.wait_for_function("document.querySelectorAll('#chart-cpu tbody tr').length === 60")
        assert not seen.complaints


def test_the_live_indicator_says_when_it_is_not_live(
    browser: Browser, live_server: LiveServer
) -> None:
    tell = "document.dispatchEvent(new CustomEvent('slipway:live', {{detail: {}}}))"
    with browser.open(f"{live_server.url}/styleguide/") as seen:
        page = seen.page
        page.evaluate(tell.format("{state: 'live'}"))
        assert page.inner_text("#live-indicator") == "live"
        page.evaluate(tell.format("{state: 'paused', retryIn: 4}"))
        assert page.inner_text("#live-indicator") == "paused, retrying in 4 s"
        seen.judge(name="paused")
