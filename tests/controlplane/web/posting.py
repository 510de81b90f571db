"""Posts as a browser does: with the token of the page before, through htmx or not."""

import json
from typing import Any

from django.test import Client
from django.urls import reverse


def post(
    browser: Client, address: str, data: dict[str, Any] | None = None, *, htmx: bool = False
) -> Any:
    """Send a form."""
    browser.get(reverse("web:profile"))
    headers = {"X-CSRFToken": browser.cookies["slipway_csrf"].value}
    if htmx:
        headers["HX-Request"] = "true"
    return browser.post(address, data or {}, headers=headers)


def toast(response: Any) -> dict[str, Any]:
    """Return the toast that an answer carries."""
    return json.loads(response["HX-Trigger"])["slipway:toast"]
