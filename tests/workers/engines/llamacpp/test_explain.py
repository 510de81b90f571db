"""The failures that llama.cpp's own lines tell of; the lines are copied from real runs."""

import pytest

from models_app.domain.failures import FailureCode as Code
from workers.engines.llamacpp.explain import explain

MISSING = (
    "E gguf_init_from_file: failed to open GGUF file '/store/x.gguf' (No such file or directory)"
)
TEXT = "E gguf_init_from_reader: invalid magic characters: 'hell', expected 'GGUF'"
CUT = (
    "E llama_model_load: error loading model: tensor 'token_embd.weight' data is not within the "
    "file bounds, model is corrupted or incomplete"
)
HEADER = "E gguf_init_from_reader: failed to read key-value pairs"
FOLLOWS = (
    "E llama_model_load: error loading model: llama_model_loader: failed to load model from x",
    "E llama_model_load_from_file_impl: failed to load model",
    "I srv    operator(): operator(): cleaning up before exit...",
)
UNKNOWN = "E llama_model_load: error loading model: unknown model architecture: 'mystery2'"
MEMORY = "E ggml_aligned_malloc: insufficient memory (attempted to allocate 1440.00 MB)"
PORT = "E srv  start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 29123"


@pytest.mark.parametrize(
    ("lines", "code", "params"),
    [
        ((MISSING, *FOLLOWS), Code.ARTIFACT_MISSING, {"file": "x.gguf"}),
        (
            (TEXT, *FOLLOWS),
            Code.ARTIFACT_INVALID,
            {"reason": "invalid magic characters: 'hell', expected 'GGUF'"},
        ),
        (
            (CUT, *FOLLOWS),
            Code.ARTIFACT_INVALID,
            {"reason": CUT.partition("loading model: ")[2]},
        ),
        ((HEADER, *FOLLOWS), Code.ARTIFACT_INVALID, {"reason": "failed to read key-value pairs"}),
        (FOLLOWS, Code.ARTIFACT_INVALID, {"reason": "failed to load model"}),
        (
            (UNKNOWN, *FOLLOWS),
            Code.UNSUPPORTED_FORMAT,
            {"engine": "llama.cpp", "format": "gguf (mystery2)"},
        ),
        ((MEMORY, *FOLLOWS), Code.OUT_OF_MEMORY, {}),
        ((PORT, FOLLOWS[2]), Code.PORT_IN_USE, {"port": 29123}),
        (("ModuleNotFoundError: No module named 'xllamacpp'",), Code.ENGINE_MISSING, None),
    ],
)
def test_lines_are_understood(
    lines: tuple[str, ...], code: Code, params: dict[str, object] | None
) -> None:
    found = explain(lines, 2)
    assert found is not None
    assert found.code == code
    assert params is None or found.params == params


def test_nothing_is_made_up() -> None:
    assert explain((), 1) is None
    assert explain(("I srv init: model loaded", "Segmentation fault"), 139) is None
    assert explain((MEMORY,), 0) is None
    missing = explain((), 127)
    assert missing is not None
    assert missing.code == Code.ENGINE_MISSING
