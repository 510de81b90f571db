import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models_app.domain.failures import FailureCode, FailureError
from models_app.domain.store import ModelStore, StoredFile, hash_file

DATA = b"weights" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()
OTHER = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    (tmp_path / "models").mkdir()
    return ModelStore(tmp_path / "models")


def part_of(tmp_path: Path, data: bytes = DATA) -> Path:
    part = tmp_path / "x.part"
    part.write_bytes(data)
    return part


def test_adopt_moves_the_file_to_the_place_of_its_content(
    store: ModelStore, tmp_path: Path
) -> None:
    part = part_of(tmp_path)
    place = store.adopt(part, SHA256, "m.gguf")
    assert place == store.root / SHA256[:2] / SHA256 / "m.gguf"
    assert place.read_bytes() == DATA
    assert place.stat().st_mode & 0o777 == 0o444
    assert not part.exists()
    assert store.verify(SHA256, "m.gguf")


def test_adopt_again_is_no_news(store: ModelStore, tmp_path: Path) -> None:
    place = store.adopt(part_of(tmp_path), SHA256, "m.gguf")
    assert store.adopt(tmp_path / "x.part", SHA256, "m.gguf") == place


def test_adopting_a_good_copy_heals_a_rotten_one(store: ModelStore, tmp_path: Path) -> None:
    place = store.adopt(part_of(tmp_path), SHA256, "m.gguf")
    place.chmod(0o644)
    place.write_bytes(b"rotten")
    assert not store.verify(SHA256, "m.gguf")
    store.adopt(part_of(tmp_path), SHA256, "m.gguf")
    assert store.verify(SHA256, "m.gguf")


def test_adopt_without_part_or_file(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(FailureError) as caught:
        store.adopt(tmp_path / "x.part", SHA256, "m.gguf")
    assert caught.value.failure.code is FailureCode.ARTIFACT_MISSING


def test_adopt_from_another_disk_copies_and_renames(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.replace

    def replace(self: Path, target: Any) -> Path:
        if self.suffix == ".part":
            raise OSError(errno.EXDEV, "other disk")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    part = part_of(tmp_path)
    place = store.adopt(part, SHA256, "m.gguf")
    assert [place] == list(place.parent.iterdir())
    assert store.verify(SHA256, "m.gguf")
    assert not part.exists()


def test_a_full_disk_has_its_code(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FailureError) as caught:
        store.adopt(part_of(tmp_path), SHA256, "m.gguf")
    assert caught.value.failure.code is FailureCode.DISK_FULL
    assert list(store.files()) == []


@pytest.mark.parametrize(
    "sha256", ["", "..", "A" * 64, "a" * 63, "../" + "a" * 61, "a" * 64 + "\n"]
)
def test_only_a_sha256_names_a_place(store: ModelStore, sha256: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - nothing else to match
        store.path_of(sha256, "m.gguf")


@pytest.mark.parametrize("name", ["../m", "a/b", ".", "", ".hidden", "a\x00b"])
def test_only_a_harmless_file_name_is_taken(store: ModelStore, name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        store.path_of(SHA256, name)


def test_remove_and_absent_is_success(store: ModelStore, tmp_path: Path) -> None:
    store.adopt(part_of(tmp_path), SHA256, "m.gguf")
    store.remove(SHA256)
    store.remove(SHA256)
    store.remove(OTHER)
    assert list(store.files()) == []
    assert [path.name for path in store.root.iterdir()] == [SHA256[:2]]


def test_a_reader_keeps_what_is_removed(store: ModelStore, tmp_path: Path) -> None:
    place = store.adopt(part_of(tmp_path), SHA256, "m.gguf")
    with place.open("rb") as reader:
        store.remove(SHA256)
        assert reader.read() == DATA


def test_rubbish_of_a_killed_removal_is_swept_by_the_next(store: ModelStore) -> None:
    rubbish = store.root / f".removing-{OTHER}-1234"
    rubbish.mkdir()
    (rubbish / "m.gguf").write_bytes(DATA)
    assert list(store.files()) == []
    store.remove(SHA256)
    assert not rubbish.exists()


def test_files_and_orphans(store: ModelStore, tmp_path: Path) -> None:
    place = store.adopt(part_of(tmp_path), SHA256, "m.gguf")
    (store.root / "zz").mkdir()
    (store.root / "zz" / "notes.txt").write_text("not ours")
    expected = StoredFile(SHA256, "m.gguf", len(DATA), place.stat().st_mtime)
    assert list(store.files()) == [expected]
    assert store.orphans({SHA256}) == []
    assert store.orphans({OTHER}) == [expected]
    assert store.free_bytes() > 0


def test_hashing_tells_how_far_it_is(tmp_path: Path) -> None:
    beats: list[int] = []
    assert hash_file(part_of(tmp_path), heartbeat=beats.append) == SHA256
    assert beats == [len(DATA)]


@pytest.mark.parametrize("call", range(12))
def test_killed_before_any_call_of_the_system_nothing_half_made_is_left(
    store: ModelStore, tmp_path: Path, call: int
) -> None:
    """The process ends itself before its n-th fsync, mkdir, chmod or rename."""
    part_of(tmp_path)
    script = f"""
import os, sys
from pathlib import Path
from models_app.domain.store import ModelStore
left = {call}
WATCHED = {{"os.rename", "os.mkdir", "os.chmod", "open"}}
def hook(event, args):
    global left
    if event in WATCHED and str({str(tmp_path)!r}) in repr(args):
        if left == 0:
            os._exit(9)
        left -= 1
store = ModelStore(Path({str(store.root)!r}))
sys.addaudithook(hook)
store.adopt(Path({str(tmp_path / "x.part")!r}), {SHA256!r}, "m.gguf")
"""
    subprocess.run([sys.executable, "-c", script], check=False, timeout=30, cwd=Path.cwd())
    for stored in store.files():
        assert store.verify(stored.sha256, stored.file_name)
    store.adopt(tmp_path / "x.part", SHA256, "m.gguf")
    assert store.verify(SHA256, "m.gguf")
    assert len(list(store.files())) == 1
