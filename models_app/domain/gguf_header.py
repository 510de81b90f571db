"""What the header of a GGUF file is, and the reasons why a file has none that we accept."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models_app.domain.failures import FailureCode


class GgufFault(StrEnum):
    """Why a file is not a GGUF that we would give to an engine."""

    NOT_GGUF = "NOT_GGUF"
    VERSION = "VERSION"
    SPLIT = "SPLIT"
    TENSOR_TYPE = "TENSOR_TYPE"
    TRUNCATED = "TRUNCATED"
    NO_TENSORS = "NO_TENSORS"
    TOO_MANY_TENSORS = "TOO_MANY_TENSORS"
    TOO_MANY_KEYS = "TOO_MANY_KEYS"
    TOO_LONG = "TOO_LONG"
    VALUE_TYPE = "VALUE_TYPE"
    DUPLICATE = "DUPLICATE"
    ALIGNMENT = "ALIGNMENT"
    DIMENSIONS = "DIMENSIONS"
    TENSOR_OFFSET = "TENSOR_OFFSET"


_UNSUPPORTED = {GgufFault.NOT_GGUF, GgufFault.VERSION, GgufFault.SPLIT, GgufFault.TENSOR_TYPE}


class GgufError(Exception):
    """The file is no GGUF that we accept: `reason` says why, `params` hold the figures."""

    def __init__(self, reason: GgufFault, **params: Any) -> None:
        self.reason = reason
        self.params = params
        super().__init__(reason.value, params)

    @property
    def failure_code(self) -> FailureCode:
        """Return the code under which people see it."""
        if self.reason in _UNSUPPORTED:
            return FailureCode.UNSUPPORTED_FORMAT
        return FailureCode.ARTIFACT_INVALID


@dataclass(frozen=True, slots=True)
class LongArray:
    """An array that was counted and not kept, such as the vocabulary."""

    count: int


Value = int | float | bool | str | tuple[int | float | bool | str, ...] | LongArray


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as the header announces it; `offset` counts from the start of the data."""

    name: str
    dims: tuple[int, ...]
    type_name: str
    offset: int
    size_bytes: int

    @property
    def values(self) -> int:
        """Return how many numbers it holds."""
        return math.prod(self.dims)


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """Everything in front of the weights."""

    version: int
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    alignment: int
    data_offset: int
    file_bytes: int
