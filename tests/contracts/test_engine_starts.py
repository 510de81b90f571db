"""What every engine SHALL do for real: start, serve, stream and end wherever it says it runs.

An engine joins by being registered, with every runtime of its manifest. The engines of one place
share it: a model that was brought there once is there.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from models_app.domain.specs import (
    ArtifactFacts,
    ArtifactRef,
    HostFacts,
    Observed,
    ProbeSpec,
    ServeRequest,
    WorkloadSpec,
    WorkloadStats,
    owner_labels,
)
from tests.docker_images import FAKE, LLAMACPP, OLLAMA
from tests.requirements import need
from tests.runtime_sites import DockerSite, Site, docker_site, ollama_site, process_site
from tests.smollm2 import smollm2_artifact
from tests.workloads import end, eventually, store_file, wait_running
from workers.engines.base import Engine
from workers.reconcilers.replica_drain import is_answering
from workers.reconcilers.replica_prepare import filled
from workers.registry import engines
from workers.runtimes.base import Ability, Runtime

pytestmark = pytest.mark.slow

PLACES = {"process": ("process",), "docker": ("unix", "tls", "ssh"), "ollama": ("ollama",)}
STARTS = sorted(
    (place, key)
    for key, engine in engines().items()
    for runtime in engine.manifest.runtimes
    for place in PLACES[runtime]
)
IMAGES = {
    "fake": (FAKE, "docker"),
    "llamacpp": (LLAMACPP, "llama-server"),
    "ollama": (OLLAMA, "ollama"),
}
TOKENS = 12
BRINGING_S, LOADING_S, ANSWER_S = 120.0, 90.0, 60.0
WEIGHTS, MEMORY = 90 << 20, 512 << 20  # of the real model, of which it may take all


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The place where a test starts its engine."""
    root = tmp_path_factory.mktemp(request.param)
    opened: AbstractContextManager[Site]
    if request.param == "process":
        opened = process_site(root)
    elif request.param == "ollama":
        opened = ollama_site(root)
    else:
        need("docker")
        fixture = "docker_engine" if request.param == "unix" else "docker_machine"
        opened = docker_site(root, request.getfixturevalue(fixture), request.param)
    with opened as there:
        yield there


@pytest.mark.parametrize(("site", "key"), STARTS, indirect=["site"], scope="module")
def test_a_real_start_serves_streams_and_ends(site: Site, key: str) -> None:
    engine, runtime, facts = engines()[key], site.runtime, site.runtime.facts()
    request = wish(site, engine)
    assert engine.check(request, facts) == []
    spec = engine.plan(request, facts)
    bring(site, key, request.artifact)
    assert runtime.ensure_image(spec).finished
    try:
        runtime.create(spec)
        found = wait_healthy(runtime, spec.name, engine.probe(spec))
        assert_as_wished(runtime, engine, request, found)
        model = found.served_as or request.alias
        assert_serves(engine, engine.probe(spec), f"http://{found.address}", model)
        assert_measured(runtime.stats(spec.name), engine)
        if Ability.PROCESSES in runtime.abilities:
            assert_tells_whether_it_answers(runtime, engine, spec, found)
            eventually(lambda: runtime.remove(spec.name, force=False))
        else:
            assert_finishes_what_it_is_at(runtime, spec, found)
        assert runtime.observe(spec.name) is None
    finally:
        end(runtime, spec.name)


def wish(site: Site, engine: Engine) -> ServeRequest:
    models = site.root / "models"
    known = engine.manifest.parameters_schema["properties"]
    asked = {"context_length": 512, "threads": 1, "seed": 7}
    return ServeRequest(
        workload=site.name,
        alias="contract",
        artifact=store_file(models) if engine.manifest.for_tests else smollm2_artifact(models),
        facts=ArtifactFacts(context_length=2048, architecture="llama"),
        parameters={name: value for name, value in asked.items() if name in known},
        memory_bytes=MEMORY,
        owner=owner_labels(instance=site.instance, deployment="d", replica="r"),
    )


def bring(site: Site, key: str, artifact: ArtifactRef) -> None:
    """Bring what the engine needs there."""
    if isinstance(site, DockerSite):
        image, tool = IMAGES[key]
        need(tool)
        site.engine.load(image)
    eventually(
        lambda: site.runtime.ensure_artifact(artifact, seconds=5).finished, seconds=BRINGING_S
    )


