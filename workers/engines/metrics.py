"""Reading a metrics page in the text format of Prometheus, however malformed it is."""

import math
import re
from collections.abc import Mapping

from models_app.domain.specs import EngineSamples

_SAMPLE = re.compile(r"([A-Za-z_:][\w:]*)(?:\{[^}]*\})?\s+(\S+)(?:\s+-?\d+)?")


def read_samples(text: str, names: Mapping[str, str]) -> EngineSamples:
    """Return the counters, each under its field of EngineSamples; None where the page lacks one.

    `names`: field -> name on the page. A name with several label sets gets their sum.
    """
    found: dict[str, float] = {}
    for line in text.splitlines():
        match = _SAMPLE.fullmatch(line.strip())
        value = _number(match.group(2)) if match else None
        if match and value is not None:
            found[match.group(1)] = found.get(match.group(1), 0.0) + value
    return EngineSamples(**{field: found.get(name) for field, name in names.items()})


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
