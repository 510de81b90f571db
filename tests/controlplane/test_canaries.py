"""Secrets leave nothing behind: not in answers, not in pages, not in the database, not in logs.

Canaries are put in by every way that takes a secret; then everything that can be read is read.
"""

import logging
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from controlplane.sign_in_address import sign_in_address
from models_app.models import User
from models_app.services.sign_in import link_create
from tests.conftest import browser_of
from tests.controlplane.api.callers import Caller, caller_of
from tests.controlplane.api.routes import ROUTES, filled, make_world
from tests.controlplane.web import fleet
from tests.controlplane.web.views.test_every_page import pages

pytestmark = pytest.mark.django_db

CANARY = "CANARY-5e1f0a9d2b7c4e8fa6b3"


@dataclass(frozen=True)
class Planted:
    """What must not be seen anywhere, and who looks."""

    texts: tuple[str, ...]
    admin: Caller
    browser: Client


@pytest.fixture
def planted(alice: User, caplog: pytest.LogCaptureFixture) -> Planted:
    caplog.set_level(logging.DEBUG)
    admin = caller_of(alice)
    host = admin.post(
        "/hosts",
        {
            "name": "attic",
            "runtime": "ollama",
            "connection": {"url": "https://10.0.0.7:11434"},
            "secret": {"bearer": CANARY},
        },
    )
    assert host.status_code == 201, host.content
    user = {"name": "dora", "role": "viewer", "password": f"{CANARY} pass"}
    assert admin.post("/users", user).status_code == 201
    token = admin.post("/tokens", {"name": "robot", "scopes": ["read"]}).json()["token"]
    admin.call("GET", "/hosts", None, X_Api_Key=CANARY, Cookie=f"x={CANARY}")
    admin.client.get("/api/v1/hosts", headers={"Authorization": f"Bearer slip_{CANARY}"})
    admin.send("POST", "/hosts", b'{"secret": {"bearer": "' + CANARY.encode() + b'"}, ')
    admin.post("/hosts", {"name": 5, "secret": {"bearer": CANARY}})
    browser = browser_of(alice)
    browser.post("/sign-in", {"name": "alice", "password": CANARY})
    secret_of_token = token.split("_", 2)[2]
    own = admin.token.split("_", 2)[2]
    return Planted((CANARY, secret_of_token, own), admin, browser_of(alice))


def seen(planted: Planted, text: str) -> list[str]:
    return [canary for canary in planted.texts if canary in text]


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "GET"], ids=lambda r: r.name)
def test_no_answer_of_the_api_tells_a_secret(planted: Planted, route: Any) -> None:
    world = make_world(planted.admin.user)
    response: Any = planted.admin.call("GET", filled(route.path, world))
    content = b"".join(response.streaming_content) if response.streaming else response.content
    assert not seen(planted, content.decode())
    assert not seen(planted, str(response.headers))


def test_no_page_tells_a_secret(planted: Planted, charlie: User) -> None:
    addresses = pages(fleet.make_fleet("failing"))
    for name, address in [*addresses.items(), ("that host", "/hosts/attic/")]:
        response = planted.browser.get(address)
        assert response.status_code == 200, name
        assert not seen(planted, response.content.decode()), name


def test_the_database_holds_no_secret_in_the_clear(planted: Planted) -> None:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            rows = repr(cursor.fetchall())
            assert not seen(planted, rows), table


def test_no_log_line_tells_a_secret(planted: Planted, caplog: pytest.LogCaptureFixture) -> None:
    planted.admin.get("/audit")
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    assert any("/api/v1/hosts" in record.getMessage() for record in records)
    told = "\n".join(f"{r.getMessage()} {r.args} {r.exc_text}" for r in records)
    assert not seen(planted, told)


def written(records: list[logging.LogRecord]) -> str:
    """Return what the log of an installation holds of these records."""
    handlers = {h.get_name(): h for h in logging.getLogger().handlers}
    handler = handlers["stderr"]
    return "\n".join(handler.format(record) for record in records if handler.filter(record))


def test_no_log_line_tells_a_link_that_still_opens(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = link_create(alice)
    address = sign_in_address(secret)
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.post(address).status_code == 403  # a click without the page it belongs to
    assert Client().post(address).status_code == 302
    assert Client().post(address).status_code == 401  # used up
    lines = written(caplog.records)
    assert "/sign-in/link/***" in lines
    assert secret not in lines
