"""What an Ollama server says, as plain values. None means that it does not say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ServerModel:
    """One model that lies on the server. `digest` is its manifest's sha256."""

    name: str
    digest: str
    size_bytes: int
    modified_at: datetime | None
    format: str = ""
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """One model in the server's memory. Models of the same digest share it."""

    name: str
    digest: str
    size_bytes: int
    vram_bytes: int
    context_length: int | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ShownModel:
    """What `show` tells of a model: `blobs` are the files it is made of, `adapters` change it."""

    modelfile: str
    template: str
    license: str
    parameters: str
    capabilities: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    blobs: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a pull or create: what is done, and bytes of the layer it is done to."""

    status: str
    digest: str = ""
    done_bytes: int | None = None
    total_bytes: int | None = None
