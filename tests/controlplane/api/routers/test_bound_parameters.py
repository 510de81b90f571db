"""What only a container can honour is told before deploying: by REST, form and wish."""

from dataclasses import asdict
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.fragments.fits import Wish, fit_context
from models_app.domain.scheduling import choose_host
from models_app.models import Artifact, Deployment, EngineEntry, User
from models_app.selectors.fits import need_of, offers_for
from tests import factories
from tests.controlplane.api.callers import Caller
from workers.engines.ollama.engine import MANIFEST
from workers.engines.ollama.params import CONTAINER_ONLY

SET: dict[str, Any] = {
    "parallel_sequences": 4,
    "flash_attention": "on",
    "kv_type": "q8_0",
    "max_loaded": 2,
    "gpus": "0,1",
}
DEFAULTS = {"parallel_sequences": 1, "flash_attention": "auto", "max_loaded": 1, "gpus": ""}
ANYWHERE = {"context_length": 512, "gpu_layers": 3, "main_gpu": 1, "keep_alive_s": 60}


@pytest.fixture
def artifact(db: None) -> Artifact:
    """A model, a shared Ollama server and a Docker host, and Ollama as it describes itself."""
    EngineEntry.objects.create(key="ollama", manifest=asdict(MANIFEST))
    factories.make_host("lan", runtime="ollama")
    factories.make_host("box", runtime="docker")
    return factories.make_artifact()


def refusals(caller: Caller, artifact: Artifact, parameters: dict[str, Any]) -> dict[str, Any]:
    body = {"artifact": artifact.sha256, "engine": "ollama", "parameters": parameters}
    items = caller.post("/fits", body).json()["items"]
    return {item["host"]: item["refusal"] and item["refusal"]["code"] for item in items}


def test_every_setting_of_the_whole_server_is_tried_here() -> None:
    assert set(SET) == set(CONTAINER_ONLY)


@pytest.mark.parametrize("name", SET)
def test_the_verdict_says_so(viewer: Caller, artifact: Artifact, name: str) -> None:
    found = refusals(viewer, artifact, {name: SET[name]})
    assert found == {"lan": "PARAMETERS_NOT_THERE", "box": None}


@pytest.mark.parametrize("parameters", [{}, DEFAULTS, ANYWHERE])
def test_what_both_can_honour_is_open_on_both(
    viewer: Caller, artifact: Artifact, parameters: dict[str, Any]
) -> None:
    assert refusals(viewer, artifact, parameters) == {"lan": None, "box": None}


def wish(name: str, artifact: Artifact, **placement: Any) -> dict[str, Any]:
    body = {"name": name, "artifact": artifact.sha256, "engine": "ollama"}
    return {**body, "parameters": {"parallel_sequences": 4}, "placement": placement}


def test_a_wish_for_shared_servers_alone_is_refused(operator: Caller, artifact: Artifact) -> None:
    answer = operator.post("/deployments", wish("chat", artifact, hosts=["lan"]))
    assert answer.status_code == 422
    assert answer.json()["code"] == "PARAMETERS_NOT_THERE"
    assert list(answer.json()["fields"]) == ["parameters.parallel_sequences"]
    assert not Deployment.objects.exists()


def test_a_wish_that_some_host_can_honour_goes_there(operator: Caller, artifact: Artifact) -> None:
    for name, hosts in (("both", ["lan", "box"]), ("any", [])):
        answer = operator.post("/deployments", wish(name, artifact, hosts=hosts))
        assert answer.status_code == 202, answer.json()
        row = Deployment.objects.get(name=name)
        assert row.revision is not None
        choice = choose_host(need_of(row.revision), offers_for(row, artifact))
        assert choice.host == "box"
        assert choice.refused == {"lan": "PARAMETERS_NOT_THERE"}


def test_the_form_shows_it_before_anything_is_saved(bob: User, artifact: Artifact) -> None:
    engine = EngineEntry.objects.get(key="ollama")
    asked = Wish(artifact, engine, {"flash_attention": "on"}, {}, replicas=1)
    lines = {line.host.name: line for line in fit_context(factories.actor_of(bob), asked)["lines"]}
    assert "only be set in a container" in lines["lan"].refusal
    assert (lines["box"].refusal, lines["box"].chosen) == ("", 1)


def test_the_form_says_which_is_which(bob_browser: Client, artifact: Artifact) -> None:
    address = reverse("web:deployment-new")
    page = bob_browser.get(f"{address}?artifact={artifact.public_id}&engine=ollama")
    assert page.content.decode().count("In a container only") == len(CONTAINER_ONLY)
