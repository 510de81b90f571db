"""Bounds of a request as an operator moves them."""

import pytest

from models_app.domain.request_bounds import RequestBounds, read_bounds


def test_nothing_said_moves_nothing():
    assert read_bounds("") == RequestBounds()


def test_what_is_named_moves_and_the_rest_stays():
    assert read_bounds(" tools=300, stops=64,") == RequestBounds(tools=300, stops=64)


@pytest.mark.parametrize("text", ["tool=3", "tools", "tools=many", "tools=0", "tools=-1"])
def test_what_is_wrong_is_said(text):
    with pytest.raises(ValueError, match=r"."):
        read_bounds(text)
