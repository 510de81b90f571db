"""Parameters that mean the same on several engines: words and limits stand here once.

Each is a field to be assigned in an engine's own model, which keeps the order of its form.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field

from models_app.domain.sizing import DEFAULT_CONTEXT

MAX_CONTEXT = 1 << 20
MAX_SEED = (1 << 32) - 1


class FlashAttention(StrEnum):
    """Whether attention is computed in blocks, which saves memory."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


CONTEXT_LENGTH: Any = Field(
    0,
    title="Context length",
    description="Tokens that one request and its answer may have together. 0: "
    f"{DEFAULT_CONTEXT}, or the model's own length where that is less.",
    ge=0,
    le=MAX_CONTEXT,
)
THREADS: Any = Field(
    0,
    title="CPU threads",
    description="Threads that compute. 0: one for each core that the engine may use.",
    ge=0,
    le=512,
)
GPU_LAYERS: Any = Field(
    -1,
    title="Layers on the GPU",
    description="Layers of the model that a GPU computes. -1: as many as fit; 0: none.",
    ge=-1,
    le=1000,
)
TEMPERATURE: Any = Field(
    0.8,
    title="Temperature",
    description="How freely words are chosen where a request does not say. 0: always the "
    "likeliest.",
    ge=0,
    le=2,
)
SEED: Any = Field(
    None,
    title="Seed",
    description="The same seed and request give the same answer. Empty: a new one each time.",
    ge=0,
    le=MAX_SEED - 1,
)


def top_p(default: float) -> Any:
    """Return the field of top_p, whose default the engines do not share."""
    return Field(
        default,
        title="Top p",
        description="Choose among the likeliest words that together have this probability, where "
        "a request does not say.",
        gt=0,
        le=1,
    )
