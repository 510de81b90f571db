"""A worker dies before and after every call to a real Ollama server; the next one ends its work.

What dies is the thread that holds the request, with the look that waits for it: no step is undone,
nothing is told, the lease stays where it was. The server is asked afterwards, without our code.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from models_app.domain.actors import SYSTEM
from models_app.domain.modelfile import parse_modelfile
from models_app.domain.specs import ArtifactRef
from models_app.domain.states import OperationState
from models_app.models import Artifact, Host, HostModel, LanguageModel, Operation
from models_app.services import host_models as services
from models_app.services.hosts import host_add
from tests.model_registry import ModelRegistry
from tests.ollama_server import OllamaHouse
from tests.smollm2 import smollm2_artifact, smollm2_file
from tests.workers.reconcilers.operations.looking import end
from tests.workloads import eventually
from workers.clients.held_requests import let_go
from workers.reconcilers.hosts import reconcile_host
from workers.runtimes.ollama.server import OllamaServer

# Threads hold requests, so rows must be seen by them: no transaction around a test.
pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.django_db(transaction=True)]

BASE = "smollm2:135m"
CALLS = ("models", "show", "has_blob", "send_blob", "create", "pull", "copy", "delete", "load")
Point = tuple[str, int, str]  # call, how many-th, before or after


class DiedError(BaseException):
    """The worker is gone: nothing that catches errors may catch this."""


@dataclass
class Wire:
    """Counts the calls, and dies at one point of them, once."""

    armed: Point | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def points(self) -> list[Point]:
        """Return the points of what was counted."""
        calls = [(name, n) for name, most in self.counts.items() for n in range(1, most + 1)]
        return [(name, n, when) for name, n in calls for when in ("before", "after")]

    def reach(self, point: Point) -> None:
        """Die, if it is here."""
        if point == self.armed:
            self.armed = None
            raise DiedError

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call with this wire around it; one that yields is over when it has yielded."""

        @wraps(call)
        def plain(*args: Any, **kwargs: Any) -> Any:
            self.counts[name] += 1
            number = self.counts[name]
            self.reach((name, number, "before"))
            answer = call(*args, **kwargs)
            self.reach((name, number, "after"))
            return answer

        @wraps(call)
        def yielding(*args: Any, **kwargs: Any) -> Iterator[Any]:
            self.counts[name] += 1
            number = self.counts[name]
            self.reach((name, number, "before"))
            yield from call(*args, **kwargs)
            self.reach((name, number, "after"))

        return yielding if name in {"create", "pull"} else plain


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    for name in CALLS:
        monkeypatch.setattr(OllamaServer, name, made.around(name, getattr(OllamaServer, name)))
    return made


@dataclass
class Place:
    """A server, its host, and what can be asked of both."""

    house: OllamaHouse
    host: Host
    registry: ModelRegistry
    artifact: Artifact

    def row(self, name: str) -> HostModel:
        """Return a model of the server, made now as somebody else would."""
        self.house.copy(BASE, name)
        reconcile_host(self.host.pk)
        return HostModel.objects.get(name=name)


@pytest.fixture
def place(tmp_path: Path, settings: LazySettings) -> Iterator[Place]:
    ref: ArtifactRef = smollm2_artifact(tmp_path / "models")
    with (
        OllamaHouse(tmp_path / "ollama") as house,
        ModelRegistry(smollm2_file()) as registry,
    ):
        settings.ENV = replace(settings.ENV, model_registries={registry.host: True})
        settings.PATHS = replace(settings.PATHS, root=tmp_path)
        host = host_add(SYSTEM, name="lan", runtime="ollama", connection=house.connection)
        model = LanguageModel.objects.create(name="smollm2", title="SmolLM2")
        artifact = Artifact.objects.create(
            model=model, format="gguf", file_name=ref.file_name, size_bytes=ref.size_bytes,
            sha256=ref.sha256,
        )  # fmt: skip
        yield Place(house, host, registry, artifact)


def pull(place: Place, _number: int) -> tuple[Operation, Callable[[], bool]]:
    name = place.registry.name
    place.house.delete(name)
    return services.host_model_pull(
        SYSTEM, place.host, name=name
    ), lambda: name in place.house.names()


def create(place: Place, number: int) -> tuple[Operation, Callable[[], bool]]:
    name = f"made:{number}"
    place.row(f"base:{number}")
    modelfile = parse_modelfile(f"FROM base:{number}\nPARAMETER temperature 0.3\n")
    made = services.host_model_create(SYSTEM, place.host, name=name, modelfile=modelfile)
    return made, lambda: "temperature 0.3" in place.house.modelfile(name)


def push(place: Place, number: int) -> tuple[Operation, Callable[[], bool]]:
    """From nothing: every other model made of the same file is deleted, and the file with it."""
    for name in place.house.names():
        place.house.delete(name)
    reconcile_host(place.host.pk)
    name, artifact = f"pushed:{number}", place.artifact
    return services.host_model_push(
        SYSTEM, place.host, name=name, artifact=artifact
    ), lambda: artifact.sha256 in place.house.modelfile(name)


def copy(place: Place, number: int) -> tuple[Operation, Callable[[], bool]]:
    row = place.row(f"from:{number}")
    copied = services.host_model_copy(SYSTEM, row, name=f"to:{number}")
    return copied, lambda: {f"from:{number}", f"to:{number}"} <= set(place.house.names())


def delete(place: Place, number: int) -> tuple[Operation, Callable[[], bool]]:
    row = place.row(f"old:{number}")
    return services.host_model_delete(
        SYSTEM, row
    ), lambda: row.name not in place.house.names() and BASE in place.house.names()


def load(place: Place, number: int) -> tuple[Operation, Callable[[], bool]]:
    row = place.row(f"warm:{number}")
    return services.host_model_load(
        SYSTEM, row, keep_alive_s=300
    ), lambda: len(place.house.loaded()) == 1


def unload(place: Place, number: int) -> tuple[Operation, Callable[[], bool]]:
    row = place.row(f"cold:{number}")
    place.house.load(row.name)
    reconcile_host(place.host.pk)
    return services.host_model_unload(SYSTEM, row), lambda: place.house.loaded() == []


@pytest.mark.parametrize("act", [pull, create, push, copy, delete, load, unload])
def test_a_worker_dies_before_and_after_every_call(
    place: Place, wire: Wire, act: Callable[[Place, int], Any]
) -> None:
    ref = ArtifactRef(
        "x", place.artifact.sha256, place.artifact.size_bytes or 0, "gguf", "model.gguf"
    )
    place.house.make(BASE, ref)
    reconcile_host(place.host.pk)
    operation, came_true = act(place, 0)
    wire.counts.clear()
    end(operation)
    points = [point for point in wire.points() if point[0] != "models" or point[1] == 1]
    assert points
    eventually(came_true)
    for number, point in enumerate(points, 1):
        operation, came_true = act(place, number)
        wire.counts.clear()
        wire.armed = point
        with pytest.raises(DiedError):
            end(operation)
        operation.refresh_from_db()
        assert operation.state == OperationState.RUNNING, point
        let_go(f"operation {operation.public_id}")  # whatever that process held is gone with it
        assert end(operation).state == OperationState.SUCCEEDED, (point, operation.failure_code)
        eventually(came_true)
