"""Coming in and going out: by password, by a link that works once, at the first run."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.sign_in_address import sign_in_address
from models_app.models import User
from models_app.services.people import admin_ensure
from models_app.services.sign_in import link_create
from tests import factories

GOOD = {"name": "alice", "password": factories.PASSWORD}


def test_name_and_password_lead_where_one_wanted(client: Client, alice: User) -> None:
    page = client.get("/hosts/")
    assert page["Location"] == "/sign-in?next=/hosts/"
    response = client.post("/sign-in?next=/hosts/", {**GOOD, "next": "/hosts/"})
    assert response["Location"] == "/hosts/"
    assert client.get("/hosts/").status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_elsewhere(client: Client, alice: User, elsewhere: str) -> None:
    response = client.post("/sign-in", {**GOOD, "next": elsewhere})
    assert response["Location"] == "/"


@pytest.mark.parametrize("wrong", [{"password": "x"}, {"name": "nobody"}])
def test_name_and_password_are_refused_alike(
    client: Client, alice: User, wrong: dict[str, Any]
) -> None:
    response = client.post("/sign-in", {**GOOD, **wrong})
    assert response.status_code == 401
    assert "Name or password is wrong." in response.content.decode()


def test_guessing_gets_slow(client: Client, alice: User) -> None:
    answers = [client.post("/sign-in", {**GOOD, "password": "x"}).status_code for _ in range(7)]
    assert answers[-1] == 429
    assert client.post("/sign-in", GOOD).status_code == 429, "the right one waits too"


def test_the_session_is_new_and_ends(client: Client, alice: User) -> None:
    client.get("/sign-in")
    client.post("/sign-in", GOOD)
    key = client.session.session_key or ""
    assert client.get("/sign-in")["Location"] == "/", "signed in already"
    assert client.post(reverse("web:sign-out"))["Location"] == "/sign-in"
    assert client.get("/").status_code == 302
    client.cookies["slipway_session"] = key
    assert client.get("/").status_code == 302, "the old cookie is worth nothing"


def test_a_link_asks_for_a_click_and_works_once(client: Client, alice: User) -> None:
    address = sign_in_address(link_create(alice))
    assert client.get(address).status_code == 200
    assert client.get("/").status_code == 302, "looking did not sign in"
    assert client.post(address)["Location"] == "/"
    assert client.get("/").status_code == 200
    again = Client().post(address)
    assert again.status_code == 401
    assert "does not work any more" in again.content.decode()


def test_a_made_up_link_is_refused(client: Client, db: None) -> None:
    assert client.post(sign_in_address("x" * 43)).status_code == 401


def test_the_first_admin_chooses_name_and_password(client: Client, db: None) -> None:
    admin = admin_ensure()
    assert admin is not None
    factories.make_host("this-machine")
    factories.make_artifact(factories.make_model("smollm2"))
    assert client.post(sign_in_address(link_create(admin)))["Location"] == "/first-run"
    assert client.get("/hosts/")["Location"] == "/first-run", "first things first"
    html = client.get("/first-run").content.decode()
    assert "this-machine" in html
    assert "Smollm2" in html
    chosen = {"name": "ada", "display_name": "Ada", "password": "three random words"}
    wrong = client.post("/first-run", {**chosen, "again": "two random words"})
    assert wrong.status_code == 422
    assert "The two are not the same." in wrong.content.decode()
    short = client.post("/first-run", {**chosen, "password": "x", "again": "x"})
    assert "12 characters" in short.content.decode()
    assert client.post("/first-run", {**chosen, "again": chosen["password"]})["Location"] == "/"
    assert client.get("/").status_code == 200
    assert client.get("/first-run")["Location"] == "/", "possible once"
    fresh = Client()
    fresh.post("/sign-in", {"name": "ada", "password": chosen["password"]})
    assert fresh.get("/").status_code == 200


def test_what_is_typed_as_password_never_comes_back(client: Client, alice: User) -> None:
    html = client.post("/sign-in", {**GOOD, "password": "my-secret-typo"}).content.decode()
    assert "my-secret-typo" not in html


def test_pages_of_the_sign_in_are_not_kept(client: Client, alice: User) -> None:
    for address in ("/sign-in", sign_in_address("x")):
        assert "no-store" in client.get(address)["Cache-Control"]


def test_the_form_needs_its_token(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/sign-in", GOOD).status_code == 403
    html = strict.get("/sign-in").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert token
    assert strict.post("/sign-in", {**GOOD, "csrfmiddlewaretoken": token[1]}).status_code == 302
