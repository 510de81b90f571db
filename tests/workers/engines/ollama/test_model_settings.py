"""What a request gets that names nothing, as `/api/show` tells it."""

import json

import pytest

from workers.engines.base import TellsDefaults
from workers.engines.ollama.engine import OllamaEngine

SHOWN = {
    "parameters": "num_ctx                        512\n"
    "temperature                    0.3\n"
    'stop                           "<|im_end|>"\n'
    "top_p                          0.8"
}


def test_the_models_own_settings_count() -> None:
    engine = OllamaEngine()
    assert isinstance(engine, TellsDefaults)
    assert engine.defaults_step.path == "/api/show"
    assert engine.request_defaults(json.dumps(SHOWN)) == {"temperature": 0.3, "top_p": 0.8}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"parameters": null}'])
def test_ollamas_own_defaults_count_where_nothing_is_set(text: str) -> None:
    assert OllamaEngine().request_defaults(text) == {"temperature": 0.8, "top_p": 0.9}
