"""Pull, create, push, copy, delete, load and unload on a real Ollama server; what goes wrong."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import LazySettings

from models_app.domain.actors import SYSTEM
from models_app.domain.errors import ConflictError, InvalidError
from models_app.domain.modelfile import parse_modelfile
from models_app.domain.ollama_names import keeper_model
from models_app.domain.specs import ArtifactRef
from models_app.domain.states import OperationState
from models_app.domain.variants import VARIANTS
from models_app.models import Artifact, Host, HostModel, LanguageModel, Operation
from models_app.services import host_models as services
from models_app.services.hosts import host_add
from models_app.services.operations import operation_cancel, operation_retry
from tests.model_registry import ModelRegistry
from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_artifact, smollm2_file
from tests.workers.reconcilers.operations.looking import end as ended
from tests.workers.reconcilers.operations.looking import look
from tests.workloads import eventually
from workers.clients.held_requests import let_go
from workers.reconcilers.hosts import reconcile_host

# Threads hold requests, so rows must be seen by them: no transaction around a test.
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[OllamaHouse]:
    with OllamaHouse(tmp_path / "ollama") as made:
        yield made


@pytest.fixture
def artifact(tmp_path: Path) -> ArtifactRef:
    return smollm2_artifact(tmp_path / "models")


@pytest.fixture
def registry(settings: LazySettings) -> Iterator[ModelRegistry]:
    with ModelRegistry(smollm2_file()) as made:
        settings.ENV = replace(settings.ENV, model_registries={made.host: True})
        yield made


@pytest.fixture
def host(house: OllamaHouse) -> Host:
    made = host_add(SYSTEM, name="lan", runtime="ollama", connection=house.connection)
    reconcile_host(made.pk)
    return made


def end(operation: Operation) -> Operation:
    ended(operation, seconds=60)
    reconcile_host(operation.host.pk)
    return operation


def listed(host: Host) -> set[str]:
    return set(HostModel.objects.filter(host=host).values_list("name", flat=True))


def test_a_pull_shows_its_layers_and_is_checked(
    house: OllamaHouse, host: Host, registry: ModelRegistry
) -> None:
    registry.bytes_per_s = 60 << 20
    operation = services.host_model_pull(SYSTEM, host, name=registry.name)
    with pytest.raises(ConflictError) as busy:
        services.host_model_pull(SYSTEM, host, name=registry.name)
    assert busy.value.code == "HOST_MODEL_BUSY"
    seen = []
    while not OperationState(look(operation).state).finished:
        seen.append((operation.phase, operation.done_bytes, operation.bytes_per_s))
        time.sleep(0.1)
    assert operation.state == OperationState.SUCCEEDED, operation.failure_evidence
    done = [bytes_ for _, bytes_, _ in seen]
    assert done == sorted(done)
    assert any(0 < bytes_ < operation.done_bytes for bytes_ in done)
    assert any(speed and 10 << 20 < speed < 120 << 20 for _, _, speed in seen)
    assert {layer["digest"] for layer in operation.result["layers"]} == set(registry.blobs)
    assert not operation.result["layers"][0]["was_there"]
    reconcile_host(host.pk)
    assert listed(host) == {registry.name}

    again = end(services.host_model_pull(SYSTEM, host, name=registry.name))
    assert again.result["layers"][0]["was_there"]  # and said so: nothing compared it again


def test_a_cancelled_pull_stops_and_a_retry_goes_on(
    house: OllamaHouse, host: Host, registry: ModelRegistry
) -> None:
    registry.bytes_per_s = 20 << 20
    operation = services.host_model_pull(SYSTEM, host, name=registry.name)
    eventually(lambda: look(operation).done_bytes > 10 << 20, seconds=30)
    operation_cancel(SYSTEM, operation)
    assert look(operation).state == OperationState.CANCELLED
    time.sleep(0.5)
    stopped_at = registry.sent[registry.model]
    time.sleep(1.0)
    assert registry.sent[registry.model] - stopped_at < 2 << 20
    registry.bytes_per_s = None
    operation_retry(SYSTEM, operation)
    assert end(operation).state == OperationState.SUCCEEDED
    # Of what had come, at most what was on its way came again.
    size = len(registry.blobs[registry.model])
    assert registry.sent[registry.model] < size + (8 << 20)


def test_a_pull_whose_worker_dies_is_taken_over(
    house: OllamaHouse, host: Host, registry: ModelRegistry
) -> None:
    registry.bytes_per_s = 20 << 20
    operation = services.host_model_pull(SYSTEM, host, name=registry.name)
    eventually(lambda: look(operation).done_bytes > 10 << 20, seconds=30)
    let_go(f"operation {operation.public_id}")  # what a kill does to the request
    registry.bytes_per_s = None
    assert end(operation).state == OperationState.SUCCEEDED
    assert registry.sent[registry.model] < len(registry.blobs[registry.model]) + (8 << 20)


def test_a_server_that_goes_away_in_a_pull_is_waited_for(
    house: OllamaHouse, host: Host, registry: ModelRegistry
) -> None:
    registry.bytes_per_s = 20 << 20
    operation = services.host_model_pull(SYSTEM, host, name=registry.name)
    eventually(lambda: look(operation).done_bytes > 10 << 20, seconds=30)
    house.kill()
    eventually(lambda: look(operation).failure_code, seconds=30)
    assert operation.state == OperationState.RUNNING
    assert operation.failure_code in {"CONNECTION_LOST", "CONNECTION_REFUSED"}
    before = operation.done_bytes
    registry.bytes_per_s = 2 << 20  # so that there is time to see it
    house.start()  # and threw away what had come, as it does unless OLLAMA_NOPRUNE is set
    eventually(lambda: look(operation).done_bytes < before, seconds=30)
    assert operation.phase == "fetching_anew"  # less than before is said, not hidden
    registry.bytes_per_s = None
    assert end(operation).state == OperationState.SUCCEEDED


def test_a_byte_spoiled_on_the_way_is_noticed(
    house: OllamaHouse, host: Host, registry: ModelRegistry
) -> None:
    registry.spoil = True
    operation = end(services.host_model_pull(SYSTEM, host, name=registry.name))
    assert operation.state == OperationState.FAILED
    assert operation.failure_code == "CHECKSUM"
    assert listed(host) == set()
    registry.spoil = False
    operation_retry(SYSTEM, operation)
    assert end(operation).state == OperationState.SUCCEEDED


def test_names_that_lead_elsewhere_are_refused_before_anything_is_sent(
    house: OllamaHouse, host: Host, registry: ModelRegistry
) -> None:
    for name in ("evil.lan/library/x", "169.254.169.254/a/b", "../x", f"http://{registry.name}"):
        with pytest.raises(InvalidError):
            services.host_model_pull(SYSTEM, host, name=name)
    absent = end(services.host_model_pull(SYSTEM, host, name=f"{registry.host}/library/absent:1"))
    assert absent.state == OperationState.FAILED
    assert absent.failure_code == "SOURCE_REFUSED"


def test_variants_copies_loading_and_deleting(
    house: OllamaHouse, host: Host, artifact: ArtifactRef
) -> None:
    house.make("smollm2:135m", artifact)
    reconcile_host(host.pk)
    for key in ("reasoning", "code"):
        made = end(
            services.host_model_create(
                SYSTEM,
                host,
                name=f"smollm2:{key}",
                modelfile=VARIANTS[key].of("smollm2:135m"),
            )
        )
        assert made.state == OperationState.SUCCEEDED, made.failure_evidence
    assert "PARAMETER temperature 0.3" in house.modelfile("smollm2:reasoning")
    assert "SYSTEM" in house.modelfile("smollm2:code")
    absent = parse_modelfile("FROM not-there\n")
    with pytest.raises(InvalidError) as unknown:
        services.host_model_create(SYSTEM, host, name="x", modelfile=absent)
    assert unknown.value.code == "HOST_MODEL_UNKNOWN"
    with pytest.raises(ConflictError):
        services.host_model_create(
            SYSTEM, host, name="smollm2:code", modelfile=VARIANTS["code"].of("smollm2:135m")
        )

    row = HostModel.objects.get(name="smollm2:135m")
    assert end(services.host_model_copy(SYSTEM, row, name="mine")).state == "succeeded"
    assert end(services.host_model_load(SYSTEM, row, keep_alive_s=300)).state == "succeeded"
    row.refresh_from_db()
    assert row.loaded_bytes
    assert end(services.host_model_unload(SYSTEM, row)).state == "succeeded"
    eventually(lambda: house.loaded() == [])
    mine = HostModel.objects.get(name="mine:latest")
    assert end(services.host_model_delete(SYSTEM, mine)).state == "succeeded"
    assert "mine:latest" not in house.names()
    assert listed(host) == {"smollm2:135m", "smollm2:reasoning", "smollm2:code"}


def test_a_file_of_the_store_is_pushed(
    house: OllamaHouse, host: Host, artifact: ArtifactRef, tmp_path: Path, settings: LazySettings
) -> None:
    settings.PATHS = replace(settings.PATHS, root=tmp_path)
    model = LanguageModel.objects.create(name="smollm2", title="SmolLM2")
    row = Artifact.objects.create(
        model=model,
        format="gguf",
        file_name=artifact.file_name,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
    )
    done = end(services.host_model_push(SYSTEM, host, name="pushed", artifact=row))
    assert done.state == OperationState.SUCCEEDED, done.failure_evidence
    assert listed(host) == {"pushed:latest"}
    assert artifact.sha256 in house.modelfile("pushed:latest")
    ours = HostModel(host=host, name=keeper_model("x", artifact.sha256), is_ours=True)
    assert services.host_model_users(ours) == []
