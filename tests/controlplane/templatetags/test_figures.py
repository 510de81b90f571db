"""The geometry of the sparkline, and the number beside it."""

from typing import Any

from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from controlplane.templatetags.figures import (
    SPARK_HEIGHT,
    SPARK_WIDTH,
    spark_lines,
)


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
