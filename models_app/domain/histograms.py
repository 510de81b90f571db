"""Histograms of times, so that percentiles can be told of any sum of hours, keys or hosts.

Buckets grow by a twentieth: a percentile told from them is within five percent of the true one,
from a millisecond to hours, in at most some 350 numbers.
"""

import math
from collections import Counter
from collections.abc import Mapping

GROWTH = 1.05
LN_GROWTH = math.log(GROWTH)
SMALLEST_MS = 1.0


def bucket_of(milliseconds: float) -> int:
    """Return the number of the bucket in which a time lies; the ledger's queries do the same."""
    return math.floor(math.log(max(milliseconds, SMALLEST_MS)) / LN_GROWTH)


def percentile_of(histogram: Mapping[int, int], percent: float) -> float | None:
    """Return the nearest-rank percentile in milliseconds, None of nothing.

    Its place in the bucket is taken for its place among the bucket's answers.
    """
    total = sum(histogram.values())
    if not total:
        return None
    rank = min(total - 1, int(total * percent / 100))
    seen = 0
    for bucket in sorted(histogram):
        inside = histogram[bucket]
        if seen + inside > rank:
            return float(GROWTH ** (bucket + (rank - seen + 0.5) / inside))
        seen += inside
    return None


def stored(histogram: Mapping[int, int]) -> dict[str, int]:
    """Return a histogram as JSON takes it."""
    return {str(bucket): count for bucket, count in sorted(histogram.items()) if count}


def added(into: Counter[int], values: Mapping[str, int]) -> None:
    """Add a stored histogram to a counted one."""
    for bucket, count in values.items():
        into[int(bucket)] += count
