"""Predictions against what real replicas took, and what each part grows with."""

from dataclasses import replace
from typing import Any

import pytest

from models_app.domain.gguf_memory import BATCH, KV_BYTES, estimate_gguf
from models_app.domain.sizing import CORRECTION_CEILING, CORRECTION_FLOOR, MemoryEstimate, learned
from models_app.domain.specs import ArtifactFacts
from workers.engines.llamacpp.engine import MANIFEST

MIB = 1 << 20
SMOLLM2 = ArtifactFacts(
    architecture="llama",
    quantization="Q4_1",
    tensor_bytes=96_576_768,
    layers=30,
    embedding_length=576,
    heads=9,
    kv_heads=3,
    key_length=64,
    value_length=64,
    context_length=8192,
    vocabulary=49_152,
    repacked_bytes=0,
)
GEMMA3 = ArtifactFacts(
    architecture="gemma3",
    quantization="Q4_K_M",
    tensor_bytes=246_587_904,
    layers=18,
    embedding_length=640,
    heads=4,
    kv_heads=1,
    key_length=256,
    value_length=256,
    context_length=32_768,
    vocabulary=262_144,
    repacked_bytes=13_271_040,
    sliding_window=512,
    window_pattern=6,
)
# Highest resident memory in MiB: `python -m benchmarks.sizing`, llama.cpp of xllamacpp, x86-64.
MEASURED: list[tuple[ArtifactFacts, int, int, dict[str, Any], int]] = [
    (SMOLLM2, 1024, 1, {}, 195),
    (SMOLLM2, 4096, 1, {}, 266),
    (SMOLLM2, 4096, 2, {}, 357),
    (SMOLLM2, 8192, 1, {}, 360),
    (SMOLLM2, 8192, 4, {}, 903),
    (SMOLLM2, 2048, 8, {}, 541),
    (SMOLLM2, 8192, 2, {"kv_type": "q8_0"}, 372),
    (replace(SMOLLM2, tensor_bytes=89_400_000, repacked_bytes=59_300_000), 1024, 1, {}, 244),
    (GEMMA3, 1024, 1, {}, 395),
    (GEMMA3, 4096, 2, {}, 446),
    (GEMMA3, 8192, 2, {"kv_type": "q8_0"}, 426),
]


def predicted(facts: ArtifactFacts, **parameters: Any) -> int:
    total = estimate_gguf(facts, parameters, overhead_bytes=MANIFEST.overhead_bytes).total_bytes
    assert total is not None
    return total


@pytest.mark.parametrize(("facts", "context", "slots", "more", "peak"), MEASURED)
def test_predictions_are_near_what_was_measured(
    facts: ArtifactFacts, context: int, slots: int, more: dict[str, Any], peak: int
) -> None:
    total = predicted(facts, context_length=context, parallel_sequences=slots, **more)
    assert 0.90 <= total / MIB / peak <= 1.15


def test_each_slot_has_a_cache_of_its_own() -> None:
    one, two = (
        estimate_gguf(SMOLLM2, {"context_length": 4096, "parallel_sequences": n}, overhead_bytes=0)
        for n in (1, 2)
    )
    assert two.kv_cache_bytes == 2 * one.kv_cache_bytes
    assert two.weights_bytes == one.weights_bytes


@pytest.mark.parametrize("kind", KV_BYTES)
def test_fewer_bits_take_less(kind: str) -> None:
    asked = {"context_length": 4096, "parallel_sequences": 1, "kv_type": kind}
    found = estimate_gguf(SMOLLM2, asked, overhead_bytes=0).kv_cache_bytes
    assert found == round(4096 * 30 * 3 * 128 * KV_BYTES[kind])


def test_a_window_bounds_the_cache_of_its_layers() -> None:
    long = {"context_length": 32_768, "parallel_sequences": 1}
    windowed = estimate_gguf(GEMMA3, long, overhead_bytes=0).kv_cache_bytes
    whole = estimate_gguf(replace(GEMMA3, sliding_window=None), long, overhead_bytes=0)
    per_place = 512 * 2
    assert windowed == (3 * 32_768 + 15 * (512 + BATCH)) * per_place
    assert whole.kv_cache_bytes == 18 * 32_768 * per_place
    unknown = estimate_gguf(replace(GEMMA3, window_pattern=None), long, overhead_bytes=0)
    assert unknown.kv_cache_bytes == whole.kv_cache_bytes, "not known: every layer counts whole"


def test_attention_without_flash_and_embeddings_take_more() -> None:
    asked = {"context_length": 4096, "parallel_sequences": 2}
    plain = predicted(SMOLLM2, **asked)
    assert predicted(SMOLLM2, **asked, flash_attention="off") > plain + 60 * MIB
    assert predicted(SMOLLM2, **asked, embeddings=True) > plain + 150 * MIB
    assert predicted(SMOLLM2, **asked, flash_attention="auto", embeddings=False) == plain


@pytest.mark.parametrize(
    ("quantization", "twice"), [("Q4_0", True), ("Q4_K_M", True), ("Q8_0", False), (None, False)]
)
def test_what_is_laid_out_anew_counts_twice(quantization: str | None, twice: bool) -> None:
    """An artifact that was imported before its header was asked is judged by its recipe's name."""
    facts = replace(SMOLLM2, quantization=quantization, repacked_bytes=None)
    weights = estimate_gguf(facts, {}, overhead_bytes=0).weights_bytes
    assert weights == (SMOLLM2.tensor_bytes or 0) * (2 if twice else 1)


@pytest.mark.parametrize(
    "name",
    [
        "tensor_bytes",
        "layers",
        "kv_heads",
        "key_length",
        "value_length",
        "vocabulary",
        "embedding_length",
    ],
)
def test_an_unknown_is_never_zero(name: str) -> None:
    found = estimate_gguf(replace(SMOLLM2, **{name: None}), {}, overhead_bytes=1)
    assert found.unknown == (name,)
    assert found.total_bytes is None


def flat(_parameters: object) -> MemoryEstimate:
    return MemoryEstimate.of_bytes(1000)


@pytest.mark.parametrize(
    ("peaks", "total"),
    [
        ([], 1000),
        ([({"a": 1}, 1300)], 1300),
        ([({"a": 1}, 1100), ({"a": 2}, 1900)], 1100),
        ([({"a": 2}, 1900), ({"a": 3}, 1200)], 1900),
        ([({"a": 1}, 10)], round(1000 * CORRECTION_FLOOR)),
        ([({"a": 1}, 10_000)], round(1000 * CORRECTION_CEILING)),
        ([({"a": 1}, 0)], 1000),
    ],
)
def test_what_replicas_took_corrects_the_next_prediction(
    peaks: list[tuple[dict[str, int], int]], total: int
) -> None:
    """Those with the very same parameters alone; the highest counts; within bounds."""
    assert learned(flat, {"a": 1}, peaks).total_bytes == total


def test_what_is_unknown_stays_unknown_whatever_was_learned() -> None:
    unknown = MemoryEstimate(unknown=("layers",))
    assert learned(lambda _: unknown, {}, [({}, 500)]).total_bytes is None
