"""Figures of an answer, on a clock that the test turns."""

import pytest

from controlplane.gateway.meter import Meter


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_nothing_came(clock):
    meter = Meter(clock)
    clock.now += 2
    figures = meter.figures()
    assert figures.duration_ms == 2000
    assert figures.first_token_ms is None
    assert figures.tokens_per_s is None
    assert figures.completion_tokens == 0


def test_speed_leaves_the_wait_for_the_first_token_out(clock):
    meter = Meter(clock)
    clock.now += 3
    for _ in range(11):
        meter.token()
        clock.now += 0.1
    figures = meter.figures()
    assert figures.first_token_ms == pytest.approx(3000)
    assert figures.tokens_per_s == pytest.approx(10)
    assert (figures.completion_tokens, figures.counted) == (11, True)


def test_the_engines_count_wins_over_pieces(clock):
    meter = Meter(clock)
    meter.token()
    clock.now += 1
    meter.token()
    meter.usage({"prompt_tokens": 5, "completion_tokens": 21})
    figures = meter.figures()
    assert (figures.completion_tokens, figures.counted) == (21, False)
    assert figures.tokens_per_s == pytest.approx(20)


@pytest.mark.parametrize("bad", [-1, "5", True, None, 1.5])
def test_counts_that_are_none_are_not_believed(clock, bad):
    meter = Meter(clock)
    meter.token()
    meter.usage({"prompt_tokens": bad, "completion_tokens": bad, "prompt_tokens_details": bad})
    figures = meter.figures()
    assert figures.prompt_tokens is None
    assert (figures.completion_tokens, figures.counted) == (1, True)
