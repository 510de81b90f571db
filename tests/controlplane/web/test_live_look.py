"""A part of a page that cannot be read again says so in words, until it can."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from models_app.models import User
from tests.browsers import Browser, Look
from tests.website import Website, website

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning"),
]
WAIT_MS = 30_000
ASK_AGAIN = "document.dispatchEvent(new CustomEvent('htmx:afterSettle', { bubbles: true }))"


@pytest.fixture
def site(transactional_db: None) -> Iterator[Website]:
    with website() as running:
        yield running


def show_as(page: Page, name: str) -> None:
    """Let the page's first part be another one, and say anew what is shown."""
    page.evaluate(
        "(name) => { document.querySelector('main [data-live]').dataset.live = name }", name
    )
    page.evaluate(ASK_AGAIN)


def test_a_part_that_cannot_be_read_says_since_when(
    browser: Browser, site: Website, alice: User
) -> None:
    cookies = site.session_of(alice)
    with browser.open(f"{site.url}/operations/", Look(), cookies=cookies) as seen:
        page = seen.page
        word = page.locator("#live-indicator .live-word")
        expect(word).to_have_text("live", timeout=WAIT_MS)
        part = page.locator("main [data-live]").first
        known = part.get_attribute("data-live") or ""
        show_as(page, "no.such")
        expect(word).to_have_text("partly out of date", timeout=WAIT_MS)
        told = page.evaluate(
            "getComputedStyle(document.querySelector('main [data-live]'), '::before').content"
        )
        assert "Not updated since" in told
        assert "NOT_FOUND" in told
        show_as(page, known)
        expect(word).to_have_text("live", timeout=WAIT_MS)
        assert part.get_attribute("data-live-stale") is None
        assert seen.complaints == []
