"""Many hosts at once: imported all or none, and acted on by selection."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from controlplane.web.forms.host_import import EXAMPLE, rows_of
from models_app.domain.states import HostState
from models_app.models import AuditEntry, Host, Operation, User
from models_app.services.hosts import host_add
from models_app.services.sealing import unseal
from tests import factories
from tests.controlplane.web.posting import post, toast
from tests.credentials import ssh_private_key
from tests.factories import GIB, actor_of

pytestmark = pytest.mark.django_db

IMPORT = "/new/hosts"
OLLAMA = "- {name: ai-1, runtime: ollama, url: 'http://10.0.0.20:11434'}\n"


@pytest.fixture
def shop(alice: User) -> Host:
    """A Docker host over SSH, whose key others may share."""
    return host_add(
        actor_of(alice),
        name="shop",
        runtime="docker",
        connection={"transport": "ssh", "address": "10.0.0.5:22", "user": "ops"},
        secret={"private_key": ssh_private_key()},
    )


def names() -> set[str]:
    return set(Host.objects.values_list("name", flat=True))


def test_a_list_is_shown_first_and_then_added_whole(alice_browser: Client, shop: Host) -> None:
    seen = post(alice_browser, IMPORT, {"text": EXAMPLE})
    html = seen.content.decode()
    assert seen.status_code == 200
    assert "Add 2 hosts" in html
    assert "10.0.0.11:22" in html
    assert names() == {"shop"}
    assert not AuditEntry.objects.filter(subject_name="till-1").exists()
    assert post(alice_browser, IMPORT, {"text": EXAMPLE, "add": "yes"}).status_code == 302
    assert names() == {"shop", "till-1", "ai"}
    till = Host.objects.get(name="till-1")
    assert till.labels == {"site": "rome"}
    assert unseal(till, "secret") == unseal(shop, "secret")


def test_one_mistake_keeps_all_of_them_out_and_each_row_says_its_own(
    alice_browser: Client, shop: Host
) -> None:
    text = OLLAMA + (
        "- {name: ai-1, runtime: ollama, url: 'http://10.0.0.21:11434'}\n"
        "- {name: Bad!, runtime: ollama, url: 'http://10.0.0.22:11434'}\n"
        "- {name: meta, runtime: ollama, url: 'http://169.254.169.254'}\n"
        "- {name: opt, runtime: docker, transport: ssh, address: '-oProxyCommand=id', user: ops}\n"
        "- {name: odd, runtime: docker, privileged: true}\n"
        "- {name: leak, runtime: ollama, url: 'http://10.0.0.9:1', secret_like: shop}\n"
    )
    for more in ({}, {"add": "yes"}):
        response = post(alice_browser, IMPORT, {"text": text, **more})
        html = response.content.decode()
        assert response.status_code == 422
        assert html.count("can be added") == 1
        for words in ("taken", "lower-case", "link-local", "10.0.0.5:2376", "no such field"):
            assert words in html
        assert "keys of a Docker host" in html
    assert names() == {"shop"}


def test_csv_and_files_are_read_too(alice_browser: Client) -> None:
    text = "name,runtime,url,labels,memory_budget_gib\nai-1,ollama,http://10.0.0.20:11434,site=rome;gpu=none,8\n"
    file = SimpleUploadedFile("hosts.csv", ("\ufeff" + text).encode())
    html = post(alice_browser, IMPORT, {"file": file}).content.decode()
    assert "Add 1 host" in html
    assert "ai-1,ollama" in html  # to be sent again
    post(alice_browser, IMPORT, {"text": text, "add": "yes"})
    host = Host.objects.get()
    assert (host.labels, host.memory_budget_bytes) == ({"site": "rome", "gpu": "none"}, 8 * GIB)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "a: [1",
        'name,runtime\n"x',
        "- &a [x]\n- *a\n",
        "- 7",
        "- {name: x, runtime: ollama, memory_budget_gib: much}",
        "- !!python/object/apply:os.system ['id']",
        "- {}\n" * 501,
        "[" * 2000,
    ],
)
def test_what_is_no_list_of_hosts_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        rows_of(text)


def test_only_an_admin_imports(bob_browser: Client) -> None:
    assert bob_browser.get(IMPORT).status_code == 403
    assert post(bob_browser, IMPORT, {"text": OLLAMA, "add": "yes"}).status_code == 403
    assert not Host.objects.exists()


@pytest.fixture
def three() -> list[Host]:
    """Three hosts, the last one with a replica."""
    rows = [factories.make_host(name) for name in ("a", "b", "c")]
    factories.make_replica(host=rows[2])
    return rows


def send(browser: Client, **data: Any) -> Any:
    return post(browser, reverse("web:hosts-bulk"), data, htmx=True)


@pytest.mark.parametrize(
    ("verb", "scheduling", "words"),
    [
        ("cordon", "cordoned", "2 hosts take no new replicas."),
        ("drain", "draining", "2 hosts are being emptied."),
    ],
)
def test_selected_hosts_are_closed_together_and_opened_again(
    bob_browser: Client, three: list[Host], verb: str, scheduling: str, words: str
) -> None:
    said = toast(send(bob_browser, verb=verb, selected=["a", "c"]))
    assert said["text"] == words
    assert dict(Host.objects.values_list("name", "scheduling")) == {
        "a": scheduling,
        "b": "open",
        "c": scheduling,
    }
    assert post(bob_browser, said["undo"], htmx=True).status_code == 204
    assert set(Host.objects.values_list("scheduling", flat=True)) == {"open"}
    states = set(Operation.objects.filter(kind="drain_host").values_list("state", flat=True))
    assert states <= {"cancelling"}


def test_selected_hosts_are_labelled(alice_browser: Client, three: list[Host]) -> None:
    send(alice_browser, verb="label", label="site=rome", selected=["a", "b"])
    send(alice_browser, verb="label", label="site=", selected=["b"])
    assert dict(Host.objects.values_list("name", "labels")) == {
        "a": {"site": "rome"},
        "b": {},
        "c": {},
    }
    assert send(alice_browser, verb="label", label="nonsense", selected=["a"]).status_code == 422


def test_selected_hosts_are_removed_after_asking_and_those_in_use_stay(
    alice_browser: Client, bob_browser: Client, three: list[Host]
) -> None:
    address = reverse("web:hosts-remove")
    asked = post(alice_browser, address, {"selected": ["a", "b", "c"]})
    assert "Remove 2 hosts?" in asked.content.decode()
    assert "1 replica" in asked.content.decode()
    data = {"selected": ["a", "b"], "confirm_name": "2"}
    assert post(bob_browser, address, data).status_code == 403
    assert post(alice_browser, address, data).status_code == 302
    states = dict(Host.objects.values_list("name", "state"))
    assert states == {"a": HostState.REMOVING, "b": HostState.REMOVING, "c": HostState.READY}
