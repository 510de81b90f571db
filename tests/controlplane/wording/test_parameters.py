"""Every word that a built-in engine publishes can be translated."""

import pytest

from controlplane.wording.parameters import WORDS
from workers.registry import engines


@pytest.mark.parametrize("key", sorted(engines()))
def test_the_words_of_an_engine_are_collected(key: str) -> None:
    properties = engines()[key].manifest.parameters_schema["properties"].values()
    spoken = {schema.get(part) for schema in properties for part in ("title", "description")}
    assert {text for text in spoken if text} <= set(WORDS)


def test_no_word_is_kept_that_no_engine_says() -> None:
    spoken = {
        schema.get(part)
        for engine in engines().values()
        for schema in engine.manifest.parameters_schema["properties"].values()
        for part in ("title", "description")
    }
    assert set(WORDS) <= spoken
