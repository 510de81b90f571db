"""What every person does first, and what their browser would complain about."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect

PATIENCE_S = 180.0  # of one step on a loaded machine; an idle one needs a few seconds for each
PATIENCE_MS = PATIENCE_S * 1000
PASSWORD = "correct horse battery"
TELLS_CSP = (  # a report that the console would not show is still a report
    "document.addEventListener('securitypolicyviolation',"
    " (event) => console.error('CSP ' + event.violatedDirective + ' ' + event.blockedURI))"
)


def sign_in(page: Page, *, sees: str = "") -> None:
    """By the link of the console; then a name, a password, and what is here already."""
    page.reload()  # with the init script; a link is used up by its button, not by being seen
    page.click("main form button")
    page.wait_for_url("**/first-run")
    expect(page.locator("main")).to_contain_text(sees)
    page.fill("input[name=name]", "ada")
    page.fill("input[name=password]", PASSWORD)
    page.fill("input[name=again]", PASSWORD)
    page.click("main form .button-main")
    page.wait_for_url(re.compile(r":\d+/$"))
    expect(page.locator("h1")).to_have_text("Overview")


def of_the_page(complaints: list[str]) -> list[str]:
    """Return what the browser complained of, without requests that were cut as a page was left.

    htmx tells of those by two names. When a server does not answer, Chromium says so as well, and
    that is kept.
    """
    cut = ("htmx:afterRequest", "htmx:sendError")
    return [one for one in complaints if not one.startswith(cut)]


@contextmanager
def telling(page: Page) -> Iterator[None]:
    """Print what the page said when a step of the story did not come true."""
    try:
        yield
    except Exception:
        sys.stderr.write(f"{page.url}\n{page.locator('main').inner_text()}\n")
        raise
