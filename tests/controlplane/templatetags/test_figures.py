"""The geometry of the memory bar and of the sparkline."""

import re
from typing import Any

from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from controlplane.templatetags.figures import (
    SPARK_HEIGHT,
    SPARK_WIDTH,
    memory_bar,
    memory_segments,
    spark_lines,
)

GIB = 1 << 30
PARTS = [("others", "Others", 2 * GIB), ("ours", "Slipway", GIB), ("promised", "Promised", 0)]


def test_segments_stand_side_by_side_and_nothing_is_drawn_for_nothing() -> None:
    segments = memory_segments(parts=PARTS, full_bytes=8 * GIB)
    assert [(s.kind, s.start, s.width) for s in segments] == [
        ("others", 0.0, 25.0),
        ("ours", 25.0, 12.5),
    ]


@given(st.lists(st.integers(0, 1 << 42), max_size=6), st.integers(0, 1 << 41))
def test_a_bar_never_passes_its_end(sizes: list[int], full: int) -> None:
    parts = [("ours", "Slipway", size) for size in sizes]
    for segment in memory_segments(parts=parts, full_bytes=full):
        assert segment.width >= 0
        assert segment.start + segment.width <= 100.02


def test_the_budget_is_how_much_may_be_ours() -> None:
    bar = memory_bar(total=8 * GIB, others=2 * GIB, ours=GIB, budget=4 * GIB, extra=2 * GIB)
    assert bar["budget_at"] == 75.0
    assert bar["free"] == GIB
    assert bar["over"] is False
    assert memory_bar(total=8 * GIB, others=2 * GIB, ours=3 * GIB, budget=4 * GIB, extra=2 * GIB)[
        "over"
    ]


def test_a_bar_says_in_words_what_it_shows() -> None:
    html = Template(
        '{% memory_bar total=8589934592 others=2147483648 ours=1073741824 label="till-1" %}'
    ).render(Context())
    assert 'aria-label="till-1: Others 2.0 GiB, Slipway 1.0 GiB.' in re.sub(r"\s+", " ", html)
    assert " style=" not in html


def test_a_gap_breaks_the_line_and_a_flat_trend_is_drawn() -> None:
    assert [len(line) for line in spark_lines([1.0, 2.0, None, 3.0])] == [2, 1]
    assert spark_lines([None, None]) == []
    assert len(spark_lines([0.0, 0.0, 0.0])[0]) == 3


@given(st.lists(st.none() | st.floats(-1e9, 1e9), min_size=1, max_size=80))
def test_a_trend_stays_in_its_box(points: list[float | None]) -> None:
    for line in spark_lines(points):
        for x, y in line:
            assert 0 <= x <= SPARK_WIDTH
            assert 0 <= y <= SPARK_HEIGHT


def test_texts_in_parts_are_escaped() -> None:
    context: dict[str, Any] = {"evil": "<script>x</script>", "word": "hibernating"}
    html = Template(
        "{% state word reason=evil %}{% copy evil %}{% figure evil evil change=evil %}"
        '{% part "notice" title=evil %}{{ evil }}{% endpart %}'
    ).render(Context(context))
    assert "<script" not in html
    assert html.count("&lt;script") >= 7
