"""What becomes of each parameter: a word to the whole server, a setting of the model, a refusal."""

from dataclasses import replace
from typing import Any

import pytest

from models_app.domain.failures import FailureCode
from models_app.domain.specs import (
    ArtifactFacts,
    ArtifactRef,
    GpuFacts,
    HostFacts,
    ServeRequest,
    WorkloadSpec,
)
from tests.workloads import HOST
from workers.engines.ollama.engine import OllamaEngine

BOX = replace(HOST, runtime="docker")
BOX_WITH_GPU = replace(BOX, gpus=(GpuFacts(0, "a GPU", "nvidia", 8 << 30),))
SHARED = replace(HOST, runtime="ollama")


def wish(**parameters: Any) -> ServeRequest:
    return ServeRequest(
        workload="slipway-chat-0-r1",
        alias="chat",
        artifact=ArtifactRef("artifact-1", "ab" * 32, 1000, "gguf", "model.gguf"),
        facts=ArtifactFacts(context_length=8192),
        parameters=parameters,
        memory_bytes=1 << 28,
    )


def planned(host: HostFacts, **parameters: Any) -> WorkloadSpec:
    request = wish(**parameters)
    assert OllamaEngine().check(request, host) == []
    return OllamaEngine().plan(request, host)


@pytest.mark.parametrize(
    ("name", "value", "variable", "word"),
    [
        ("parallel_sequences", 3, "OLLAMA_NUM_PARALLEL", "3"),
        ("keep_alive_s", 90, "OLLAMA_KEEP_ALIVE", "90"),
        ("flash_attention", "off", "OLLAMA_FLASH_ATTENTION", "0"),
        ("max_loaded", 2, "OLLAMA_MAX_LOADED_MODELS", "2"),
        ("kv_type", "q8_0", "OLLAMA_KV_CACHE_TYPE", "q8_0"),
        ("gpus", "0,2", "CUDA_VISIBLE_DEVICES", "0,2"),
    ],
)
def test_settings_of_the_server_are_its_environment(
    name: str, value: object, variable: str, word: str
) -> None:
    assert dict(planned(BOX, **{name: value}).env)[variable] == word
    assert planned(SHARED).env == ()


def test_settings_of_the_model_go_with_the_model_on_both() -> None:
    for host in (BOX, SHARED):
        settings = dict(planned(host, context_length=1024, gpu_layers=7, threads=2).settings)
        assert settings["num_ctx"] == 1024
        assert settings["num_gpu"] == 7
        assert settings["num_thread"] == 2


def test_a_container_gets_the_hosts_gpus_unless_none_is_wanted() -> None:
    assert planned(BOX_WITH_GPU).gpus
    assert not planned(BOX_WITH_GPU, gpu_layers=0).gpus
    assert not planned(BOX).gpus
    assert not planned(replace(SHARED, gpus=BOX_WITH_GPU.gpus)).gpus


@pytest.mark.parametrize(
    "asked", [{"parallel_sequences": 2}, {"max_loaded": 2}, {"gpus": "0"}, {"kv_type": "q8_0"}]
)
def test_a_shared_server_keeps_its_owners_settings(asked: dict[str, Any]) -> None:
    (problem,) = OllamaEngine().check(wish(**asked), SHARED)
    assert problem.code == FailureCode.PARAMETERS_INVALID
    assert problem.params == {"parameter": next(iter(asked)), "rule": "container_only"}
