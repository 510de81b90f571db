"""What llama.cpp's last lines say went wrong."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from models_app.domain.failures import FailureCode as Code
from models_app.domain.specs import Problem

COMMAND_NOT_FOUND = 127
REASON_LENGTH = 160
OUT_OF_MEMORY = (
    r"insufficient memory|failed to allocate|unable to allocate|out of memory|bad_alloc"
    r"|cannot allocate memory|cudaMalloc failed|ErrorOutOfDeviceMemory|MemoryError"
)
_Params = Callable[[re.Match[str]], Mapping[str, Any]]


def _nothing(_match: re.Match[str]) -> Mapping[str, Any]:
    return {}


def _reason(match: re.Match[str]) -> Mapping[str, Any]:
    return {"reason": match.group(1).strip()[:REASON_LENGTH]}


# The first rule that any line fits wins: causes stand before what they lead to.
RULES: tuple[tuple[str, Code, _Params], ...] = (
    (
        OUT_OF_MEMORY,
        Code.OUT_OF_MEMORY,
        _nothing,
    ),
    (
        r"couldn't bind HTTP server socket.*?port: (\d+)",
        Code.PORT_IN_USE,
        lambda match: {"port": int(match.group(1))},
    ),
    (r"couldn't bind HTTP server socket|address already in use", Code.PORT_IN_USE, _nothing),
    (
        r"failed to open GGUF file '(.*?)' \(No such file",
        Code.ARTIFACT_MISSING,
        lambda match: {"file": match.group(1).rpartition("/")[2]},
    ),
    (
        r"unknown model architecture: '([\w.-]+)'",
        Code.UNSUPPORTED_FORMAT,
        lambda match: {"engine": "llama.cpp", "format": f"gguf ({match.group(1)})"},
    ),
    (r"gguf_init\w*: (.+)", Code.ARTIFACT_INVALID, _reason),
    (
        r"llama_model_load: error loading model: (?!llama_model_loader)(.+)",
        Code.ARTIFACT_INVALID,
        _reason,
    ),
    (r"(failed to load model)", Code.ARTIFACT_INVALID, _reason),
    (
        r"No module named '?(xllamacpp)|run_engine\.sh: .*not found",
        Code.ENGINE_MISSING,
        lambda _match: {"engine": "llamacpp"},
    ),
)
_COMPILED = tuple((re.compile(text, re.IGNORECASE), code, read) for text, code, read in RULES)


def explain(log_tail: tuple[str, ...], exit_code: int | None) -> Problem | None:
    """Return the failure that the last lines tell of; None when they tell of none."""
    if exit_code == 0:
        return None
    for pattern, code, read in _COMPILED:
        for line in log_tail:
            match = pattern.search(line)
            if match is not None:
                return Problem(code, dict(read(match)))
    if exit_code == COMMAND_NOT_FOUND:
        return Problem(Code.ENGINE_MISSING, {"engine": "llamacpp"})
    return None
