"""The settings page: true facts, no secret, rules that are saved or refused beside their field."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from controlplane.settings import env
from controlplane.version import VERSION
from controlplane.web.instance_facts import _place
from models_app.models import InstanceSettings
from tests import factories
from tests.controlplane.web.posting import post

GOOD = {
    "version": "1",
    "metrics_days": "10",
    "events_days": "60",
    "token_days": "90",
    "fetch_networks": "192.168.10.0/24\n\n10.0.0.0/8",
}


def test_it_says_what_is_here_and_none_of_the_secrets(alice_browser: Client) -> None:
    factories.make_artifact(size_bytes=3 << 30)
    html = alice_browser.get(reverse("web:settings")).content.decode()
    for fact in (VERSION, str(settings.PATHS.root), settings.INSTANCE_ID, "SQLite", "3.0 GiB"):
        assert fact in html
    for secret in settings.PATHS.secrets.iterdir():
        if secret.name != "instance_id" and secret.is_file():
            assert secret.read_text().strip() not in html


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://slipway:s3cret@db.lan:5432/slipway", "db.lan:5432/slipway"),
        ("redis://:s3cret@cache.lan/0", "cache.lan/0"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_who_signs_in_there(url: str, shown: str) -> None:
    assert _place(url) == shown


def test_every_setting_of_the_environment_is_told(alice_browser: Client) -> None:
    read = set(re.findall(r"SLIPWAY_[A-Z_]+", Path(env.__file__).read_text()))
    assert len(read) > 12
    html = alice_browser.get(reverse("web:settings")).content.decode()
    not_for_people = {"SLIPWAY_PART"}  # `up` tells its parts which they are
    assert {name for name in read if name not in html} == not_for_people


def test_rules_are_saved_and_shown_again(alice_browser: Client) -> None:
    address = reverse("web:settings")
    response = post(alice_browser, address, {**GOOD, "shows_test_engines": "on"})
    assert response["Location"] == address
    row = InstanceSettings.objects.get()
    assert (row.metrics_days, row.token_days, row.shows_test_engines) == (10, 90, True)
    assert row.fetch_networks == ["192.168.10.0/24", "10.0.0.0/8"]
    html = alice_browser.get(address).content.decode()
    assert "The settings were saved." in html
    assert "192.168.10.0/24\n10.0.0.0/8" in html
    audit = alice_browser.get(reverse("web:audit") + "?action=settings.").content.decode()
    assert "settings.edit" in audit


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"metrics_days": "0"}, "greater than or equal to 1"),
        ({"fetch_networks": "8.8.8.0/24"}, "8.8.8.0/24 is no private network."),
        ({"fetch_networks": "<b>"}, "&lt;b&gt; is no private network."),
    ],
)
def test_a_mistake_is_told_beside_its_field_and_what_was_typed_stays(
    alice_browser: Client, wrong: dict[str, str], words: str
) -> None:
    response = post(alice_browser, reverse("web:settings"), {**GOOD, **wrong})
    html = response.content.decode()
    assert response.status_code == 422
    assert words in html
    assert 'value="60"' in html
    assert not InstanceSettings.objects.exists()


def test_the_longest_token_is_what_the_rules_say(alice_browser: Client) -> None:
    post(alice_browser, reverse("web:settings"), {**GOOD, "token_days": "20"})
    html = alice_browser.get(reverse("web:tokens")).content.decode()
    assert 'name="days" value="20" min="1" max="20"' in html


def test_an_operator_sees_no_settings(bob_browser: Client) -> None:
    assert bob_browser.get(reverse("web:settings")).status_code == 403
    assert reverse("web:settings") not in bob_browser.get("/").content.decode()
