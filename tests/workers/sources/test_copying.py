"""Part files under two writers: the second is one that slept while the first ended the work."""

import hashlib
import time
from pathlib import Path

from models_app.domain.store import ModelStore
from workers.sources.copying import append_slice, write_at

CONTENT = bytes(range(256)) * 64


def test_who_wakes_when_the_file_is_adopted_spoils_nothing(tmp_path: Path) -> None:
    source, part = tmp_path / "source", tmp_path / "a.part"
    source.write_bytes(CONTENT)
    part.write_bytes(CONTENT[:1000])
    store, sha256 = ModelStore(tmp_path / "store"), hashlib.sha256(CONTENT).hexdigest()
    with write_at(part, 1000) as sleeper:
        sleeper.write(CONTENT[1000:5000])  # what it had in hand when it fell asleep
        moved = append_slice(source, part, size=len(CONTENT), until=time.monotonic())
        assert moved.finished
        store.adopt(part, sha256, "a.gguf")
    assert store.verify(sha256, "a.gguf")


def test_goes_on_behind_the_last_byte(tmp_path: Path) -> None:
    source, part = tmp_path / "source", tmp_path / "a.part"
    source.write_bytes(CONTENT)
    part.write_bytes(CONTENT[:777])
    assert append_slice(source, part, size=len(CONTENT), until=0.0).finished
    assert part.read_bytes() == CONTENT
