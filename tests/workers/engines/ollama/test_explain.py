"""The failures that Ollama's own words tell of; the lines are copied from real answers and logs."""

import pytest

from models_app.domain.failures import FailureCode as Code
from workers.engines.ollama.explain import explain

MEMORY = '500 {"error":"model requires more system memory (5.6 GiB) than is available (1.5 GiB)"}'
PORT = "Error: listen tcp 0.0.0.0:11434: bind: address already in use"
DAMAGED = '500 {"error":"unable to load model: /root/.ollama/models/blobs/sha256-ab"}'


@pytest.mark.parametrize(
    ("lines", "exit_code", "code", "params"),
    [
        (
            (MEMORY,),
            None,
            Code.OUT_OF_MEMORY,
            {"needed_bytes": round(5.6 * (1 << 30)), "free_bytes": round(1.5 * (1 << 30))},
        ),
        (("INFO starting", PORT), 1, Code.PORT_IN_USE, {"port": 11434}),
        (
            (DAMAGED,),
            None,
            Code.ARTIFACT_INVALID,
            {"reason": '/root/.ollama/models/blobs/sha256-ab"}'},
        ),
        (
            ('404 {"error":"model \'x:1\' not found"}',),
            None,
            Code.ARTIFACT_MISSING,
            {"file": "x:1"},
        ),
        ((), 127, Code.ENGINE_MISSING, {"engine": "ollama"}),
    ],
)
def test_each_is_told(
    lines: tuple[str, ...], exit_code: int | None, code: Code, params: dict[str, object]
) -> None:
    found = explain(lines, exit_code)
    assert found is not None
    assert (found.code, dict(found.params)) == (code, params)


def test_ordinary_lines_tell_of_nothing() -> None:
    assert explain(("INFO llama runner started in 0.43 seconds",), None) is None
    assert explain((MEMORY,), 0) is None
