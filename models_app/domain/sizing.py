"""Predicts how much memory serving a model takes, and says whether a host has it.

The parts are added from the artifact's own facts: weights as they lie in the file, the key/value
cache (each request that is answered at the same time has a context of its own, so that one cannot
break another), compute buffers, and the engine's own overhead. A fact that is missing makes the
total unknown, never zero. Sizes are bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

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
DEFAULT_CONTEXT = 4096
DEFAULT_PARALLEL = 2
BATCH = 512  # tokens per compute step; the logits of a step are kept whole
CORRECTION_FLOOR, CORRECTION_CEILING = 0.8, 2.0
TIGHT_BYTES = 256 << 20
TIGHT_SHARE = 0.05  # of the capacity: less than this left is tight


class Fit(StrEnum):
    """The verdict in a word."""

    FITS = "fits"
    TIGHT = "tight"
    DOES_NOT_FIT = "does_not_fit"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What one replica will need, by part. `unknown` names the facts that are missing."""

    weights_bytes: int = 0
    kv_cache_bytes: int = 0
    compute_bytes: int = 0
    overhead_bytes: int = 0
    correction: float = 1.0  # learned from replicas that ran: their peak over their prediction
    unknown: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int | None:
        """Return the sum, corrected; None when a fact is unknown."""
        if self.unknown:
            return None
        parts = (
            self.weights_bytes,
            self.kv_cache_bytes,
            self.compute_bytes,
            self.overhead_bytes,
        )
        return round(sum(parts) * self.correction)

    @classmethod
    def of_bytes(cls, total: int) -> Self:
        """Return an estimate of a size that is known as a whole."""
        return cls(weights_bytes=total)

    def corrected(self, factor: float) -> Self:
        """Return the same estimate with what was learned."""
        return replace(self, correction=factor)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it fits, with the figures. `available_bytes` None: the host's memory is unknown."""

    fit: Fit
    needed_bytes: int | None
    available_bytes: int | None
    capacity_bytes: int | None

    @property
    def left_bytes(self) -> int | None:
        """Return what would be left; negative: what is short."""
        if self.needed_bytes is None or self.available_bytes is None:
            return None
        return self.available_bytes - self.needed_bytes


def estimate_gguf(
    facts: ArtifactFacts, parameters: Mapping[str, Any], *, overhead_bytes: int
) -> MemoryEstimate:
    """Predict the resident memory of serving a GGUF on llama.cpp with these engine parameters."""
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
    figures = {name: value or 0 for name, value in needed.items()}
    context = _context(facts, parameters) * _parallel(parameters)
    per_value = KV_BYTES.get(str(parameters.get("kv_type", "f16")), KV_BYTES["f16"])
    head_values = figures["kv_heads"] * (figures["key_length"] + figures["value_length"])
    return MemoryEstimate(
        weights_bytes=figures["tensor_bytes"],
        kv_cache_bytes=round(context * figures["layers"] * head_values * per_value),
        compute_bytes=BATCH * 4 * (figures["vocabulary"] + 8 * figures["embedding_length"]),
        overhead_bytes=overhead_bytes,
    )


def correction_from(observed: Sequence[tuple[int, int]]) -> float:
    """Return by what to multiply a prediction, from (predicted, peak) pairs; bounded, 1 if none.

    The highest ratio counts: a prediction that is a little high costs some room, one that is too
    low costs a crash.
    """
    ratios = [peak / predicted for predicted, peak in observed if predicted > 0 and peak > 0]
    if not ratios:
        return 1.0
    return min(max(*ratios, CORRECTION_FLOOR), CORRECTION_CEILING)


def verdict(
    estimate: MemoryEstimate,
    *,
    capacity_bytes: int | None,
    promised_bytes: int,
    used_by_others_bytes: int | None,
    budget_bytes: int | None,
) -> Verdict:
    """Judge an estimate against a host: its memory less others' use, our promises, the budget."""
    needed = estimate.total_bytes
    if capacity_bytes is None or used_by_others_bytes is None:
        return Verdict(Fit.UNKNOWN, needed, None, capacity_bytes)
    available = capacity_bytes - used_by_others_bytes - promised_bytes
    if budget_bytes is not None:
        available = min(available, budget_bytes - promised_bytes)
    available = max(available, 0)
    if needed is None:
        return Verdict(Fit.UNKNOWN, None, available, capacity_bytes)
    left = available - needed
    if left < 0:
        return Verdict(Fit.DOES_NOT_FIT, needed, available, capacity_bytes)
    is_tight = left < max(TIGHT_BYTES, capacity_bytes * TIGHT_SHARE)
    return Verdict(Fit.TIGHT if is_tight else Fit.FITS, needed, available, capacity_bytes)


def _context(facts: ArtifactFacts, parameters: Mapping[str, Any]) -> int:
    asked = parameters.get("context_length")
    if isinstance(asked, int) and asked > 0:
        return asked
    return min(DEFAULT_CONTEXT, facts.context_length or DEFAULT_CONTEXT)


def _parallel(parameters: Mapping[str, Any]) -> int:
    asked = parameters.get("parallel_sequences")
    return asked if isinstance(asked, int) and asked > 0 else DEFAULT_PARALLEL
