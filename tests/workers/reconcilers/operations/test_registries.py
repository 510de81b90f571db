"""A registry that redirects, and a server whose queue is full: real Ollama, clear codes."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import psutil
import pytest
from django.conf import LazySettings

from models_app.domain.actors import SYSTEM
from models_app.domain.states import OperationState
from models_app.models import Host, HostModel
from models_app.services import host_models as services
from models_app.services.hosts import host_add
from tests.flows.house import free_port
from tests.model_registry import ModelRegistry
from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_file
from tests.workers.reconcilers.operations.looking import end, look
from tests.workloads import eventually
from workers.reconcilers.hosts import reconcile_host

# Threads hold requests, so rows must be seen by them: no transaction around a test.
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
BUSY, OTHER, THIRD = "busy:1", "other:1", "third:1"
LONGEST_S = 120.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaHouse]:
    """One model in memory at a time, and one request in the queue."""
    folder = tmp_path_factory.mktemp("registries")
    settings = {"OLLAMA_MAX_QUEUE": "1", "OLLAMA_MAX_LOADED_MODELS": "1"}
    with OllamaHouse(folder / "ollama", **settings) as made:
        for name in (BUSY, OTHER, THIRD):
            make_of_its_own(made, name)
        yield made


def make_of_its_own(house: OllamaHouse, name: str) -> None:
    """Make a model whose file is like no other's: the server loads each file once."""
    content = smollm2_file().read_bytes().replace(b"Smollm2", name[:7].ljust(7).encode(), 1)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    httpx.post(f"{house.url}/api/blobs/{digest}", content=content, timeout=60)
    fixed = {"num_ctx": 512, "num_thread": 1, "temperature": 0}
    body = {"model": name, "files": {"model.gguf": digest}, "parameters": fixed, "stream": False}
    httpx.post(f"{house.url}/api/create", json=body, timeout=60).raise_for_status()


@pytest.fixture
def registry(house: OllamaHouse, settings: LazySettings) -> Iterator[ModelRegistry]:
    with ModelRegistry(smollm2_file()) as made:
        settings.ENV = replace(settings.ENV, model_registries={made.host: True})
        yield made
        house.delete(made.name)  # and its file, so that the next test has to fetch it


@pytest.fixture
def host(house: OllamaHouse) -> Host:
    made = host_add(SYSTEM, name="lan", runtime="ollama", connection=house.connection)
    reconcile_host(made.pk)
    return made


@pytest.mark.parametrize("what", ["manifest", "blob"])
def test_a_registry_that_redirects_in_a_loop_is_given_up(
    host: Host, registry: ModelRegistry, what: str
) -> None:
    registry.redirects[what] = "loop"
    operation = end(services.host_model_pull(SYSTEM, host, name=registry.name), seconds=LONGEST_S)
    assert (operation.state, operation.failure_code) == ("failed", "SOURCE_REFUSED")
    assert operation.attempts == 0  # at once: time does not mend it
    assert "redirects" in " ".join(operation.failure_evidence)


@pytest.mark.parametrize("what", ["manifest", "blob"])
def test_a_registry_that_sends_elsewhere_fails_as_the_place_it_sends_to(
    host: Host, registry: ModelRegistry, what: str
) -> None:
    """The server follows, and nobody hinders it: that is why only allowed ones are asked."""
    nowhere = f"127.0.0.1:{free_port()}"
    registry.redirects[what] = f"http://{nowhere}/latest/meta-data"
    operation = services.host_model_pull(SYSTEM, host, name=registry.name)
    eventually(lambda: look(operation).failure_code, seconds=LONGEST_S)
    assert operation.failure_code == "SOURCE_UNREACHABLE"
    assert operation.state == OperationState.RUNNING  # a place may come back: it is tried again
    assert nowhere in " ".join(operation.failure_evidence)


def test_a_file_that_another_host_hands_out_is_taken_and_checked(
    host: Host, registry: ModelRegistry
) -> None:
    with ModelRegistry(smollm2_file()) as mirror:
        registry.redirects["blob"] = f"http://localhost:{mirror.host.rpartition(':')[2]}/data/"
        mirror.spoil = True
        spoiled = end(services.host_model_pull(SYSTEM, host, name=registry.name), seconds=LONGEST_S)
        assert (spoiled.state, spoiled.failure_code) == ("failed", "CHECKSUM")
        mirror.spoil = False
        done = end(services.host_model_pull(SYSTEM, host, name=registry.name), seconds=LONGEST_S)
    assert done.state == OperationState.SUCCEEDED, done.failure_evidence
    assert mirror.sent[registry.model] >= len(registry.blobs[registry.model])
    assert registry.model not in registry.sent


def test_a_full_queue_is_busy_and_is_tried_again(house: OllamaHouse, host: Host) -> None:
    row = HostModel.objects.get(name=THIRD)
    with full_queue(house):
        operation = services.host_model_load(SYSTEM, row, keep_alive_s=60)
        eventually(lambda: look(operation).failure_code, seconds=30)
        assert (operation.failure_code, operation.state) == ("HOST_BUSY", "running")
    assert end(operation, seconds=LONGEST_S).state == OperationState.SUCCEEDED, (
        operation.failure_evidence
    )
    assert house.loaded() == [THIRD]


@contextmanager
def full_queue(house: OllamaHouse) -> Iterator[None]:
    """Freeze the model in the middle of an answer, so that the state lasts, and fill the queue."""
    refused, waiting = threading.Event(), []

    def ask(name: str) -> None:
        answer = httpx.post(f"{house.url}/api/generate", json=counting(name), timeout=300)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            refused.set()

    def full() -> bool:
        """Whoever wants another model waits; the next ones in the queue, until it is full."""
        waiting.append(threading.Thread(target=ask, args=(OTHER,)))
        waiting[-1].start()
        return refused.wait(1)

    runner = eventually(lambda: frozen_in_an_answer(house, waiting), seconds=LONGEST_S)
    try:
        eventually(full, seconds=60)
        yield
    finally:
        runner.resume()
        for thread in waiting:
            thread.join(LONGEST_S)


def frozen_in_an_answer(
    house: OllamaHouse, waiting: list[threading.Thread]
) -> psutil.Process | None:
    """Begin an answer and freeze its model; None when the answer was over before that."""
    begun, over = threading.Event(), threading.Event()

    def read() -> None:
        body = counting(BUSY) | {"stream": True}
        with httpx.stream("POST", f"{house.url}/api/generate", json=body, timeout=300) as answer:
            for _line in answer.iter_lines():
                begun.set()
        over.set()

    house.load(BUSY)
    (runner,) = psutil.Process(house.pid).children()
    waiting.append(threading.Thread(target=read))
    waiting[-1].start()
    assert begun.wait(60)
    runner.suspend()
    if over.wait(1):
        runner.resume()
        return None
    return runner


def counting(model: str) -> dict[str, object]:
    """A request whose answer is long: it counts on."""
    options = {"num_predict": 400, "temperature": 0}
    return {"model": model, "prompt": "1 2 3 4 5", "raw": True, "stream": False, "options": options}
