"""The deployment form: proposes, judges, refuses beside the field, and shows what would change."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from models_app.models import Artifact, Deployment
from tests import factories
from tests.factories import GIB, MIB

SCHEMA: dict[str, Any] = {
    "$defs": {"KvType": {"enum": ["f16", "q8_0"], "type": "string"}},
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "context_length": {
            "type": "integer",
            "title": "Context length",
            "description": "Tokens that one request and its answer may have together.",
            "minimum": 0,
            "maximum": 1 << 20,
            "default": 0,
        },
        "kv_type": {"$ref": "#/$defs/KvType", "default": "f16", "title": "Cache type"},
        "embeddings": {"type": "boolean", "default": False, "title": "Embeddings"},
        "seed": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}], "default": None},
    },
}


@pytest.fixture
def artifact(db: None) -> Artifact:
    """An artifact, an engine for it and two hosts."""
    factories.make_engine(parameters_schema=SCHEMA)
    factories.make_host("till-1")
    factories.make_host("till-2")
    return factories.make_artifact(factories.make_model("smollm2"), size_bytes=50 * MIB)


def fields(chosen: Artifact, **more: object) -> dict[str, Any]:
    return {
        "name": "chat",
        "artifact": str(chosen.public_id),
        "engine": "llamacpp",
        "replicas": "1",
        "where": "any",
        "policy": "spread",
        "p-context_length": "2048",
        "p-kv_type": "f16",
        **more,
    }


def send(browser: Client, address: str, data: dict[str, Any]) -> Any:
    browser.get(reverse("web:profile"))
    token = browser.cookies["slipway_csrf"].value
    return browser.post(address, data, headers={"X-CSRFToken": token})


def test_the_form_proposes_a_name_and_the_models_own_context(
    bob_browser: Client, artifact: Artifact
) -> None:
    factories.make_deployment("smollm2")
    html = bob_browser.get(reverse("web:deployment-new")).content.decode()
    assert 'value="smollm2-2"' in html
    assert 'name="p-context_length" value="4096"' in html
    assert 'max="8192"' in html, "the artifact's own limit"
    assert "Cache type" in html


def test_a_good_form_deploys(bob_browser: Client, artifact: Artifact) -> None:
    data = fields(
        artifact, where="hosts", hosts=["till-2"], policy="pack", comment="first", **{"p-seed": "7"}
    )
    response = send(bob_browser, reverse("web:deployment-new"), data)
    assert response["Location"] == reverse("web:deployment", args=["chat"])
    revision = Deployment.objects.get(name="chat").revision
    assert revision.parameters == {"context_length": 2048, "seed": 7}
    assert revision.placement == {"hosts": ["till-2"], "policy": "pack"}
    assert (revision.comment, revision.created_by.name) == ("first", "bob")


def test_rules_about_labels_are_kept_and_shown_as_they_were_written(
    bob_browser: Client, artifact: Artifact
) -> None:
    lines = "!rack\nsite in (rome, milan)"
    data = fields(artifact, where="labels", labels=lines + "\r\n")
    send(bob_browser, reverse("web:deployment-new"), data)
    revision = Deployment.objects.get(name="chat").revision
    wished = {"site": {"in": ["rome", "milan"]}, "rack": {"exists": False}}
    assert revision.placement == {"selector": wished}
    html = bob_browser.get(reverse("web:deployment-edit", args=["chat"])).content.decode()
    assert lines in html.replace("\r", "")


@pytest.mark.parametrize("lines", ["site in rome", "site=rome\nsite=milan", ""])
def test_what_is_no_rule_about_labels_is_told(
    bob_browser: Client, artifact: Artifact, lines: str
) -> None:
    data = fields(artifact, where="labels", labels=lines)
    html = send(bob_browser, reverse("web:deployment-new"), data).content.decode()
    assert "field-error" in html
    assert not Deployment.objects.filter(name="chat").exists()


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"name": "Not a name!"}, "name", "lower-case letters"),
        ({"name": ""}, "name", "required"),
        ({"name": "taken"}, "name", "taken"),
        ({"replicas": "65"}, "replicas", "64"),
        ({"p-context_length": "9000"}, "p-context_length", "8,192"),
        ({"p-context_length": "many"}, "p-context_length", "whole number"),
        ({"p-kv_type": "q1"}, "p-kv_type", "q1"),
        ({"p-seed": "-1"}, "p-seed", "0"),
        ({"where": "hosts"}, "hosts", "at least one host"),
        ({"where": "hosts", "hosts": ["gone"]}, "hosts", "gone"),
        ({"where": "labels", "labels": "in rome"}, "labels", "no rule about a label"),
        ({"where": "labels"}, "labels", "at least one rule"),
        ({"artifact": "../../etc"}, "artifact", "valid choice"),
        ({"engine": "nothing"}, "engine", "valid choice"),
    ],
)
def test_a_mistake_is_told_beside_its_field(
    bob_browser: Client, artifact: Artifact, wrong: dict[str, Any], field: str, words: str
) -> None:
    factories.make_deployment("taken")
    before = Deployment.objects.count()
    response = send(bob_browser, reverse("web:deployment-new"), fields(artifact, **wrong))
    html = response.content.decode()
    assert response.status_code == 422
    assert Deployment.objects.count() == before
    told = re.search(rf'id="id_{field}_error">(.*?)</div>', html, re.DOTALL)
    assert told, "nothing beside the field"
    assert words in told[1]


def test_what_is_typed_stays_when_the_form_comes_back(
    bob_browser: Client, artifact: Artifact
) -> None:
    data = fields(artifact, name="<b>x</b>", comment="why not")
    html = send(bob_browser, reverse("web:deployment-new"), data).content.decode()
    assert 'value="why not"' in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "<b>x</b>" not in html


def test_the_fit_says_where_it_would_go_and_why_not_elsewhere(
    bob_browser: Client, artifact: Artifact
) -> None:
    factories.make_host("full", usage=factories.host_usage(memory_used_bytes=16 * GIB))
    factories.make_host("closed", scheduling="cordoned")
    html = bob_browser.get(reverse("web:deployment-fit"), fields(artifact)).content.decode()
    assert "1 replica goes to till-" in html
    assert "does not fit" in html
    assert "closed for new replicas" in html
    both = fields(artifact, replicas="2")
    html = bob_browser.get(reverse("web:deployment-fit"), both).content.decode()
    assert "2 replicas go to till-1, till-2." in html


def test_a_longer_context_needs_more(bob_browser: Client, artifact: Artifact) -> None:
    address = reverse("web:deployment-fit")

    def needed(context: int) -> str:
        data = fields(artifact, **{"p-context_length": context})
        html = bob_browser.get(address, data).content.decode()
        return html.split("A replica needs")[1].split("figure-change")[0]

    assert needed(512) != needed(8192)


def test_an_unknown_need_is_said(bob_browser: Client, artifact: Artifact) -> None:
    artifact.facts = factories.artifact_facts(layers=None)
    artifact.save()
    html = bob_browser.get(reverse("web:deployment-fit"), fields(artifact)).content.decode()
    assert "Its need is unknown" in html
    assert "layers" in html


def test_an_edit_shows_what_changes_and_makes_a_revision(
    bob_browser: Client, artifact: Artifact
) -> None:
    row = factories.make_deployment("chat", artifact=artifact, parameters={"context_length": 4096})
    data = fields(artifact, deployment="chat")
    same = {**data, "p-context_length": "4096"}
    fit = reverse("web:deployment-fit")
    assert "Nothing yet." in bob_browser.get(fit, same).content.decode()
    html = bob_browser.get(fit, data).content.decode()
    assert "<del>4,096</del>" in html
    assert "<ins>2,048</ins>" in html
    response = send(
        bob_browser, reverse("web:deployment-edit", args=["chat"]), {**data, "version": "1"}
    )
    row.refresh_from_db()
    assert response["Location"] == reverse("web:deployment", args=["chat"])
    assert (row.revision.number, row.revision.parameters) == (2, {"context_length": 2048})
    stale = send(
        bob_browser, reverse("web:deployment-edit", args=["chat"]), {**data, "version": "1"}
    )
    assert stale.status_code == 422
    assert "changed by somebody else" in stale.content.decode()


def test_undoing_an_edit_goes_to_what_was_wished_before_it_also_after_a_roll_back(
    bob_browser: Client, artifact: Artifact
) -> None:
    row = factories.make_deployment("chat", artifact=artifact)
    factories.make_revision(row, artifact=artifact)
    factories.make_revision(row, artifact=artifact)  # the first of three is the one wished for
    address = reverse("web:deployment-edit", args=["chat"])
    response = send(bob_browser, address, fields(artifact, **{"p-context_length": "1024"}))
    row.refresh_from_db()
    assert (response.status_code, row.revision.number) == (302, 4)
    html = bob_browser.get(response["Location"]).content.decode()
    assert f'data-undo="{reverse("web:deployment-roll-back", args=["chat"])}?number=1"' in html


def test_parameters_follow_the_chosen_artifact(bob_browser: Client, artifact: Artifact) -> None:
    short = factories.make_artifact(facts=factories.artifact_facts(context_length=1024))
    data = fields(short, **{"p-context_length": "512"})
    html = bob_browser.get(reverse("web:deployment-how"), data).content.decode()
    assert html.lstrip().startswith("<")
    assert 'id="how"' in html
    assert 'max="1024"' in html
    assert 'value="512"' in html


def test_another_engine_proposes_what_it_would_choose_itself(
    bob_browser: Client, artifact: Artifact
) -> None:
    """Its own parameters came empty, and others with the default of the engine before."""
    properties = {
        "context_length": SCHEMA["properties"]["context_length"],
        "kv_type": {"type": "string", "default": "q4_0", "title": "Cache type"},
        "keep_alive_s": {"type": "integer", "default": -1, "title": "Stays loaded for"},
        "main_gpu": {"type": "integer", "default": 0, "title": "First GPU"},
        "embeddings": {"type": "boolean", "default": True, "title": "Embeddings"},
    }
    factories.make_engine("ollama", parameters_schema={**SCHEMA, "properties": properties})
    chosen = {"engine": "ollama", "p-context_length": "512"}
    html = how(bob_browser, fields(artifact, parameters_of="llamacpp", **chosen))
    assert 'name="p-keep_alive_s" value="-1"' in html
    assert 'name="p-main_gpu" value="0"' in html
    assert 'name="p-kv_type" value="q4_0"' in html  # nobody had chosen the other
    assert 'name="p-context_length" value="512"' in html  # somebody had
    assert 'name="parameters_of" value="ollama"' in html
    assert ticked(html)
    unticked = {"p-keep_alive_s": "60", "parameters_of": "ollama"}
    html = how(bob_browser, fields(artifact, **chosen, **unticked))
    assert 'name="p-keep_alive_s" value="60"' in html
    assert not ticked(html)


def how(browser: Client, data: dict[str, Any]) -> str:
    return " ".join(browser.get(reverse("web:deployment-how"), data).content.decode().split())


def ticked(html: str) -> bool:
    box = re.search(r'<input[^>]*name="p-embeddings"[^>]*>', html)
    assert box
    return "checked" in box.group()


def test_many_hosts_are_named_instead_of_ticked(bob_browser: Client, artifact: Artifact) -> None:
    for _ in range(30):
        factories.make_host()
    html = bob_browser.get(reverse("web:deployment-new")).content.decode()
    assert 'type="checkbox" name="hosts"' not in html
    data = fields(artifact, where="hosts", hosts="till-1, till-2")
    send(bob_browser, reverse("web:deployment-new"), data)
    assert Deployment.objects.get(name="chat").revision.placement["hosts"] == ["till-1", "till-2"]


@pytest.mark.parametrize("route", ["deployment-new", "deployment-how"])
def test_a_viewer_gets_no_form(charlie_browser: Client, artifact: Artifact, route: str) -> None:
    assert charlie_browser.get(reverse(f"web:{route}")).status_code == 403
