"""What is set on a model, as Ollama shows it: `/api/show` writes one parameter a line."""

import json
from collections.abc import Mapping

from workers.engines.ollama.params import OllamaParameters

SAMPLING = ("temperature", "top_p")  # what Ollama's OpenAI routes overrule


def request_defaults(text: str) -> Mapping[str, float]:
    """Return what a request gets that names neither: the model's own, else Ollama's."""
    found = {name: float(OllamaParameters.model_fields[name].default) for name in SAMPLING}
    try:
        lines = str(json.loads(text).get("parameters") or "").splitlines()
    except (ValueError, AttributeError):
        return found
    for line in lines:
        name, _, value = line.strip().partition(" ")
        if name in SAMPLING:
            found[name] = float(value)
    return found
