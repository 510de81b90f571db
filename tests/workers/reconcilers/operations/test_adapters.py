"""ADAPTER on a real Ollama server: a LoRA of the model store is sent, applied, and seen to work."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from django.conf import LazySettings

from models_app.domain.actors import SYSTEM
from models_app.domain.gguf import ADAPTER_FORMAT
from models_app.domain.modelfile import Modelfile
from models_app.domain.states import OperationState
from models_app.models import Artifact, Host, HostModel, Operation
from models_app.services import host_models as services
from models_app.services.hosts import host_add
from models_app.services.language_models import model_import
from tests.gguf_files import lora_bytes
from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_artifact
from tests.workers.reconcilers.operations.looking import end
from workers.reconcilers.hosts import reconcile_host

# Threads hold requests, so rows must be seen by them: no transaction around a test.
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
BASE = "smollm2:135m"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaHouse]:
    folder = tmp_path_factory.mktemp("adapters")
    with OllamaHouse(folder / "ollama") as made:
        made.make(BASE, smollm2_artifact(folder / "models"))
        yield made


@pytest.fixture
def host(house: OllamaHouse, tmp_path: Path, settings: LazySettings) -> Host:
    settings.PATHS = replace(settings.PATHS, root=tmp_path)
    settings.PATHS.uploads.mkdir()
    made = host_add(SYSTEM, name="lan", runtime="ollama", connection=house.connection)
    reconcile_host(made.pk)
    return made


def imported(path: Path, content: bytes) -> Artifact:
    path.write_bytes(content)
    asked = model_import(
        SYSTEM, name=path.stem, source="file", reference={"path": str(path)}, title=path.stem
    )
    assert end(asked).state == OperationState.SUCCEEDED, asked.failure_evidence
    return Artifact.objects.get(sha256=hashlib.sha256(content).hexdigest())


def variant(digest: str) -> Modelfile:
    fixed = (("temperature", 0.0), ("seed", 1), ("num_ctx", 512), ("num_thread", 1))
    return Modelfile(base=BASE, parameters=fixed, adapters=(digest,))


def made(host: Host, name: str, digest: str) -> Operation:
    return end(services.host_model_create(SYSTEM, host, name=name, modelfile=variant(digest)))


def said(house: OllamaHouse, name: str) -> str:
    """The answer of the server itself, asked without our code."""
    body = {
        "model": name,
        "messages": [{"role": "user", "content": "Say hello."}],
        "stream": False,
        "options": {"temperature": 0, "seed": 1, "num_predict": 12, "num_ctx": 512},
    }
    answer = httpx.post(f"{house.url}/api/chat", json=body, timeout=120)
    return str(answer.raise_for_status().json()["message"]["content"])


def test_an_adapter_of_the_store_is_sent_and_changes_the_answers(
    house: OllamaHouse, host: Host, tmp_path: Path
) -> None:
    strong = imported(tmp_path / "strong.gguf", lora_bytes())
    nothing = imported(tmp_path / "nothing.gguf", lora_bytes(strength=0))
    assert (strong.format, strong.facts["architecture"]) == (ADAPTER_FORMAT, "llama")
    assert strong.model.parameters is None  # an adapter's figures are not a model's

    for artifact in (strong, nothing):
        done = made(host, artifact.model.name, f"sha256:{artifact.sha256}")
        assert done.state == OperationState.SUCCEEDED, done.failure_evidence
        assert done.artifact == artifact
        assert done.done_bytes == artifact.size_bytes
        assert f"sha256-{artifact.sha256}" in house.modelfile(artifact.model.name)
    plain = said(house, BASE)
    assert plain.strip()
    assert said(house, "nothing") == plain
    assert said(house, "strong") != plain

    reconcile_host(host.pk)
    shown = HostModel.objects.get(name="strong:latest").shown["modelfile"]
    assert f"ADAPTER sha256:{strong.sha256}" in shown
    assert str(house.folder) not in shown  # the server's own paths are nobody's business


def test_one_that_lies_there_already_is_used_by_its_digest(
    house: OllamaHouse, host: Host, tmp_path: Path
) -> None:
    content = lora_bytes(layers=2)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    absent = made(host, "absent", digest)
    assert (absent.state, absent.failure_code) == ("failed", "ARTIFACT_MISSING")
    httpx.post(f"{house.url}/api/blobs/{digest}", content=content, timeout=60).raise_for_status()
    assert made(host, "there", digest).state == OperationState.SUCCEEDED
    assert digest.replace(":", "-") in house.modelfile("there")


def test_a_model_in_the_place_of_an_adapter_is_refused_and_leaves_nothing(
    house: OllamaHouse, host: Host, tmp_path: Path
) -> None:
    whole = smollm2_artifact(tmp_path / "other")  # not in the ledger: only the server has it
    done = made(host, "twice", f"sha256:{whole.sha256}")
    assert (done.state, done.failure_code) == ("failed", "ARTIFACT_INVALID")
    assert "twice:latest" not in house.names()
