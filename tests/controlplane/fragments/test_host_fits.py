"""The part of a host's page that says what could run there."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from models_app.domain.states import Scheduling
from models_app.models import Host
from tests import factories
from tests.factories import GIB


@pytest.fixture
def asked(db: None) -> str:
    factories.make_engine()
    host = factories.make_host("till-1")
    factories.make_artifact(factories.make_model("small"))
    facts = factories.artifact_facts(tensor_bytes=40 * GIB)
    factories.make_artifact(factories.make_model("huge"), facts=facts)
    return f"{reverse('web:part', args=['host.fits'])}?id={host.public_id}"


def test_it_says_what_fits_with_figures_and_leads_to_the_form(
    bob_browser: Client, asked: str
) -> None:
    html = bob_browser.get(asked).content.decode()
    assert "1 of 2 artifacts fit beside what runs now." in html
    assert "fits, " in html
    assert "does not fit, 28." in html
    assert html.count("Deploy here") == 1
    address = html.split('href="' + reverse("web:deployment-new"))[1].split('"')[0]
    form = bob_browser.get(reverse("web:deployment-new") + address.replace("&amp;", "&"))
    chosen = re.findall(r"<input[^>]*checked[^>]*>", form.content.decode())
    assert any('name="hosts"' in box and 'value="till-1"' in box for box in chosen), chosen
    assert any('name="where"' in box and 'value="hosts"' in box for box in chosen), chosen


def test_a_viewer_reads_it_and_a_closed_host_says_so(charlie_browser: Client, asked: str) -> None:
    Host.objects.update(scheduling=Scheduling.CORDONED)
    html = charlie_browser.get(asked).content.decode()
    assert "The host is closed" in html
    assert "Deploy here" not in html


def test_many_artifacts_are_shown_when_asked_for(bob_browser: Client, asked: str) -> None:
    for _ in range(15):
        factories.make_artifact()
    assert "Show 5 more" in bob_browser.get(asked).content.decode()
    everything = bob_browser.get(f"{asked}&query=fits%3Dall").content.decode()
    assert everything.count("<tr data-key") == 17
    assert 'data-live-query="fits=all"' in everything


def test_an_empty_store_says_what_will_be_here(bob_browser: Client, db: None) -> None:
    host = factories.make_host()
    address = f"{reverse('web:part', args=['host.fits'])}?id={host.public_id}"
    assert "No model is here yet." in bob_browser.get(address).content.decode()
