"""What can be set on llama.cpp, with the words and limits that forms and the API show."""

from enum import StrEnum

from pydantic import Field

from models_app.domain.sizing import DEFAULT_PARALLEL
from workers.engines.common_parameters import (
    CONTEXT_LENGTH,
    GPU_LAYERS,
    SEED,
    TEMPERATURE,
    THREADS,
    FlashAttention,
    top_p,
)
from workers.engines.parameters import Parameters


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


class LlamaCppParameters(Parameters):
    """Parameters of one llama.cpp server. 0 and -1 mean: let the engine decide."""

    context_length: int = CONTEXT_LENGTH
    parallel_sequences: int = Field(
        DEFAULT_PARALLEL,
        title="Requests at a time",
        description="Requests answered at the same time. Each has its own context, so memory "
        "grows with their number.",
        ge=1,
        le=64,
    )
    threads: int = THREADS
    gpu_layers: int = GPU_LAYERS
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
    temperature: float = TEMPERATURE
    top_p: float = top_p(0.95)
    seed: int | None = SEED
