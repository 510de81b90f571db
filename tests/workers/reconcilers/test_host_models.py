"""A host's own models in the ledger, against a real Ollama server."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import LazySettings

from models_app.domain.actors import SYSTEM
from models_app.domain.specs import ArtifactRef
from models_app.domain.states import ArtifactState, HostState, PlacementState
from models_app.models import Artifact, Event, Host, HostModel, LanguageModel, Placement
from models_app.services.deployments import deployment_create
from models_app.services.engines import engines_publish
from models_app.services.hosts import host_add
from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_artifact
from workers.engines.ollama.engine import OllamaEngine
from workers.reconcilers.hosts import reconcile_host

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[OllamaHouse]:
    with OllamaHouse(tmp_path / "ollama") as made:
        yield made


@pytest.fixture
def artifact(tmp_path: Path) -> ArtifactRef:
    return smollm2_artifact(tmp_path / "models")


@pytest.fixture
def host(house: OllamaHouse, settings: LazySettings) -> Host:
    return host_add(
        SYSTEM,
        name="lan",
        runtime="ollama",
        connection=house.connection,
        memory_budget_bytes=4 << 30,
    )


def look(host: Host) -> Host:
    reconcile_host(host.pk)
    host.refresh_from_db()
    return host


def test_what_was_there_before_is_adopted_and_its_memory_counts(
    house: OllamaHouse, host: Host, artifact: ArtifactRef
) -> None:
    house.make("smollm2:135m", artifact)
    house.make("smollm2:creative", artifact, parameters={"temperature": 1.5})
    assert look(host).state == HostState.READY
    rows = {row.name: row for row in HostModel.objects.filter(host=host)}
    assert set(rows) == {"smollm2:135m", "smollm2:creative"}
    plain = rows["smollm2:135m"]
    assert plain.size_bytes > artifact.size_bytes
    assert plain.details["family"] == "llama"
    assert plain.loaded_bytes is None
    model = LanguageModel.objects.get(name="smollm2")
    assert model.artifacts.count() == 2
    assert model.source_kind == "ollama"
    assert model.context_length == 8192
    adopted = Artifact.objects.get(sha256=plain.digest)
    assert adopted.format == "ollama"
    assert adopted.facts["layers"] == 30
    placed = Placement.objects.get(host=host, artifact=adopted)
    assert placed.state == PlacementState.READY

    httpx.post(f"{house.url}/api/generate", json={"model": "smollm2:135m", "keep_alive": 600})
    look(host)
    plain.refresh_from_db()
    assert plain.is_loaded
    assert plain.loaded_until is not None
    assert plain.vram_bytes == 0
    assert host.usage["memory_used_bytes"] == plain.loaded_bytes
    before = Event.objects.count()
    look(host)
    assert Event.objects.count() == before  # a second look has nothing to tell


def test_what_goes_is_forgotten_and_what_a_deployment_needs_is_missing(
    house: OllamaHouse, host: Host, artifact: ArtifactRef
) -> None:
    house.make("one:1", artifact, parameters={"seed": 1})
    house.make("two:1", artifact, parameters={"seed": 2})
    look(host)
    two = Artifact.objects.get(model__name="two")
    engines_publish([OllamaEngine().manifest])
    deployment_create(SYSTEM, name="second", engine="ollama", artifact=two)
    for name in ("one:1", "two:1"):
        httpx.request("DELETE", f"{house.url}/api/delete", json={"model": name})
    look(host)
    assert HostModel.objects.count() == Placement.objects.count() == 0
    assert not LanguageModel.objects.filter(name="one").exists()
    two.refresh_from_db()
    assert two.state == ArtifactState.MISSING
    house.make("two:1", artifact, parameters={"seed": 2})
    look(host)
    two.refresh_from_db()
    assert two.state == ArtifactState.READY


def test_a_silent_server_loses_nothing(
    house: OllamaHouse, host: Host, artifact: ArtifactRef
) -> None:
    house.make("one:1", artifact)
    look(host)
    house.kill()
    for _ in range(3):
        look(host)
    assert host.state == HostState.UNREACHABLE
    assert HostModel.objects.count() == Artifact.objects.count() == Placement.objects.count() == 1
