"""How llama.cpp's metrics page names the counters that every engine is compared by."""

from models_app.domain.specs import EngineSamples
from workers.engines.metrics import read_samples

NAMES = {
    "prompt_tokens_total": "llamacpp:prompt_tokens_total",
    "prompt_seconds_total": "llamacpp:prompt_seconds_total",
    "completion_tokens_total": "llamacpp:tokens_predicted_total",
    "completion_seconds_total": "llamacpp:tokens_predicted_seconds_total",
    "requests_processing": "llamacpp:requests_processing",
    "requests_deferred": "llamacpp:requests_deferred",
}


def parse_metrics(text: str) -> EngineSamples:
    """Return the counters of the page; None for those that it lacks. Never raises."""
    return read_samples(text, NAMES)
