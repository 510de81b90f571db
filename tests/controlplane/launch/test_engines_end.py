"""The engines are ended once, with what time is left, and what goes wrong is told."""

import pytest

from controlplane.launch.engines_end import ENGINES_S, EnginesEnd


def test_they_are_ended_once_however_often_it_is_begun() -> None:
    given: list[float] = []
    engines = EnginesEnd(given.append)
    engines.hear()
    for _ in range(3):
        engines.begin()
    engines.finish()
    assert given == [ENGINES_S]


def test_they_are_ended_even_when_nobody_began() -> None:
    given: list[float] = []
    EnginesEnd(given.append).finish()
    assert len(given) == 1


def test_what_went_wrong_is_raised_where_it_is_waited_for() -> None:
    def refuse(_seconds: float) -> None:
        raise OSError("still running: a")

    with pytest.raises(OSError, match="still running"):
        EnginesEnd(refuse).finish()
