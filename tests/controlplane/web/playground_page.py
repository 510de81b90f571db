"""The playground as a test uses it: asks, waits, reads what a bubble says."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.controlplane.gateway.scripted_engine import ScriptedEngine, scripted_engine

ANSWER_MS = 20_000


class Playground:
    """One open playground."""

    def __init__(self, page: Page, *, patience_ms: float = ANSWER_MS) -> None:
        self.page = page
        self.patience_ms = patience_ms  # of one answer: real models on loaded machines need more

    def column(self, number: int = 0) -> Locator:
        """One conversation."""
        return self.page.locator(f"[data-column='{number}']")

    def ask(self, text: str) -> None:
        """Write a message and send it."""
        self.page.fill("#composer-text", text)
        self.page.press("#composer-text", "Enter")

    def answers(self, column: int = 0) -> Locator:
        """The bubbles of a column's answers."""
        return self.column(column).locator(".turn-answer")

    def answered(self, count: int = 1, column: int = 0, state: str = "done") -> Locator:
        """Wait until the last of `count` answers has ended like that; return it."""
        expect(self.answers(column)).to_have_count(count, timeout=self.patience_ms)
        last = self.answers(column).nth(count - 1)
        expect(last).to_have_attribute("data-state", state, timeout=self.patience_ms)
        return last

    def streaming(self, count: int = 1) -> Locator:
        """Wait until the first words of an answer are there; return it."""
        expect(self.answers()).to_have_count(count, timeout=self.patience_ms)
        last = self.answers().nth(count - 1)
        expect(last).to_have_attribute("data-state", "streaming", timeout=self.patience_ms)
        return last

    def parameter(self, name: str, value: str) -> None:
        """Fill a field of the drawer, which is opened for it."""
        if "drawer-open" not in (self.page.get_attribute("#parameters", "class") or ""):
            self.page.click("[data-drawer-open]")
        self.page.fill(f"#parameters [name={name}]", value)

    def request_of(self, answer: Locator) -> dict[str, Any]:
        """Open an answer's request; return its JSON as shown. The dialog is closed again."""
        answer.locator("[data-turn-request]").click()
        shown = self.page.locator("#request-json code").inner_text()
        self.page.click("#request .dialog-foot button")
        body: dict[str, Any] = json.loads(shown)
        return body


@contextmanager
def scripted(*script: bytes | str | float) -> Iterator[ScriptedEngine]:
    """Run a scripted engine on a loop of its own, for tests that have none."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    context = scripted_engine(*script)
    try:
        yield asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(10)
    finally:
        end = context.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(end, loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
