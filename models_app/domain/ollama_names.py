"""Names of models on Ollama servers: the grammar, and how ours are told from others'.

A name is `[namespace/]model[:tag]`. A host part in front would make the server fetch from wherever
it says, so it is refused unless that registry is allowed. What Slipway puts on a server lies in a
namespace of its own and carries the spec's hash or the content's in its tag: it can be found,
compared and adopted again from the server's list alone.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from models_app.domain.errors import InvalidError

NAME_LENGTH = 350
PART_LENGTH = 80
DEFAULT_TAG = "latest"
KEEPER = "artifact"  # the model name under which an uploaded file is kept
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_REGISTRY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class ModelName:
    """A checked name; `registry` is empty for the server's default one."""

    model: str
    tag: str = DEFAULT_TAG
    namespace: str = ""
    registry: str = ""

    def __str__(self) -> str:
        front = "/".join(part for part in (self.registry, self.namespace) if part)
        return f"{front}/{self.model}:{self.tag}" if front else f"{self.model}:{self.tag}"


def parse_model_name(
    text: str, *, registries: Collection[str] = (), field: str = "name"
) -> ModelName:
    """Return the name with its tag written out. Raises InvalidError MODEL_NAME_INVALID.

    `registries` are the hosts that a name may begin with.
    """
    parts, tag = _cut(text.strip(), field)
    model, namespace = parts[-1], parts[-2] if len(parts) > 1 else ""
    registry = parts[0] if len(parts) > 2 else ""  # noqa: PLR2004 - registry/namespace/model
    sound = _is_part(_PART, model) and _is_part(_PART, tag) and all(parts)
    if not sound or ".." in text or (namespace and not _is_part(_NAMESPACE, namespace)):
        raise _invalid(text, field)
    if registry and (registry not in registries or not _REGISTRY.fullmatch(registry)):
        raise InvalidError(
            "REGISTRY_NOT_ALLOWED",
            params={"registry": registry[:80]},
            fields={field: "REGISTRY_NOT_ALLOWED"},
        )
    return ModelName(model, tag, namespace, registry)


def namespace_of(instance: str) -> str:
    """Return the namespace of what this installation puts on a server."""
    return f"slipway-{instance}"


def workload_model(instance: str, workload: str, spec_hash: str) -> str:
    """Return the name of a replica's model: its tag is the hash of what was wished."""
    return f"{namespace_of(instance)}/{workload}:{spec_hash}"


def keeper_model(instance: str, sha256: str) -> str:
    """Return the name that keeps an uploaded file from being pruned by its server."""
    return f"{namespace_of(instance)}/{KEEPER}:{sha256}"


def is_slipways(name: str) -> bool:
    """Return whether some Slipway, this one or another, put that model there."""
    return name.startswith("slipway-") and "/" in name


def _cut(text: str, field: str) -> tuple[list[str], str]:
    if not text or len(text) > NAME_LENGTH or "://" in text or "@" in text:
        raise _invalid(text, field)
    front, colon, tag = text.rpartition(":")
    if not colon or "/" in tag:
        front, tag = text, DEFAULT_TAG
    parts = front.split("/")
    if len(parts) > 3:  # noqa: PLR2004 - registry/namespace/model
        raise _invalid(text, field)
    return parts, tag


def _is_part(pattern: re.Pattern[str], part: str) -> bool:
    return len(part) <= PART_LENGTH and bool(pattern.fullmatch(part))


def _invalid(text: str, field: str) -> InvalidError:
    return InvalidError(
        "MODEL_NAME_INVALID", params={"name": text[:80]}, fields={field: "MODEL_NAME_INVALID"}
    )
