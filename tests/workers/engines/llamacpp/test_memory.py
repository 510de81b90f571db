"""The prediction against a real replica, measured here and now."""

from pathlib import Path

import pytest

from benchmarks.sizing import ABOVE, BELOW, peak_of, stored
from models_app.domain.gguf import facts, read_header
from models_app.domain.gguf_memory import estimate_gguf
from tests.smollm2 import smollm2_file
from workers.engines.llamacpp.engine import MANIFEST


@pytest.mark.slow
def test_a_real_replica_takes_what_was_predicted(tmp_path: Path) -> None:
    path = smollm2_file()
    found = facts(read_header(path))
    asked = {"context_length": 1024, "parallel_sequences": 2}
    predicted = estimate_gguf(found, asked, overhead_bytes=MANIFEST.overhead_bytes).total_bytes
    peak = peak_of(tmp_path, stored(tmp_path / "models", path), found, asked)
    assert predicted
    assert 1 - BELOW <= predicted / peak <= 1 + ABOVE
