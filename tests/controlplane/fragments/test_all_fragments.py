"""Every registered fragment is painted for a socket as its page painted it."""

import re
from typing import Any

import pytest
from django.test import Client

from controlplane.fragments import catalogue
from controlplane.fragments.painting import paint_named
from controlplane.fragments.registry import fragments_registered
from models_app.domain.errors import NotFoundError
from models_app.models import User
from tests.controlplane.web import fleet
from tests.factories import actor_of

catalogue.load()
NAMES = sorted(fragment.name for fragment in fragments_registered())
OF = {fragment.name: fragment.of for fragment in fragments_registered()}


def ref_of(row: fleet.Fleet, name: str) -> str:
    kind = OF[name]
    return str(getattr(row, kind).public_id) if kind else ""


@pytest.mark.parametrize("state", ["well", "failing", "stopped"])
@pytest.mark.parametrize("name", NAMES)
def test_it_has_one_root_that_names_itself(alice: User, name: str, state: str) -> None:
    row = fleet.make_fleet(state, text=fleet.HOSTILE)
    html = paint_named(name, actor_of(alice), id=ref_of(row, name), query="path=/").strip()
    root = re.match(r"<(\w+)[^>]*>", re.sub(r"^<!--.*?-->", "", html, flags=re.DOTALL))
    assert root, html[:200]
    assert f'data-live="{name}"' in root[0]
    assert ' id="' in root[0]
    assert html.endswith(f"</{root[1]}>")
    assert "<img" not in html
    assert "csrfmiddlewaretoken" not in html, "a socket has no token; htmx sends its own"


@pytest.mark.parametrize("name", [name for name in NAMES if OF[name]])
def test_an_object_that_is_gone_is_said_to_be(alice: User, name: str) -> None:
    with pytest.raises(NotFoundError):
        paint_named(name, actor_of(alice), id="00000000-0000-0000-0000-000000000001")


@pytest.mark.parametrize("name", NAMES)
def test_a_viewer_gets_no_buttons(charlie: User, name: str) -> None:
    row = fleet.make_fleet("failing")
    html = paint_named(name, actor_of(charlie), id=ref_of(row, name))
    assert "hx-post" not in html
    assert "data-dialog-open" not in html


def test_over_http_it_is_the_same(alice: User, alice_browser: Client) -> None:
    row = fleet.make_fleet("well")
    ref = str(row.deployment.public_id)
    address = f"/parts/deployment.head?id={ref}"
    html = alice_browser.get(address, headers={"HX-Request": "true"}).content.decode()
    assert _still(html) == _still(paint_named("deployment.head", actor_of(alice), id=ref))
    assert alice_browser.get("/parts/no.such").status_code == 404


def _still(html: str) -> Any:
    return re.sub(r"<time[^>]*>[^<]*</time>", "", html)
