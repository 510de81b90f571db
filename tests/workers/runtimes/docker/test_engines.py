"""The real engines in their containers, as planned for the public images: they load and answer."""

from typing import Any

import httpx
import pytest

from models_app.domain.specs import ArtifactFacts, ServeRequest, owner_labels
from tests.docker_images import LLAMACPP, OLLAMA
from tests.requirements import need
from tests.runtime_sites import DockerSite
from tests.smollm2 import smollm2_artifact
from tests.workloads import eventually, wait_running
from workers.engines.base import Engine
from workers.engines.llamacpp.engine import LlamaCppEngine
from workers.engines.ollama.engine import OllamaEngine

pytestmark = pytest.mark.slow
LOAD_S = 90.0


def request_of(site: DockerSite, **parameters: Any) -> ServeRequest:
    return ServeRequest(
        workload=site.name,
        alias="smollm2",
        artifact=smollm2_artifact(site.root / "models"),
        facts=ArtifactFacts(context_length=2048, architecture="llama"),
        parameters={"context_length": 512, "threads": 1, **parameters},
        memory_bytes=512 << 20,
        owner=owner_labels(instance=site.instance, deployment="d", replica="r"),
    )


@pytest.mark.parametrize(
    ("engine", "tool", "image"),
    [(LlamaCppEngine(), "llama-server", LLAMACPP), (OllamaEngine(), "ollama", OLLAMA)],
    ids=["llamacpp", "ollama"],
)
def test_a_real_engine_serves_from_its_container(
    site: DockerSite, engine: Engine, tool: str, image: str
) -> None:
    need(tool)
    site.engine.load(image)
    facts = site.runtime.facts()
    request = request_of(site)
    assert engine.check(request, facts) == []
    spec = engine.plan(request, facts)
    assert site.runtime.ensure_artifact(spec.artifact, seconds=120).finished
    assert site.runtime.ensure_image(spec).finished
    site.runtime.create(spec)
    address = wait_running(site.runtime, site.name).address
    probe = engine.probe(spec)

    def healthy() -> bool:
        found = site.runtime.observe(site.name)
        assert found is not None
        assert found.running, site.runtime.tail(site.name)
        try:
            return httpx.get(f"http://{address}{probe.health_path}", timeout=5).is_success
        except httpx.TransportError:
            return False

    eventually(healthy, seconds=LOAD_S)
    for step in probe.prepare:
        body = {k: ("smollm2" if v == "{served_as}" else v) for k, v in step.body.items()}
        httpx.post(f"http://{address}{step.path}", json=body, timeout=60).raise_for_status()
    chat = {
        "model": "smollm2",
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": 8,
    }
    answer = httpx.post(f"http://{address}/v1/chat/completions", json=chat, timeout=60)
    assert answer.raise_for_status().json()["choices"][0]["message"]["content"].strip()
    stats = site.runtime.stats(site.name)
    assert stats is not None
    assert 100 << 20 < stats.memory_bytes < 512 << 20  # the weights are counted, 92 MB of them
