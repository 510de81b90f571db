"""Predicts the resident memory of serving a GGUF on llama.cpp, part by part, from its header.

Calibrated against the real server with `benchmarks/sizing.py`; the figures without a formula behind
them say what they were measured on. What was seen:

- Weights are mapped, so they count as resident once they were read. Types that llama.cpp lays out
  anew for the processor lie in memory a second time.
- Each request has a cache of its own, written to at the start. A layer with a sliding window keeps
  the window and one batch, not the whole context.
- The vocabulary is kept as words (for the tokenizer) and, per slot, as candidates with chances.
- Answering with embeddings computes the chances of every token of a batch, twice in memory.
"""

from collections.abc import Mapping
from typing import Any

from models_app.domain.sizing import DEFAULT_CONTEXT, DEFAULT_PARALLEL, MemoryEstimate
from models_app.domain.specs import ArtifactFacts

# Bytes per cached value, block overhead included (ggml: 32 values per block of q8_0, q4_0, ...).
KV_BYTES = {
    "f32": 4.0,
    "f16": 2.0,
    "bf16": 2.0,
    "q8_0": 34 / 32,
    "q5_1": 24 / 32,
    "q5_0": 22 / 32,
    "q4_1": 20 / 32,
    "q4_0": 18 / 32,
}
BATCH = 512  # tokens per compute step (n_ubatch)
LARGEST_BATCH = 2048  # tokens that are taken up at once (n_batch)
F32 = 4
WIDTHS = 8  # tensors of the embedding's width that are alive in a step
MASK_BYTES = 6  # per token of a step and place of the cache: as f32 and as f16
WORD_BYTES = 250  # per word of the vocabulary; SmolLM2 (49,152) against Gemma 3 (262,144)
CANDIDATE_BYTES = 40  # per word and slot; the same two
CACHE_STEP = 256  # caches are this or a multiple


def estimate_gguf(
    facts: ArtifactFacts, parameters: Mapping[str, Any], *, overhead_bytes: int
) -> MemoryEstimate:
    """Return what one replica takes at most with these engine parameters."""
    needed = {
        "tensor_bytes": facts.tensor_bytes,
        "layers": facts.layers,
        "kv_heads": facts.kv_heads,
        "key_length": facts.key_length,
        "value_length": facts.value_length,
        "vocabulary": facts.vocabulary,
        "embedding_length": facts.embedding_length,
    }
    missing = tuple(name for name, value in needed.items() if value is None)
    if missing:
        return MemoryEstimate(overhead_bytes=overhead_bytes, unknown=missing)
    return MemoryEstimate(
        weights_bytes=(facts.tensor_bytes or 0) + _repacked(facts),
        kv_cache_bytes=_cache(facts, parameters),
        compute_bytes=_compute(facts, parameters),
        overhead_bytes=overhead_bytes + WORD_BYTES * (facts.vocabulary or 0),
    )


def _repacked(facts: ArtifactFacts) -> int:
    """Return what lies in memory twice; from the recipe's name where the header was not asked."""
    if facts.repacked_bytes is not None:
        return facts.repacked_bytes
    name = facts.quantization or ""
    is_repacked = name.startswith(("Q4_0", "Q4_K", "IQ4_NL"))
    return (facts.tensor_bytes or 0) if is_repacked else 0


def _cache(facts: ArtifactFacts, parameters: Mapping[str, Any]) -> int:
    context, layers = _context(facts, parameters), facts.layers or 0
    per_value = KV_BYTES.get(str(parameters.get("kv_type", "f16")), KV_BYTES["f16"])
    values = (facts.kv_heads or 0) * ((facts.key_length or 0) + (facts.value_length or 0))
    whole = layers
    places = 0
    if facts.sliding_window and facts.window_pattern:
        whole = layers // facts.window_pattern
        window = _padded(min(context, facts.sliding_window + BATCH))
        places = (layers - whole) * window
    places += whole * _padded(context)
    return round(places * _parallel(parameters) * values * per_value)


def _compute(facts: ArtifactFacts, parameters: Mapping[str, Any]) -> int:
    context, parallel = _context(facts, parameters), _parallel(parameters)
    vocabulary = facts.vocabulary or 0
    per_token = F32 * WIDTHS * (facts.embedding_length or 0) + MASK_BYTES * context
    if parameters.get("flash_attention") == "off":
        per_token += F32 * context * (facts.heads or facts.kv_heads or 0)
    total = BATCH * per_token + CANDIDATE_BYTES * vocabulary * parallel
    if parameters.get("embeddings"):
        total += F32 * vocabulary * (BATCH + min(BATCH * parallel, LARGEST_BATCH))
    return total


def _padded(places: int) -> int:
    return -(-places // CACHE_STEP) * CACHE_STEP


def _context(facts: ArtifactFacts, parameters: Mapping[str, Any]) -> int:
    asked = parameters.get("context_length")
    if isinstance(asked, int) and asked > 0:
        return asked
    return min(DEFAULT_CONTEXT, facts.context_length or DEFAULT_CONTEXT)


def _parallel(parameters: Mapping[str, Any]) -> int:
    asked = parameters.get("parallel_sequences")
    return asked if isinstance(asked, int) and asked > 0 else DEFAULT_PARALLEL