def wait_healthy(runtime: Runtime, name: str, probe: ProbeSpec) -> Observed:
    address = wait_running(runtime, name).address

    def healthy() -> Observed | None:
        found = runtime.observe(name)
        assert found is not None
        assert found.running, runtime.tail(name)
        try:
            answer = httpx.get(f"http://{address}{probe.health_path}", timeout=5)
        except httpx.TransportError:
            return None
        return found if answer.is_success else None

    found = eventually(healthy, seconds=LOADING_S)
    assert found is not None
    return found


def assert_as_wished(
    runtime: Runtime, engine: Engine, request: ServeRequest, found: Observed
) -> None:
    """What runs is what would be planned now: nothing is left to do."""
    facts: HostFacts = runtime.facts()
    assert found.spec_hash == engine.plan(request, facts).fingerprint()
    assert not found.drift
    moved = replace(request, alias="other")
    assert found.spec_hash != engine.plan(moved, facts).fingerprint()


def assert_serves(engine: Engine, probe: ProbeSpec, base: str, model: str) -> None:
    for step in probe.prepare:
        body = filled(step.body, model)
        httpx.post(base + step.path, json=body, timeout=ANSWER_S).raise_for_status()
    body = filled(probe.completion_body, model)
    first = httpx.post(base + probe.completion_path, json=body, timeout=ANSWER_S)
    assert first.raise_for_status().json()["usage"]["completion_tokens"] == 1
    listed = httpx.get(f"{base}/v1/models", timeout=ANSWER_S).json()["data"]
    assert model in [one["id"].removesuffix(":latest") for one in listed]
    events = stream(base, model)
    assert events[-1] == "[DONE]"
    assert_streamed(events[:-1])
    if probe.metrics_path:
        after = engine.metrics(httpx.get(base + probe.metrics_path, timeout=ANSWER_S).text)
        assert after.completion_tokens_total is not None
        assert after.completion_tokens_total > TOKENS


def asked(model: str, *, tokens: int = TOKENS) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": "user", "content": "Tell me a story about the sea."}],
        "max_tokens": tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def stream(base: str, model: str) -> list[str]:
    url = f"{base}/v1/chat/completions"
    with httpx.stream("POST", url, json=asked(model), timeout=ANSWER_S) as answer:
        answer.raise_for_status()
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    return [line for line in lines if not line.startswith(":")]


def assert_tells_whether_it_answers(
    runtime: Runtime, engine: Engine, spec: WorkloadSpec, found: Observed
) -> None:
    """Whoever ends a copy waits for its answers, so it has to be told of them, and of their end."""

    def answers() -> bool:
        return is_answering(runtime, engine, engine.probe(spec), found)

    over = Event()

    def ask() -> None:
        while not over.is_set():
            stream(f"http://{found.address}", found.served_as or "contract")

    asking = Thread(target=ask)
    asking.start()
    try:
        eventually(answers, seconds=ANSWER_S)
    finally:
        over.set()
        asking.join(ANSWER_S)
    eventually(lambda: not answers(), seconds=ANSWER_S)


def assert_finishes_what_it_is_at(runtime: Runtime, spec: WorkloadSpec, found: Observed) -> None:
    """A model that is taken off a shared server in the middle of an answer ends that answer."""
    url, body = f"http://{found.address}/v1/chat/completions", asked(found.served_as, tokens=64)
    with httpx.stream("POST", url, json=body, timeout=ANSWER_S) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("data: ")
        eventually(lambda: runtime.remove(spec.name, force=False), seconds=ANSWER_S)
        assert [line for line in lines if line][-1] == "data: [DONE]"


def assert_streamed(events: list[str]) -> None:
    chunks = [json.loads(event) for event in events]
    words = [c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]]
    assert "".join(words).strip()
    assert chunks[-1]["usage"]["completion_tokens"] == TOKENS


def assert_measured(stats: WorkloadStats | None, engine: Engine) -> None:
    assert stats is not None
    least = 1 << 20 if engine.manifest.for_tests else WEIGHTS
    assert least < stats.memory_bytes < MEMORY
