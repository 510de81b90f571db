"""What can be set on llama.cpp, with the words and limits that forms and the API show."""

from enum import StrEnum

from pydantic import Field

from models_app.domain.sizing import DEFAULT_CONTEXT, DEFAULT_PARALLEL
from workers.engines.parameters import Parameters

MAX_CONTEXT = 1 << 20
MAX_SEED = (1 << 32) - 1


class KvType(StrEnum):
    """How each value of the key/value cache is stored."""

    F16 = "f16"
    BF16 = "bf16"
    Q8_0 = "q8_0"
    Q5_1 = "q5_1"
    Q5_0 = "q5_0"
    Q4_1 = "q4_1"
    Q4_0 = "q4_0"

    @property
    def is_quantised(self) -> bool:
        """Return whether values are stored in fewer than 16 bits."""
        return self not in {KvType.F16, KvType.BF16}


class FlashAttention(StrEnum):
    """Whether attention is computed in blocks, which saves memory."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class LlamaCppParameters(Parameters):
    """Parameters of one llama.cpp server. 0 and -1 mean: let the engine decide."""

    context_length: int = Field(
        0,
        title="Context length",
        description="Tokens that one request and its answer may have together. 0: "
        f"{DEFAULT_CONTEXT}, or the model's own length where that is less.",
        ge=0,
        le=MAX_CONTEXT,
    )
    parallel_sequences: int = Field(
        DEFAULT_PARALLEL,
        title="Requests at a time",
        description="Requests answered at the same time. Each has its own context, so memory "
        "grows with their number.",
        ge=1,
        le=64,
    )
    threads: int = Field(
        0,
        title="CPU threads",
        description="Threads that compute. 0: one for each core that the engine may use.",
        ge=0,
        le=512,
    )
    gpu_layers: int = Field(
        -1,
        title="Layers on the GPU",
        description="Layers of the model that a GPU computes. -1: as many as fit; 0: none.",
        ge=-1,
        le=1000,
    )
    kv_type: KvType = Field(
        KvType.F16,
        strict=False,  # JSON has no enums: the word will do
        title="Type of the key/value cache",
        description="Fewer bits take less memory for long contexts, and cost some accuracy.",
    )
    flash_attention: FlashAttention = Field(
        FlashAttention.AUTO,
        strict=False,
        title="Flash attention",
        description="Computes attention in blocks. A quantised cache needs it.",
    )
    embeddings: bool = Field(
        False,  # noqa: FBT003 - a default
        title="Embeddings",
        description="Answer requests for embeddings too.",
    )
    temperature: float = Field(
        0.8,
        title="Temperature",
        description="How freely words are chosen where a request does not say. 0: always the "
        "likeliest.",
        ge=0,
        le=2,
    )
    top_p: float = Field(
        0.95,
        title="Top p",
        description="Choose among the likeliest words that together have this probability, where "
        "a request does not say.",
        gt=0,
        le=1,
    )
    seed: int | None = Field(
        None,
        title="Seed",
        description="The same seed and request give the same answer. Empty: a new one each time.",
        ge=0,
        le=MAX_SEED - 1,
    )
