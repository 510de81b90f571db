"""What can be set on Ollama, and where: some only in a container of its own.

On a server that others use too, the API sets what belongs to a model (context, layers on the GPU,
how long it stays loaded). The rest are settings of the whole server, which its owner chose.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field

from models_app.domain.bound_parameters import KEYWORD
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

WEEK_S = 7 * 24 * 3600
# A setting of the whole server. Forms, verdicts and the scheduler read it: domain/bound_parameters.
IN_CONTAINERS: dict[str, Any] = {KEYWORD: ["docker"]}


class KvType(StrEnum):
    """How each value of the key/value cache is stored."""

    F16 = "f16"
    Q8_0 = "q8_0"
    Q4_0 = "q4_0"


class OllamaParameters(Parameters):
    """Parameters of one model on Ollama."""

    context_length: int = CONTEXT_LENGTH
    keep_alive_s: int = Field(
        -1,
        title="Stays loaded for",
        description="Seconds that the model stays in memory after its last request. -1: always; "
        "0: it is loaded anew for each request.",
        ge=-1,
        le=WEEK_S,
    )
    gpu_layers: int = GPU_LAYERS
    main_gpu: int = Field(
        0,
        title="First GPU",
        description="Number of the GPU that small results are computed on, where there are many.",
        ge=0,
        le=63,
    )
    threads: int = THREADS
    temperature: float = TEMPERATURE
    top_p: float = top_p(0.9)
    seed: int | None = SEED
    parallel_sequences: int = Field(
        1,
        title="Requests at a time",
        description="Requests answered at the same time; memory grows with their number. In a "
        "container only: a shared server's owner has set it.",
        ge=1,
        le=64,
        json_schema_extra=IN_CONTAINERS,
    )
    flash_attention: FlashAttention = Field(
        FlashAttention.AUTO,
        strict=False,
        title="Flash attention",
        description="Computes attention in blocks. In a container only: a shared server's owner "
        "has set it.",
        json_schema_extra=IN_CONTAINERS,
    )
    kv_type: KvType = Field(
        KvType.F16,
        strict=False,
        title="Type of the key/value cache",
        description="Fewer bits take less memory for long contexts and need flash attention. In a "
        "container only: a shared server's owner has set it.",
        json_schema_extra=IN_CONTAINERS,
    )
    max_loaded: int = Field(
        1,
        title="Models loaded at a time",
        description="Models that the server holds in memory at the same time. In a container only: "
        "a shared server's owner has set it.",
        ge=1,
        le=16,
        json_schema_extra=IN_CONTAINERS,
    )
    gpus: str = Field(
        "",
        title="GPUs",
        description="Numbers of the GPUs it may use, such as 0,1. Empty: all. In a container only: "
        "a shared server's owner has set it.",
        pattern=r"^([0-9]{1,2}(,[0-9]{1,2}){0,15})?$",
        max_length=47,
        examples=["0", "0,1"],
        json_schema_extra=IN_CONTAINERS,
    )


CONTAINER_ONLY = tuple(
    name
    for name, field in OllamaParameters.model_fields.items()
    if field.json_schema_extra == IN_CONTAINERS
)
