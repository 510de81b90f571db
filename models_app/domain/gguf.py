"""What a GGUF file says of itself: the one door to its header and to the facts in it.

A fact that is absent, of the wrong type or out of any honest range is None: unknown, never zero.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping

from models_app.domain.ggml_types import FILE_TYPES
from models_app.domain.gguf_header import (
    GgufError,
    GgufFault,
    GgufHeader,
    LongArray,
    Tensor,
    Value,
)
from models_app.domain.gguf_reader import read_header
from models_app.domain.specs import ArtifactFacts

__all__ = [
    "GgufError",
    "GgufFault",
    "GgufHeader",
    "LongArray",
    "Tensor",
    "facts",
    "file_format",
    "read_header",
]

FORMAT = "gguf"
ADAPTER_FORMAT = "gguf-adapter"  # what changes a model a little, and is none by itself
MAX_COUNT = (1 << 31) - 1  # larger figures are lies or noise
MAX_TEXT = 200
REPACKED_TYPES = {"Q4_0", "Q4_K", "IQ4_NL"}  # measured on AVX-512; other processors differ a little
WINDOW_PATTERNS = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "exaone4": 4}
"""Architecture -> every so many layers one sees the whole context. It is in the engine's code and
not in the file; of an architecture that is not here, every layer counts whole."""
_GUESSED = 1024  # bit of general.file_type: the converter was not sure
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")


def facts(header: GgufHeader) -> ArtifactFacts:
    """Return the facts of a header; never raises."""
    metadata = header.metadata
    architecture = _architecture(metadata)
    heads = _count(metadata, architecture, "attention.head_count")
    embedding = _count(metadata, architecture, "embedding_length")
    head_size = embedding // heads if embedding and heads and embedding >= heads else None
    kv_heads = _count(metadata, architecture, "attention.head_count_kv")
    return ArtifactFacts(
        architecture=architecture,
        name=_text(metadata.get("general.name")),
        quantization=quantization(header),
        parameters=sum(tensor.values for tensor in header.tensors),
        tensor_bytes=sum(tensor.size_bytes for tensor in header.tensors),
        layers=_count(metadata, architecture, "block_count"),
        embedding_length=embedding,
        heads=heads,
        kv_heads=kv_heads or heads,  # absent means one per head
        key_length=_count(metadata, architecture, "attention.key_length") or head_size,
        value_length=_count(metadata, architecture, "attention.value_length") or head_size,
        context_length=_count(metadata, architecture, "context_length"),
        vocabulary=_vocabulary(metadata, architecture),
        licence=_text(metadata.get("general.license")),
        chat_template_sha256=_template_digest(metadata),
        repacked_bytes=sum(t.size_bytes for t in header.tensors if _is_repacked(t)),
        sliding_window=_count(metadata, architecture, "attention.sliding_window"),
        window_pattern=WINDOW_PATTERNS.get(architecture or ""),
    )


def file_format(header: GgufHeader) -> str:
    """Return the format of an artifact with that header: a model, or an adapter for one."""
    return ADAPTER_FORMAT if header.metadata.get("general.type") == "adapter" else FORMAT


def _is_repacked(tensor: Tensor) -> bool:
    """Return whether llama.cpp keeps a copy of it in the processor's own order.

    Matrices that are multiplied, in one of these types; the table of words is only looked up.
    """
    is_matrix = len(tensor.dims) == 2 and tensor.name != "token_embd.weight"  # noqa: PLR2004
    return is_matrix and tensor.type_name in REPACKED_TYPES


def quantization(header: GgufHeader) -> str | None:
    """Return the recipe the file names, when its tensors bear it out; else their commonest type."""
    weight: Counter[str] = Counter()
    for tensor in header.tensors:
        if len(tensor.dims) > 1:  # norms and biases stay F32 in every recipe
            weight[tensor.type_name] += tensor.size_bytes
    claimed = header.metadata.get("general.file_type")
    if isinstance(claimed, int) and not isinstance(claimed, bool):
        name = FILE_TYPES.get(claimed & ~_GUESSED)
        if name and any(_family(kind) == _family(name) for kind in weight):
            return name
    return weight.most_common(1)[0][0] if weight else None


def _family(name: str) -> str:
    """`Q4` of `Q4_K_M`."""
    return name.partition("_")[0]


def _architecture(metadata: Mapping[str, Value]) -> str | None:
    name = metadata.get("general.architecture")
    return name if isinstance(name, str) and _ARCHITECTURE.fullmatch(name) else None


def _count(metadata: Mapping[str, Value], architecture: str | None, key: str) -> int | None:
    """Return a count of the architecture; of a list with one figure per layer, the largest."""
    value = metadata.get(f"{architecture}.{key}")
    figures = value if isinstance(value, tuple) else (value,)
    whole = [f for f in figures if isinstance(f, int) and not isinstance(f, bool)]
    if not whole or len(whole) != len(figures):
        return None
    largest = max(whole)
    return largest if 0 < largest <= MAX_COUNT else None


def _vocabulary(metadata: Mapping[str, Value], architecture: str | None) -> int | None:
    tokens = metadata.get("tokenizer.ggml.tokens")
    if isinstance(tokens, LongArray):
        return tokens.count
    if isinstance(tokens, tuple) and tokens:
        return len(tokens)
    return _count(metadata, architecture, "vocab_size")


def _text(value: Value | None) -> str | None:
    """Return a printable line: these strings end up on pages and in logs."""
    if not isinstance(value, str):
        return None
    return _UNPRINTABLE.sub(" ", value).strip()[:MAX_TEXT] or None


def _template_digest(metadata: Mapping[str, Value]) -> str | None:
    template = metadata.get("tokenizer.chat_template")
    if not isinstance(template, str) or not template:
        return None
    return hashlib.sha256(template.encode("utf-8", "replace")).hexdigest()
