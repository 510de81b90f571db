"""The models of an Ollama host through its pages."""

import pytest
from django.test import Client
from django.urls import reverse

from models_app.models import Host, HostModel, Operation
from tests import factories
from tests.controlplane.web.posting import post


@pytest.fixture
def lan(db: None) -> Host:
    """An Ollama host."""
    return factories.make_host("lan", runtime="ollama")


@pytest.fixture
def tiny(lan: Host) -> HostModel:
    """A model on it."""
    return factories.make_host_model(lan, "tiny:1")


def address(name: str, *more: object) -> str:
    return reverse(f"web:{name}", args=["lan", *more])


def text_of(browser: Client, url: str) -> str:
    return browser.get(url).content.decode()


def test_a_variant_of_nothing_says_what_is_missing(bob_browser: Client) -> None:
    host = factories.make_host("lan", runtime="ollama", connection={"url": "http://10.0.0.7:11434"})
    address = reverse("web:host-variant", args=[host.name])
    told = "No model lies on this server yet"
    assert told in bob_browser.get(address).content.decode()
    factories.make_host_model(host)
    assert told not in bob_browser.get(address).content.decode()


def test_what_lies_there_is_shown_and_ours_is_not(alice_browser: Client, tiny: HostModel) -> None:
    factories.make_host_model(tiny.host, "slipway-x/artifact:ab", is_ours=True)
    factories.make_host_model(tiny.host, "big:70b", loaded_bytes=4 << 30, vram_bytes=1 << 30)
    page = text_of(alice_browser, address("host-models"))
    assert "tiny:1" in page
    assert "big:70b" in page
    assert "on the GPU" in page
    assert "slipway-x" not in page
    assert text_of(alice_browser, address("host")).count(address("host-models")) == 1


def test_other_hosts_have_no_such_page(alice_browser: Client, db: None) -> None:
    factories.make_host("shop", runtime="docker")
    response = alice_browser.get(reverse("web:host-models", args=["shop"]))
    assert response.status_code == 422


def test_a_pull_begins_or_says_what_is_wrong(alice_browser: Client, tiny: HostModel) -> None:
    wrong = post(alice_browser, address("host-models-pull"), {"name": "evil.lan/a/b"})
    assert wrong.status_code == 422
    assert "may not be fetched from evil.lan" in wrong.content.decode()
    right = post(alice_browser, address("host-models-pull"), {"name": "llama3.2:1b"})
    assert right.status_code == 302
    operation = Operation.objects.get()
    assert (operation.kind, operation.title) == ("pull_model", "llama3.2:1b")
    assert "Pull llama3.2:1b" in text_of(alice_browser, address("host-models"))


def test_a_file_that_is_here_is_pushed(alice_browser: Client, lan: Host) -> None:
    artifact = factories.make_artifact(factories.make_model("smollm"))
    data = {"push-artifact": artifact.pk, "push-name": "smollm:1"}
    assert post(alice_browser, address("host-models-push"), data).status_code == 302
    assert Operation.objects.get().artifact == artifact


@pytest.mark.parametrize("verb", ["load", "keep-hour", "keep-always", "unload", "delete"])
def test_each_verb_begins_its_work(alice_browser: Client, tiny: HostModel, verb: str) -> None:
    response = post(alice_browser, address("host-model-act", tiny.public_id, verb), {})
    assert response.status_code == 302
    assert Operation.objects.get().title == "tiny:1"


def test_deleting_names_what_needs_it(alice_browser: Client, tiny: HostModel) -> None:
    artifact = factories.make_artifact(factories.make_model("tiny"), format="ollama")
    HostModel.objects.filter(pk=tiny.pk).update(artifact=artifact)
    factories.make_deployment("chat", artifact=artifact)
    assert "chat" in text_of(alice_browser, address("host-model", tiny.public_id))
    post(alice_browser, address("host-model-act", tiny.public_id, "delete"), {})
    assert not Operation.objects.exists()


def test_the_editor_goes_from_fields_to_text_and_back(
    alice_browser: Client, tiny: HostModel
) -> None:
    url = address("host-variant")
    start = text_of(alice_browser, f"{url}?from=tiny:1&variant=reasoning")
    assert 'value="tiny:reasoning"' in start
    assert 'value="0.3"' in start
    fields = {
        "as": "fields",
        "name": "tiny:mine",
        "base": "tiny:1",
        "system": "Be\nbrief.",
        "temperature": "0.4",
        "stop": "User:",
    }
    as_text = post(alice_browser, url, {**fields, "show": "text"}).content.decode()
    assert "PARAMETER temperature 0.4" in as_text
    assert "FROM tiny:1" in as_text
    modelfile = 'FROM tiny:1\nPARAMETER temperature 0.4\nSYSTEM """Be\nbrief."""\n'
    back = {"as": "text", "name": "tiny:mine", "modelfile": modelfile, "show": "fields"}
    assert 'value="0.4"' in post(alice_browser, url, back).content.decode()
    assert post(alice_browser, url, fields).status_code == 302
    operation = Operation.objects.get()
    assert operation.kind == "create_model"
    assert "stop User:" in operation.parameters["modelfile"]


@pytest.mark.parametrize(
    ("modelfile", "words"),
    [
        ("FROM /etc/shadow", "not a path"),
        ("FROM tiny:1\nRUN x", "Line 2"),
        ("FROM absent:1", "has no model"),
        ("FROM tiny:1\nPARAMETER top_p 9", "from 0 to 1"),
        ("FROM tiny:1\nADAPTER /root/lora.gguf", "not a path"),
    ],
)
def test_a_mistake_in_a_modelfile_is_told(
    alice_browser: Client, tiny: HostModel, modelfile: str, words: str
) -> None:
    data = {"as": "text", "name": "tiny:mine", "modelfile": modelfile}
    response = post(alice_browser, address("host-variant"), data)
    assert response.status_code == 422
    assert words in response.content.decode()


def test_an_adapter_is_chosen_from_the_store(alice_browser: Client, tiny: HostModel) -> None:
    facts = {"architecture": "llama"}
    lora = factories.make_artifact(format="gguf-adapter", file_name="brief.gguf", facts=facts)
    other = factories.make_artifact(format="gguf-adapter", facts={"architecture": "gemma3"})
    url = address("host-variant")
    assert "brief.gguf (llama)" in text_of(alice_browser, f"{url}?from=tiny:1")
    fields = {"as": "fields", "name": "tiny:mine", "base": "tiny:1"}
    wrong = post(alice_browser, url, {**fields, "adapter": f"sha256:{other.sha256}"})
    assert wrong.status_code == 422
    assert "changes models of kind gemma3" in wrong.content.decode()
    right = {**fields, "adapter": f"sha256:{lora.sha256}"}
    as_text = post(alice_browser, url, {**right, "show": "text"}).content.decode()
    assert f"ADAPTER sha256:{lora.sha256}" in as_text
    text = {
        "as": "text",
        "name": "tiny:mine",
        "modelfile": f"FROM tiny:1\nADAPTER sha256:{lora.sha256}",
    }
    back = post(alice_browser, url, {**text, "show": "fields"}).content.decode()
    assert f'value="sha256:{lora.sha256}" selected' in back
    assert post(alice_browser, url, right).status_code == 302
    assert Operation.objects.get().artifact == lora


def test_a_viewer_looks_and_changes_nothing(charlie_browser: Client, tiny: HostModel) -> None:
    page = text_of(charlie_browser, address("host-models"))
    assert "tiny:1" in page
    assert "hx-post" not in page
    assert charlie_browser.get(address("host-variant")).status_code == 403
