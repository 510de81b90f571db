"""The memory bar: its geometry, its words, and what people named is escaped."""

import re

from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from controlplane.fragments.memory import HostMemory
from controlplane.templatetags.memory_bars import memory_bar, memory_of, memory_segments

GIB = 1 << 30
PARTS = [("others", "Others", 2 * GIB), ("ours", "Slipway", GIB), ("promised", "Promised", 0)]


def memory(
    *, total: int = 8, others: int = 0, ours: int = 0, promised: int = 0, budget: int | None = None
) -> HostMemory:
    """Return a host's figures, given in GiB."""
    return HostMemory(
        total=total * GIB,
        others=others * GIB,
        ours=ours * GIB,
        promised=promised * GIB,
        budget=None if budget is None else budget * GIB,
    )


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
    bar = memory_of(memory(others=2, ours=1, budget=4), extra=2 * GIB)
    assert bar.budget_at == 75.0
    assert bar.free == GIB
    assert bar.over is False
    assert memory_of(memory(others=2, ours=3, budget=4), extra=2 * GIB).over


def test_a_bar_says_in_words_what_it_shows() -> None:
    html = Template('{% memory_bar memory label="till-1" %}').render(
        Context({"memory": memory(others=2, ours=1)})
    )
    assert 'aria-label="till-1: Others 2.0 GiB, Slipway 1.0 GiB.' in re.sub(r"\s+", " ", html)
    assert " style=" not in html


def test_a_label_is_escaped_and_each_stretch_is_named() -> None:
    html = memory_bar(memory(ours=1, promised=1, budget=2), label="<b>")
    assert 'aria-label="&lt;b&gt;: Slipway 1.0 GiB, Promised 1.0 GiB.' in html
    assert "<title>Promised 1.0 GiB</title>" in html
    assert 'fill="url(#hatch)"' in html
    assert "<title>Budget 2.0 GiB</title>" in html
    assert "0 B left of the budget of 2.0 GiB" in html


def test_what_does_not_fit_is_red() -> None:
    html = memory_bar(memory(total=2, ours=1), extra=2 * GIB, legend=False)
    assert 'class="memory-extra over" fill="url(#hatch-bad)"' in html
    assert "memory-key" not in html
