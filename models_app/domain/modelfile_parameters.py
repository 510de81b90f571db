"""The parameters that a Modelfile may set, with their types and ranges."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from models_app.domain.errors import InvalidError

Value = int | float | bool | str
STOP_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Range:
    """The values a number may have."""

    kind: type[int] | type[float]
    low: float
    high: float


PARAMETERS: Mapping[str, Range] = {
    "num_ctx": Range(int, 1, 1 << 20),
    "num_predict": Range(int, -2, 1 << 20),
    "num_keep": Range(int, -1, 1 << 20),
    "num_batch": Range(int, 1, 1 << 16),
    "num_gpu": Range(int, -1, 1000),
    "main_gpu": Range(int, 0, 63),
    "num_thread": Range(int, 0, 512),
    "seed": Range(int, 0, (1 << 32) - 1),
    "temperature": Range(float, 0, 2),
    "top_k": Range(int, 0, 1 << 20),
    "top_p": Range(float, 0, 1),
    "min_p": Range(float, 0, 1),
    "typical_p": Range(float, 0, 1),
    "repeat_last_n": Range(int, -1, 1 << 20),
    "repeat_penalty": Range(float, 0, 10),
    "presence_penalty": Range(float, -2, 2),
    "frequency_penalty": Range(float, -2, 2),
}
STOP = "stop"


def parse_parameter(name: str, text: str, line: int) -> Value:
    """Return the value that a text means for a parameter. Raises InvalidError."""
    if name == STOP:
        return check_parameter(name, text, line)
    known = _range(name, line)
    try:
        value: Value = known.kind(text.strip())
    except ValueError:
        raise _wrong(name, known, line) from None
    return check_parameter(name, value, line)


def check_parameter(name: str, value: Value, line: int) -> Value:
    """Return the value when the parameter may have it. Raises InvalidError."""
    if name == STOP:
        if not isinstance(value, str) or not 0 < len(value) <= STOP_LENGTH:
            raise InvalidError(
                "MODELFILE_STOP",
                params={"line": line, "limit": STOP_LENGTH},
                fields={"modelfile": "MODELFILE_STOP"},
            )
        return value
    known = _range(name, line)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_kind = is_number and (known.kind is float or isinstance(value, int))
    if not is_kind or not math.isfinite(value) or not known.low <= value <= known.high:  # type: ignore[arg-type, operator]
        raise _wrong(name, known, line)
    return value


def _range(name: str, line: int) -> Range:
    known = PARAMETERS.get(name)
    if known is None:
        raise InvalidError(
            "MODELFILE_PARAMETER_UNKNOWN",
            params={"line": line, "parameter": name[:40]},
            fields={"modelfile": "MODELFILE_PARAMETER_UNKNOWN"},
        )
    return known


def _wrong(name: str, known: Range, line: int) -> InvalidError:
    return InvalidError(
        "MODELFILE_PARAMETER_RANGE",
        params={"line": line, "parameter": name, "low": known.low, "high": known.high},
        fields={"modelfile": "MODELFILE_PARAMETER_RANGE"},
    )
