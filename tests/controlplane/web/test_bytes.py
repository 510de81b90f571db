"""What a page loads stays small: 150 KB of scripts and styles, charts apart."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from tests.controlplane.web import fleet
from tests.controlplane.web.views.test_every_page import ADDRESSES, pages

BUDGET = 150_000
APART = {"chart.js"}


def sent_by(html: str) -> dict[str, int]:
    """The bytes of each script and style of a page."""
    names = re.findall(r'(?:src|href)="/static/([^"?]+\.(?:js|css))', html)
    sizes = {}
    for name in names:
        path = finders.find(name)
        assert isinstance(path, str), name
        sizes[name] = Path(path).stat().st_size
    return sizes


@pytest.mark.django_db
def test_the_style_guide_loads_every_script_and_stays_within_its_budget(client: Client) -> None:
    sizes = sent_by(client.get("/styleguide/").content.decode())
    assert "django_htmx/htmx-2.min.js" in sizes
    counted = {name: size for name, size in sizes.items() if name.split("/")[-1] not in APART}
    assert sum(counted.values()) <= BUDGET, counted


@pytest.mark.parametrize("page", ADDRESSES)
def test_every_page_stays_within_the_budget_on_the_wire(
    alice_browser: Client, charlie: object, page: str
) -> None:
    """Compressed, as the server sends them to any browser."""
    addresses = pages(fleet.make_fleet("well"))
    names = sent_by(alice_browser.get(addresses[page]).content.decode())
    assert "slipway/frame.js" in names
    paths = [finders.find(name) for name in names if name.split("/")[-1] not in APART]
    sizes = [len(gzip.compress(Path(path).read_bytes())) for path in paths if isinstance(path, str)]
    assert sum(sizes) <= BUDGET
