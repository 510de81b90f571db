"""The three pages of the gateway, as tabs."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext


def tabs_of(current: str) -> list[dict[str, Any]]:
    """Return the tabs, the current one marked."""
    tabs = (
        ("usage", gettext("Usage"), "web:gateway"),
        ("keys", gettext("Keys"), "web:gateway-keys"),
        ("aliases", gettext("Aliases"), "web:aliases"),
    )
    return [
        {"label": label, "url": reverse(route), "current": key == current, "count": None}
        for key, label, route in tabs
    ]
