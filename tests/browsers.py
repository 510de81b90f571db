"""A real browser for tests: opens pages in any size, theme and language, and judges them.

`Browser.open` returns a page whose console errors and security reports are kept; `judge` fails on
any of them, on sideways scrolling, and on what axe calls serious.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, sync_playwright

PHONE, DESK = 390, 1440
HEIGHTS = {PHONE: 844, DESK: 900}
NAMES = ("chromium", "chromium-browser", "google-chrome")
SERIOUS = {"serious", "critical"}


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is looked at."""

    width: int = DESK
    theme: str = "light"
    language: str = "en"

    def __str__(self) -> str:
        return f"{self.width}-{self.theme}-{self.language}"


LOOKS = [Look(width, theme) for width in (DESK, PHONE) for theme in ("light", "dark")]


@dataclass
class Seen:
    """A page and what its console said."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def judge(self, *, name: str = "") -> None:
        """Fail on complaints, sideways scrolling, and serious findings of axe."""
        widths = self.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert widths[0] <= widths[1], f"{name} scrolls sideways: {widths}"
        found = Axe().run(self.page).response["violations"]
        serious = [
            f"{one['id']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
            for one in found
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]
        assert not serious, f"{name}: {len(serious)} findings\n" + "\n".join(serious[:5])
        assert not self.complaints, f"{name}: {self.complaints}"


class Browser:
    """One Chromium for many pages."""

    def __init__(self, chromium: Chromium) -> None:
        self.chromium = chromium

    @contextmanager
    def open(
        self,
        url: str,
        look: Look = Look(),
        *,
        cookies: list[Any] | None = None,
        silent_sockets: bool = False,
    ) -> Iterator[Seen]:
        """Open a page in a fresh profile; `cookies` as Playwright takes them.

        With `silent_sockets` every websocket opens and says nothing: for pages on a server
        that has none, which would tell of it in the console and grey the page.
        """
        context = self.chromium.new_context(
            viewport={"width": look.width, "height": HEIGHTS[look.width]},
            color_scheme="dark" if look.theme == "dark" else "light",
            locale=look.language,
            timezone_id="Europe/Rome",
            has_touch=look.width == PHONE,
            reduced_motion="reduce",
        )
        try:
            if cookies:
                context.add_cookies(cookies)
            if silent_sockets:
                context.route_web_socket("**/ws/**", lambda _socket: None)
            page = context.new_page()
            seen = Seen(page)
            page.on("console", lambda line: _keep(seen, line.type, line.text))
            page.on("pageerror", lambda error: seen.complaints.append(str(error)))
            page.goto(url, wait_until="networkidle")
            yield seen
        finally:
            context.close()


def _keep(seen: Seen, kind: str, text: str) -> None:
    if kind in {"error", "warning"}:
        seen.complaints.append(text)


@contextmanager
def chromium_browser() -> Iterator[Browser]:
    """Start Chromium: the machine's own when there is one."""
    own = next((path for name in NAMES if (path := shutil.which(name))), None)
    # Playwright keeps a loop in this thread; Django would take its own queries for async ones.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
        try:
            yield Browser(chromium)
        finally:
            chromium.close()
            os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
