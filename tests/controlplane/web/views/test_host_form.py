"""The form of a host: tested before it is kept, and its secrets are written only."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from models_app.domain.identities import fingerprint
from models_app.domain.states import OperationState
from models_app.models import Host, Operation, User
from models_app.services.hosts import host_add
from models_app.services.leases import lease_take
from models_app.services.observed.operations import operation_end, operation_progress
from models_app.services.sealing import unseal
from tests import factories
from tests.controlplane.web.posting import post, toast
from tests.credentials import client_secret, ssh_host_key, ssh_private_key
from tests.factories import actor_of

pytestmark = pytest.mark.django_db

NEW, TEST = "/new/host", "/new/host/test"
SSH = {"runtime": "docker", "transport": "ssh", "address": "10.0.0.5:22", "user": "ops"}
OLLAMA = {"runtime": "ollama", "url": "https://ai.lan"}
IDENTITY = {"ssh_host_key": ssh_host_key()}


def finish(check: Operation, **result: Any) -> Operation:
    """End a test as the hands would."""
    lease = lease_take(Operation, check.pk, "test")
    assert lease
    operation_progress(lease, check, phase="connecting")
    told = {"facts": factories.host_facts(), "usage": factories.host_usage(), "warnings": []}
    operation_end(lease, check, OperationState.SUCCEEDED, result=told | result)
    return check


def tried(browser: Client, data: dict[str, str], **result: Any) -> Operation:
    """Press the button of the form, and let the hands answer."""
    response = post(browser, TEST, data, htmx=True)
    check = Operation.objects.latest("pk")
    assert f'data-live-id="{check.public_id}"' in response.content.decode()
    return finish(check, **result)


def test_a_host_is_added_as_it_was_tested_and_the_secret_is_not_asked_again(
    alice_browser: Client,
) -> None:
    key = ssh_private_key()
    shown = fingerprint(IDENTITY)
    check = tried(alice_browser, SSH | {"ssh_key": key}, identity=IDENTITY, fingerprint=shown)
    data = SSH | {"name": "Shop!", "check": str(check.public_id), "trusted": shown}
    again = post(alice_browser, NEW, data)
    assert again.status_code == 422
    html = again.content.decode()
    assert shown in html
    assert "checked" in html
    assert "PRIVATE KEY" not in html
    assert post(alice_browser, NEW, data | {"name": "shop"}).status_code == 302
    host = Host.objects.get()
    assert host.connection == {
        "transport": "ssh",
        "address": "10.0.0.5:22",
        "user": "ops",
        "path": "/var/run/docker.sock",
    }
    assert unseal(host, "secret")["private_key"].strip() == key.strip()
    assert host.identity == IDENTITY
    check.refresh_from_db()
    assert check.secret == ""


def test_ends_of_lines_are_no_change_of_what_was_tested(alice_browser: Client) -> None:
    """The button sends a key with plain ends of lines, the form itself as the web has them."""
    key, shown = ssh_private_key(), fingerprint(IDENTITY)
    check = tried(alice_browser, SSH | {"ssh_key": key}, identity=IDENTITY, fingerprint=shown)
    data = SSH | {"name": "shop", "check": str(check.public_id), "trusted": shown}
    sent = data | {"ssh_key": key.replace("\n", "\r\n")}
    assert post(alice_browser, NEW, sent).status_code == 302


def test_an_identity_must_be_confirmed_and_a_changed_form_tested_again(
    alice_browser: Client,
) -> None:
    shown = fingerprint(IDENTITY)
    key = ssh_private_key()
    check = tried(alice_browser, SSH | {"ssh_key": key}, identity=IDENTITY, fingerprint=shown)
    data = SSH | {"name": "shop", "check": str(check.public_id)}
    unconfirmed = post(alice_browser, NEW, data)
    assert unconfirmed.status_code == 422
    assert "tick this" in unconfirmed.content.decode()
    data |= {"trusted": shown}
    for change in ({"address": "10.0.0.6:22"}, {"ssh_key": ssh_private_key()}):
        response = post(alice_browser, NEW, data | change)
        assert response.status_code == 422
        assert "changed after it was tested" in response.content.decode()
    assert not Host.objects.exists()


def test_mistakes_are_told_where_one_tests(alice_browser: Client) -> None:
    html = post(alice_browser, TEST, SSH | {"address": "-oProxyCommand=id"}, htmx=True)
    assert "Address:" in html.content.decode()
    assert "10.0.0.5:2376" in html.content.decode()
    html = post(alice_browser, TEST, SSH, htmx=True)
    assert "Private SSH key:" in html.content.decode()
    html = post(alice_browser, TEST, {"transport": "unix"}, htmx=True)
    assert html.status_code == 200
    assert not Operation.objects.exists()


def test_without_a_test_the_form_is_taken_at_its_word(alice_browser: Client) -> None:
    tls = client_secret()
    data = {
        "name": "attic",
        "runtime": "docker",
        "transport": "tcp",
        "address": "attic.lan:2376",
        "ca": tls["ca"],
        "certificate": tls["certificate"],
        "tls_key": tls["private_key"],
        "images": "llamacpp=local/llamacpp:dev",
    }
    wrong = post(alice_browser, NEW, data | {"tls_key": client_secret()["private_key"]})
    assert "does not belong to the certificate" in wrong.content.decode()
    assert "PRIVATE KEY" not in wrong.content.decode()
    assert post(alice_browser, NEW, data).status_code == 302
    host = Host.objects.get()
    assert host.connection["images"] == {"llamacpp": "local/llamacpp:dev"}
    assert set(unseal(host, "secret")) == {"ca", "certificate", "private_key"}


@pytest.fixture
def ai(alice: User) -> Host:
    """An Ollama host with a token."""
    return host_add(
        actor_of(alice),
        name="ai",
        runtime="ollama",
        connection={"url": "https://ai.lan"},
        secret={"bearer": "CANARY-7f3a"},
        identity={"certificate_sha256": "ab" * 32},
    )


def test_an_edit_shows_no_secret_and_keeps_it(alice_browser: Client, ai: Host) -> None:
    address = reverse("web:host-edit", args=["ai"])
    html = alice_browser.get(address).content.decode()
    assert "https://ai.lan:443" in html
    assert "CANARY" not in html
    assert ai.secret not in html
    data = {"name": "ai", "url": "https://ai.lan", "version": str(ai.version), "labels": "a=b"}
    assert post(alice_browser, address, data).status_code == 302
    ai.refresh_from_db()
    assert (ai.labels, unseal(ai, "secret")) == ({"a": "b"}, {"bearer": "CANARY-7f3a"})
    assert ai.identity == {"certificate_sha256": "ab" * 32}
    stale = post(alice_browser, address, data)
    assert stale.status_code == 422


def test_an_edit_to_another_address_asks_for_the_secret_again(
    alice_browser: Client, ai: Host
) -> None:
    address = reverse("web:host-edit", args=["ai"])
    data = {"name": "ai", "url": "https://other.lan", "host": "ai"}
    for where in (address, TEST):
        html = post(alice_browser, where, data).content.decode()
        assert "enter the credentials for it anew" in html
    ai.refresh_from_db()
    assert ai.connection == {"url": "https://ai.lan:443"}


def test_nobody_but_an_admin_tests_or_accepts(
    bob_browser: Client, charlie_browser: Client, ai: Host
) -> None:
    for browser in (bob_browser, charlie_browser):
        assert post(browser, TEST, OLLAMA).status_code == 403
        assert post(browser, reverse("web:host-identity", args=["ai"])).status_code == 403
        assert "CANARY" not in browser.get("/hosts/ai/").content.decode()


def test_a_new_identity_is_shown_beside_the_old_one_and_accepted(
    alice_browser: Client, ai: Host
) -> None:
    shown = {"certificate_sha256": "cd" * 32}
    Host.objects.filter(pk=ai.pk).update(
        state="failed", failure_code="IDENTITY_CHANGED", failure_params={"shown_identity": shown}
    )
    html = alice_browser.get("/hosts/ai/").content.decode()
    assert fingerprint(ai.identity) in html
    assert fingerprint(shown) in html
    address = reverse("web:host-identity", args=["ai"])
    refused = post(alice_browser, address, {"shown": fingerprint(ai.identity)}, htmx=True)
    assert refused.status_code == 409
    accepted = post(alice_browser, address, {"shown": fingerprint(shown)}, htmx=True)
    assert "trusted" in toast(accepted)["text"]
    ai.refresh_from_db()
    assert ai.identity == shown


def test_this_machine_is_offered_once(alice_browser: Client) -> None:
    first = alice_browser.get(NEW).content.decode()
    assert re.search(r'value="process"[^>]*checked', first)
    factories.make_host()
    assert 'value="process"' not in alice_browser.get(NEW).content.decode()
