"""Joins what lies on a server with what is in its memory, and reads a model's own facts."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from models_app.domain.specs import ArtifactFacts, HostedDetails, HostedModel
from workers.runtimes.ollama.values import LoadedModel, ServerModel, ShownModel

TEXT_LENGTH = 100
_BLOB = re.compile(r"^(FROM|ADAPTER) .*sha256-")
COUNT_LIMIT = 1 << 40


def hosted(models: Iterable[ServerModel], loaded: Iterable[LoadedModel]) -> list[HostedModel]:
    """Return every model; names of the same digest share what is in memory."""
    in_memory = {one.digest: one for one in loaded}
    return [_hosted(model, in_memory.get(model.digest)) for model in models]


def _hosted(model: ServerModel, loaded: LoadedModel | None) -> HostedModel:
    return HostedModel(
        name=model.name,
        digest=model.digest,
        size_bytes=model.size_bytes,
        modified_at=model.modified_at.timestamp() if model.modified_at else None,
        details={
            "format": model.format,
            "family": model.family,
            "parameter_size": model.parameter_size,
            "quantization": model.quantization,
        },
        loaded_bytes=loaded.size_bytes if loaded else None,
        vram_bytes=loaded.vram_bytes if loaded else None,
        loaded_context=loaded.context_length if loaded else None,
        loaded_until=loaded.until.timestamp() if loaded and loaded.until else None,
    )


def details_of(shown: ShownModel, model: HostedModel) -> HostedDetails:
    """Return facts and texts; paths of the server's own disk are left out of the Modelfile."""
    lines = [line for line in shown.modelfile.splitlines() if not line.startswith("#")]
    text = "\n".join(_BLOB.sub(r"\1 sha256:", line) for line in lines).strip()
    return HostedDetails(facts_of(shown, model), text, shown.license, shown.capabilities)


def facts_of(shown: ShownModel, model: HostedModel) -> ArtifactFacts:
    """Return the facts as a GGUF's header would give them. What is not told is unknown.

    The size of the tensors is taken for the size of all files: a little more than they are.
    """
    info = shown.facts
    architecture = _text(info.get("general.architecture"))

    def count(key: str) -> int | None:
        return _count(info.get(f"{architecture}.{key}"))

    embedding, heads = count("embedding_length"), count("attention.head_count")
    head_size = embedding // heads if embedding and heads else None
    return ArtifactFacts(
        architecture=architecture,
        name=_text(info.get("general.basename")),
        quantization=model.details.get("quantization") or None,
        parameters=_count(info.get("general.parameter_count")),
        tensor_bytes=model.size_bytes,
        layers=count("block_count"),
        embedding_length=embedding,
        heads=heads,
        kv_heads=count("attention.head_count_kv") or heads,
        key_length=count("attention.key_length") or head_size,
        value_length=count("attention.value_length") or head_size,
        context_length=count("context_length"),
        vocabulary=count("vocab_size") or _length(info),
        licence=_text(info.get("general.license")),
    )


def _length(info: Mapping[str, Any]) -> int | None:
    tokens = info.get("tokenizer.ggml.tokens")
    return len(tokens) if isinstance(tokens, list) and tokens else None


def _count(value: Any) -> int | None:
    figures = value if isinstance(value, list) else [value]
    whole = [f for f in figures if isinstance(f, int) and not isinstance(f, bool)]
    is_sound = bool(whole) and len(whole) == len(figures) and 0 < max(whole) <= COUNT_LIMIT
    return max(whole) if is_sound else None


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    plain = "".join(character for character in value if character.isprintable())
    return plain.strip()[:TEXT_LENGTH] or None


def embeds_only(shown: ShownModel) -> bool:
    """Return whether the model makes embeddings and cannot complete text."""
    return "embedding" in shown.capabilities and "completion" not in shown.capabilities
