"""The demo's models and artifacts: real names and sizes, made-up files."""

import hashlib
from dataclasses import dataclass
from typing import Any

from models_app.domain.states import ArtifactState
from models_app.domain.tiers import tier_of
from models_app.models import Artifact, EngineEntry, LanguageModel
from models_app.services.demo.times import ago, set_times

SOURCE = "demo"
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Shape:
    """What a GGUF header says of a model."""

    layers: int
    embedding: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int


@dataclass(frozen=True, slots=True)
class DemoModel:
    """One model of the demo."""

    name: str
    title: str
    family: str
    parameters: int
    context: int
    licence: str
    shape: Shape
    files: tuple[tuple[str, int], ...]  # quantisation, MiB


DEMO_MODELS = (
    DemoModel(
        "smollm2-135m",
        "SmolLM2 135M Instruct",
        "smollm2",
        134_515_008,
        8192,
        "apache-2.0",
        Shape(30, 576, 9, 3, 64, 49_152),
        (("Q4_K_M", 101), ("Q8_0", 138), ("F16", 259)),
    ),
    DemoModel(
        "qwen3-1.7b",
        "Qwen3 1.7B",
        "qwen3",
        1_720_574_976,
        32_768,
        "apache-2.0",
        Shape(28, 2048, 16, 8, 128, 151_936),
        (("Q4_K_M", 1056), ("Q8_0", 1749)),
    ),
    DemoModel(
        "llama-3.2-3b",
        "Llama 3.2 3B Instruct",
        "llama",
        3_212_749_888,
        131_072,
        "llama3.2",
        Shape(28, 3072, 24, 8, 128, 128_256),
        (("Q4_K_M", 1926), ("Q6_K", 2520)),
    ),
    DemoModel(
        "phi-4-mini",
        "Phi-4 mini Instruct",
        "phi3",
        3_836_021_760,
        131_072,
        "mit",
        Shape(32, 3072, 24, 8, 128, 200_064),
        (("Q4_K_M", 2376),),
    ),
    DemoModel(
        "mistral-small-24b",
        "Mistral Small 24B Instruct",
        "llama",
        23_572_403_200,
        32_768,
        "apache-2.0",
        Shape(40, 5120, 32, 8, 128, 131_072),
        (("Q4_K_M", 13_669),),
    ),
)


def models_add() -> dict[str, list[Artifact]]:
    """Write the demo's models; return their artifacts by the model's name."""
    made = {demo.name: _artifacts(_model(demo), demo) for demo in DEMO_MODELS}
    for days, artifacts in enumerate(made.values(), start=31):
        set_times([artifacts[0].model], "created_at", [ago(days=days)])
        set_times(artifacts, "created_at", [ago(days=days)] * len(artifacts))
    return made


def _model(demo: DemoModel) -> LanguageModel:
    return LanguageModel.objects.create(
        name=demo.name.replace(".", "-"),
        title=demo.title,
        family=demo.family,
        parameters=demo.parameters,
        tier=tier_of(demo.parameters) or "",
        context_length=demo.context,
        licence=demo.licence,
        source_kind=SOURCE,
    )


def _artifacts(model: LanguageModel, demo: DemoModel) -> list[Artifact]:
    return [
        Artifact.objects.create(
            model=model,
            state=ArtifactState.READY,
            format="gguf",
            quantization=quantization,
            file_name=f"{demo.title.replace(' ', '-')}-{quantization}.gguf",
            size_bytes=size * MIB,
            sha256=demo_digest(f"{demo.name} {quantization}"),
            facts=_facts(demo, quantization, size * MIB),
        )
        for quantization, size in demo.files
    ]


def demo_digest(text: str) -> str:
    """Return a digest that no file has."""
    return hashlib.sha256(f"demo {text}".encode()).hexdigest()


def _facts(demo: DemoModel, quantization: str, size_bytes: int) -> dict[str, Any]:
    shape = demo.shape
    return {
        "architecture": demo.family,
        "name": demo.title,
        "quantization": quantization,
        "parameters": demo.parameters,
        "tensor_bytes": size_bytes - 2 * MIB,
        "layers": shape.layers,
        "embedding_length": shape.embedding,
        "heads": shape.heads,
        "kv_heads": shape.kv_heads,
        "key_length": shape.head,
        "value_length": shape.head,
        "context_length": demo.context,
        "vocabulary": shape.vocabulary,
        "licence": demo.licence,
    }


def engine_ensure() -> str:
    """Return the key of an engine of the catalogue, made up when no worker has written one."""
    known = EngineEntry.objects.filter(pk="llamacpp").first() or EngineEntry.objects.first()
    return (known or EngineEntry.objects.create(key="llamacpp", manifest=_MANIFEST)).key


_MANIFEST: dict[str, Any] = {
    "key": "llamacpp",
    "label": "llama.cpp",
    "description": "Serves GGUF files on CPUs and GPUs.",
    "version": "demo",
    "formats": ["gguf"],
    "runtimes": ["process", "demo"],
    "accelerators": ["cpu"],
    "parameters_schema": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "context_length": {
                "type": "integer",
                "title": "Context length",
                "description": "Tokens that a request and its answer may have together.",
                "default": 0,
                "minimum": 0,
                "maximum": 1 << 20,
            },
            "parallel_sequences": {
                "type": "integer",
                "title": "Requests at a time",
                "default": 1,
                "minimum": 1,
                "maximum": 64,
            },
            "threads": {
                "type": "integer",
                "title": "CPU threads",
                "description": "Threads that compute. 0: one for each core.",
                "default": 0,
                "minimum": 0,
                "maximum": 512,
            },
        },
    },
    "overhead_bytes": 96 * MIB,
    "licence": "MIT",
    "for_tests": False,
}
