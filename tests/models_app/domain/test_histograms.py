"""Percentiles told from buckets are within five percent of the true ones."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from models_app.domain.histograms import added, bucket_of, percentile_of, stored


def true_percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


@given(st.lists(st.floats(1, 3_600_000), min_size=1, max_size=200), st.sampled_from([50, 95, 99]))
def test_percentiles_are_near_the_true_ones(values: list[float], percent: float) -> None:
    told = percentile_of(Counter(map(bucket_of, values)), percent)
    assert told is not None
    assert abs(told / true_percentile(values, percent) - 1) < 0.051


@given(st.lists(st.floats(0, 1e6)), st.lists(st.floats(0, 1e6)))
def test_sums_of_histograms_are_the_histogram_of_all(one: list[float], two: list[float]) -> None:
    total: Counter[int] = Counter()
    added(total, stored(Counter(map(bucket_of, one))))
    added(total, stored(Counter(map(bucket_of, two))))
    assert total == Counter(map(bucket_of, [*one, *two]))


def test_nothing_has_no_percentile() -> None:
    assert percentile_of({}, 50) is None
    assert bucket_of(0) == bucket_of(1) == 0
