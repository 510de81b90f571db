"""What serving a model takes, as far as it is known, and whether a host has it.

How much it is, `gguf_memory.py` predicts from the artifact's own facts; here the parts are added,
corrected by what replicas really took, and judged. A fact that is missing makes the total unknown,
never zero. Sizes are bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

DEFAULT_CONTEXT = 4096
DEFAULT_PARALLEL = 2
CORRECTION_FLOOR, CORRECTION_CEILING = 0.9, 2.0  # few prompts show the most it takes
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


def correction_from(observed: Sequence[tuple[int, int]]) -> float:
    """Return by what to multiply a prediction, from (predicted, peak) pairs; bounded, 1 if none.

    The highest ratio counts: a prediction that is a little high costs some room, one that is too
    low costs a crash.
    """
    ratios = [peak / predicted for predicted, peak in observed if predicted > 0 and peak > 0]
    if not ratios:
        return 1.0
    return min(max(*ratios, CORRECTION_FLOOR), CORRECTION_CEILING)


def learned(
    predict: Callable[[Mapping[str, Any]], MemoryEstimate],
    parameters: Mapping[str, Any],
    peaks: Sequence[tuple[Mapping[str, Any], int]],
) -> MemoryEstimate:
    """Return the prediction for these parameters, corrected by what earlier replicas really took.

    `peaks` are (parameters, bytes). Replicas with the very same parameters count alone if there are
    any. Each is compared with the plain prediction: one that was corrected would unlearn.
    """
    alike = [one for one in peaks if dict(one[0]) == dict(parameters)] or peaks
    pairs = [(predict(earlier).total_bytes or 0, peak) for earlier, peak in alike]
    return predict(parameters).corrected(correction_from(pairs))


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
