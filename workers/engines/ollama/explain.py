"""What Ollama's own words say went wrong: its answers, and in a container its log."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from models_app.domain.failures import FailureCode as Code
from models_app.domain.specs import Problem

COMMAND_NOT_FOUND = 127
REASON_LENGTH = 160
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_Params = Callable[[re.Match[str]], Mapping[str, Any]]


def _nothing(_match: re.Match[str]) -> Mapping[str, Any]:
    return {}


def _reason(match: re.Match[str]) -> Mapping[str, Any]:
    return {"reason": match.group(1).strip().strip('"')[:REASON_LENGTH]}


def _memory(match: re.Match[str]) -> Mapping[str, Any]:
    needed, needed_unit, free, free_unit = match.groups()
    return {
        "needed_bytes": round(float(needed) * UNITS[needed_unit]),
        "free_bytes": round(float(free) * UNITS[free_unit]),
    }


OUT_OF_MEMORY = (
    r"requires more system memory|cudaMalloc failed|out of memory|bad_alloc|failed to allocate"
    r"|unable to allocate|cannot allocate memory|model failed to load, this may be due to "
    r"resource limitations"
)
_SIZE = r"([\d.]+) ([KMGT]iB)"
# The first rule that any line fits wins: causes stand before what they lead to.
RULES: tuple[tuple[str, Code, _Params], ...] = (
    (
        rf"requires more system memory \({_SIZE}\) than is available \({_SIZE}\)",
        Code.OUT_OF_MEMORY,
        _memory,
    ),
    (
        OUT_OF_MEMORY,
        Code.OUT_OF_MEMORY,
        _nothing,
    ),
    (r"listen tcp .*:(\d+): bind: address already in use", Code.PORT_IN_USE,
     lambda match: {"port": int(match.group(1))}),
    (r"no space left on device", Code.DISK_FULL, _nothing),
    (r"digest mismatch", Code.CHECKSUM, _nothing),
    (
        r"unknown model architecture: '([\w.-]+)'",
        Code.UNSUPPORTED_FORMAT,
        lambda match: {"engine": "Ollama", "format": f"gguf ({match.group(1)})"},
    ),
    (r"unable to load model: (.+)", Code.ARTIFACT_INVALID, _reason),
    (r"(supplied file was not in GGUF format|invalid file magic)", Code.ARTIFACT_INVALID, _reason),
    (r"error loading model: (.+)", Code.ARTIFACT_INVALID, _reason),
    (
        r"model '?([^' ]+)'? not found",
        Code.ARTIFACT_MISSING,
        lambda match: {"file": match.group(1)},
    ),
    (r"ollama: (command )?not found", Code.ENGINE_MISSING, lambda _match: {"engine": "ollama"}),
)  # fmt: skip
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
        return Problem(Code.ENGINE_MISSING, {"engine": "ollama"})
    return None
