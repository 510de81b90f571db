"""The model store keeps files whole, once, and inside its folder."""

import hashlib
from pathlib import Path

import pytest

from models_app.domain.store import ModelStore

CONTENT = b"weights"
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    root = tmp_path / "models"
    root.mkdir()
    return ModelStore(root)


def part(tmp_path: Path) -> Path:
    path = tmp_path / "import.part"
    path.write_bytes(CONTENT)
    return path


def test_adopting_moves_the_file_and_may_be_repeated(store: ModelStore, tmp_path: Path) -> None:
    path = store.adopt(part(tmp_path), SHA, "a.gguf")
    assert path.read_bytes() == CONTENT
    again = part(tmp_path)
    assert store.adopt(again, SHA, "a.gguf") == path
    assert not again.exists()
    assert list(store.contents()) == [SHA]


def test_verifying_finds_a_flipped_byte(store: ModelStore, tmp_path: Path) -> None:
    path = store.adopt(part(tmp_path), SHA, "a.gguf")
    assert store.verify(SHA, "a.gguf")
    path.write_bytes(b"Weights")
    assert not store.verify(SHA, "a.gguf")
    assert not store.verify("0" * 64, "a.gguf")


def test_removing_what_is_not_there_is_fine(store: ModelStore, tmp_path: Path) -> None:
    store.adopt(part(tmp_path), SHA, "a.gguf")
    store.remove(SHA)
    store.remove(SHA)
    assert list(store.contents()) == []


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "", ".hidden", "a/b"])
def test_names_cannot_leave_the_store(store: ModelStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a file name"):
        store.path_of(SHA, name)


@pytest.mark.parametrize("digest", ["../" + "a" * 61, "A" * 64, "", "0" * 63])
def test_only_a_digest_names_a_content(store: ModelStore, digest: str) -> None:
    with pytest.raises(ValueError, match="not a sha256"):
        store.path_of(digest, "a.gguf")
    with pytest.raises(ValueError, match="not a sha256"):
        store.remove(digest)
