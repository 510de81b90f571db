"""The real llama.cpp below the process runtime: what it serves, and how it fails."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from models_app.domain.failures import FailureCode as Code
from models_app.domain.specs import ArtifactFacts, ArtifactRef, Observed, ServeRequest
from tests.smollm2 import smollm2_artifact, smollm2_file
from tests.workloads import (
    HOST,
    engine_pids,
    eventually,
    open_process_runtime,
    store_file,
    wait_ended,
    wait_ready,
)
from workers.engines.llamacpp.engine import LlamaCppEngine
from workers.runtimes.process.runtime import ProcessRuntime

pytestmark = pytest.mark.slow
NAME = "slipway-smol-0-r1"
ENGINE = LlamaCppEngine()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[ProcessRuntime]:
    made = open_process_runtime(tmp_path)
    yield made
    assert made.stop_all(seconds=10) == []
    assert engine_pids(tmp_path) == []


def wish(artifact: ArtifactRef, **parameters: Any) -> ServeRequest:
    return ServeRequest(
        workload=NAME,
        alias="smol",
        artifact=artifact,
        facts=ArtifactFacts(context_length=8192),
        parameters={"threads": 1, "parallel_sequences": 1, "context_length": 512, **parameters},
        memory_bytes=None,
    )


@pytest.fixture
def serve(runtime: ProcessRuntime, tmp_path: Path) -> Callable[..., str]:
    def start(**parameters: Any) -> str:
        artifact = smollm2_artifact(tmp_path / "models")
        runtime.create(ENGINE.plan(wish(artifact, **parameters), HOST))
        return f"http://{wait_ready(runtime, NAME).address}"

    return start


def test_contexts_are_each_requests_own(serve: Callable[..., str]) -> None:
    base = serve(parallel_sequences=2, context_length=256)
    slots = httpx.get(f"{base}/slots").json()
    assert [slot["n_ctx"] for slot in slots] == [256, 256]
    answers = []

    def ask(index: int) -> None:
        body = {"prompt": f"{index} " + "word " * 220, "max_tokens": 8}
        answers.append(httpx.post(f"{base}/v1/completions", json=body, timeout=120))

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200]
    too_long = httpx.post(f"{base}/v1/completions", json={"prompt": "word " * 300}, timeout=60)
    assert too_long.status_code == 400
    assert too_long.json()["error"]["type"] == "exceed_context_size_error"


def test_parameters_reach_the_engine(serve: Callable[..., str]) -> None:
    base = serve(
        kv_type="q8_0", flash_attention="on", temperature=0.25, top_p=0.5, seed=7, embeddings=True
    )
    body = {"prompt": "One day", "max_tokens": 12}
    first, again = (
        httpx.post(f"{base}/v1/completions", json=body, timeout=60).json()["choices"][0]["text"]
        for _ in range(2)
    )
    assert first == again
    assert first
    sampling = httpx.get(f"{base}/slots").json()[0]["params"]
    assert sampling["seed"] == 7
    assert sampling["temperature"] == pytest.approx(0.25)
    assert sampling["top_p"] == pytest.approx(0.5)
    vector = httpx.post(f"{base}/v1/embeddings", json={"input": "sea"}, timeout=60)
    assert len(vector.json()["data"][0]["embedding"]) == 576


def test_only_loopback_and_no_page_of_a_browser(serve: Callable[..., str], tmp_path: Path) -> None:
    base = serve()
    process = psutil.Process(engine_pids(tmp_path)[0])
    listening = {c.laddr.ip for c in process.net_connections() if c.status == "LISTEN"}
    assert listening == {"127.0.0.1"}
    answer = httpx.get(f"{base}/health", headers={"Origin": "https://evil.example"})
    assert answer.headers["access-control-allow-origin"] == "http://127.0.0.1"
    assert httpx.get(f"{base}/").status_code == 404


def test_ending_lets_an_answer_finish(serve: Callable[..., str], runtime: ProcessRuntime) -> None:
    base = serve()
    body = {"prompt": "Once upon a time", "max_tokens": 120, "stream": True, "seed": 1}
    lines: list[str] = []
    with httpx.stream("POST", f"{base}/v1/completions", json=body, timeout=60) as answer:
        for line in answer.iter_lines():
            if not lines:
                assert not runtime.remove(NAME, force=False)
            lines.append(line)
    assert "data: [DONE]" in lines
    eventually(lambda: runtime.remove(NAME, force=False))


def failed(runtime: ProcessRuntime, request: ServeRequest, limit: int | None = None) -> Observed:
    spec = ENGINE.plan(request, HOST)
    runtime.create(replace(spec, memory_limit_bytes=limit))
    return wait_ended(runtime, NAME)


def code_of(runtime: ProcessRuntime, ended: Observed) -> Code:
    tail = tuple(line.text for line in runtime.tail(NAME, lines=30))
    found = ENGINE.explain(tail, ended.exit_code)
    assert found is not None, tail
    return Code(found.code)


@pytest.mark.parametrize("size", [5, 3_000, 20_000_000])
def test_damaged_files_are_told(runtime: ProcessRuntime, tmp_path: Path, size: int) -> None:
    content = smollm2_file().read_bytes()[:size] if size > 5 else b"hello"
    ended = failed(runtime, wish(store_file(tmp_path / "models", content)))
    assert ended.exit_code == 2
    assert not ended.out_of_memory
    assert code_of(runtime, ended) == Code.ARTIFACT_INVALID


def test_too_little_memory_is_told(runtime: ProcessRuntime, tmp_path: Path) -> None:
    artifact = smollm2_artifact(tmp_path / "models")
    request = wish(artifact, context_length=8192, parallel_sequences=8)
    ended = failed(runtime, request, limit=300 << 20)
    assert ended.exit_code not in {0, None}
    assert ended.out_of_memory
    assert code_of(runtime, ended) == Code.OUT_OF_MEMORY


def test_a_port_that_is_taken_is_told(runtime: ProcessRuntime, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        artifact = smollm2_artifact(tmp_path / "models")
        spec = ENGINE.plan(wish(artifact), HOST)
        argv = [str(port) if part == "{port}" else part for part in spec.argv]
        runtime.create(replace(spec, argv=tuple(argv)))
        ended = wait_ended(runtime, NAME)
    assert code_of(runtime, ended) == Code.PORT_IN_USE
